"""The plan blueprint: what a customer changes about a running plan, and its card."""

from flask import Blueprint

blueprint = Blueprint("plan", __name__)

from app.web.plan import cards, views  # noqa: E402, F401  # they attach themselves to the blueprint
