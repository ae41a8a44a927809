"""The plan blueprint: what a customer changes about a running plan, and its card."""

from flask import Blueprint

blueprint = Blueprint("plan", __name__)

from app.web.plan import (  # noqa: E402  # they attach themselves to the blueprint
    cards,  # noqa: F401  # as above
    payments,  # noqa: F401  # as above
    views,  # noqa: F401  # as above
)
