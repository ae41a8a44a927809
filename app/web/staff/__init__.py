"""The vendor's own people: their login, their account, and who they are."""

import logging
from typing import Any

from flask import Blueprint

from app.web.logging import mask_logs
from app.web.wordings.staff import staff_role_word, staff_state_word

blueprint = Blueprint("staff", __name__)
blueprint.add_app_template_filter(staff_role_word)
blueprint.add_app_template_filter(staff_state_word)


@blueprint.record_once
def keep_keys_out_of_logs(state: Any) -> None:
    """Addresses of setup links hold secrets; no log of ours shall have them."""
    servers = ("werkzeug", "gunicorn.access", "gunicorn.error")
    mask_logs(state.app.logger, *(logging.getLogger(name) for name in servers))


# The views attach themselves to the blueprint.
from app.web.staff import account_views, people_views, provider_views, views  # noqa: E402, F401  # see above
