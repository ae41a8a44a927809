"""Security headers."""

from flask import Flask


def init_app(app: Flask) -> None:
    """Send them with every answer."""
