"""The login blueprint."""

import logging
from typing import Any

from flask import Blueprint

from app.web.logging import mask_logs
from app.web.wordings.login import moving_words

blueprint = Blueprint("login", __name__)
blueprint.add_app_template_filter(moving_words)


@blueprint.record_once
def keep_tokens_out_of_logs(state: Any) -> None:
    """Addresses of this blueprint hold secrets; no log of ours shall have them."""
    # gunicorn's are masked here as well: whoever forgets its option for `MaskingLogger` shall not
    # find the way into somebody's billing in a file.
    servers = ("werkzeug", "gunicorn.access", "gunicorn.error")
    mask_logs(state.app.logger, *(logging.getLogger(name) for name in servers))


# The views attach themselves to the blueprint.
from app.web.login import mail_views, move_views, refusals, server_views, views  # noqa: E402, F401  # see above
