"""The support console: what staff see of customers, and do for them."""

from importlib import import_module

from flask import Blueprint

blueprint = Blueprint("support", __name__, url_prefix="/support")

# Each of these modules attaches its views to the blueprint.
MODULES = (
    "actions.approval_views",
    "actions.views",
    "coupon_views",
    "customer_views",
    "overview_views",
    "search_views",
    "shell",
)
for name in MODULES:
    import_module(f"{__name__}.{name}")
