"""The blueprint of the pages that stop mails, reached from the mails themselves without a login."""

from flask import Blueprint

from app.web.wordings import mails

blueprint = Blueprint("mail_choices", __name__)

for word in (mails.mail_kind_word, mails.stop_these_mails):
    blueprint.add_app_template_filter(word)

# The views attach themselves to the blueprint.
from app.web.mail_choices import views  # noqa: E402, F401  # see above
