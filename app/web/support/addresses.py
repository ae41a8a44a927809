"""Addresses within the console that several of its areas link to."""

from typing import Any

from flask import current_app, url_for


def customer_address(uuid: str, tab: str | None = None) -> str:
    """The page of a customer, or one of its tabs."""
    endpoint = f"support.customer_{tab}"
    if tab is not None and endpoint in current_app.view_functions:
        return url_for(endpoint, customer_uuid=uuid)
    return url_for("support.customer", customer_uuid=uuid)


def action_address(uuid: str, key: str, **values: Any) -> str:
    """The form of an act for a customer."""
    return url_for("support.action", customer_uuid=uuid, action_key=key, **values)
