"""The support console: what staff see of customers, and do for them."""

from flask import Blueprint

blueprint = Blueprint("support", __name__, url_prefix="/support")

# Each module attaches its views to the blueprint.
from app.web.support import customer_views, overview_views, shell  # noqa: E402, F401  # see above
from app.web.support.actions import approval_views, views  # noqa: E402, F401  # see above
