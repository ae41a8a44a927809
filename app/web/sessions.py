"""Server-side sessions."""

from flask import Flask


def init_app(app: Flask) -> None:
    """Use our sessions."""
