"""The sponsorship blueprint: asking to have everything for nothing, and what became of it."""

from flask import Blueprint

from app.web.wordings import sponsorship

blueprint = Blueprint("sponsorship", __name__)

for word in (
    sponsorship.sponsorship_headline,
    sponsorship.sponsorship_lead,
    sponsorship.organization_type_word,
):
    blueprint.add_app_template_filter(word)

# The views attach themselves to the blueprint.
from app.web.sponsorship import views  # noqa: E402, F401  # see above
