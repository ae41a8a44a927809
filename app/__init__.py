"""Tallyport: a billing portal for vendors of self-hosted software.

This module only wires. Everything is imported inside `create_app`, so that the Stripe emulator
and the sample server, which live beside the portal, load without it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from flask import Flask

__version__ = "0.1.0"


def create_app(settings_overrides: dict[str, Any] | None = None) -> Flask:
    """The WSGI application.

    `settings_overrides` replaces fields of `Settings` by name; "clock", "payments" and "mailer"
    may hold objects to use instead of the real ones. Raises SettingsError or CatalogError with a
    text that names the variable, or the file, line and key, that cannot be used.
    """
    from app.wiring import build_app

    return build_app(settings_overrides or {})
