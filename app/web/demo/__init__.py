"""The demo blueprint: caught mail, the time machine, the sample customers."""

from flask import Blueprint, has_request_context, url_for

blueprint = Blueprint("demo", __name__)


@blueprint.app_context_processor
def show_the_way() -> dict[str, str]:
    """Let every page of the portal lead to the demo's own pages. Mails are no pages."""
    if not has_request_context():
        return {}
    return {"demo_url": url_for("demo.overview")}


# The views attach themselves to the blueprint.
from app.web.demo import views  # noqa: E402, F401  # see above
