"""Values into words."""

from flask import Flask


def init_app(app: Flask) -> None:
    """Register the filters."""
