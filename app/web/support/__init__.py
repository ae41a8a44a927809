"""The support console: what staff see of customers, and do for them."""

from flask import Blueprint

blueprint = Blueprint("support", __name__, url_prefix="/support")

# Each of these modules attaches its views to the blueprint.
from app.web.support import (  # noqa: E402, F401  # see above
    announcement_views,
    coupon_views,
    customer_tab_views,
    customer_views,
    overview_views,
    queue_views,
    search_views,
    seeing_views,
    shell,
)
from app.web.support.actions import (  # noqa: E402, F401  # see above
    approval_views,
    views,
)
