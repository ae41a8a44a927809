"""The support console: what staff see of customers, and do for them."""

from flask import Blueprint

blueprint = Blueprint("support", __name__, url_prefix="/support")

# Each module attaches its views to the blueprint.
from app.web.support import (  # noqa: E402, F401  # see above
    customer_views,
    overview_views,
    search_views,
    shell,
)
from app.web.support.actions import approval_views, views  # noqa: E402, F401  # see above
