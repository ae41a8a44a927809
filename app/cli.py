"""The command line: `flask billing ...`, `flask demo ...`."""

from flask import Flask


def register_commands(app: Flask) -> None:
    """Add our groups to `flask`."""
