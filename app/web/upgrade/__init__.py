"""The upgrade blueprint."""

from flask import Blueprint

from app.web.wordings import legacy, offers, purchases, trials

blueprint = Blueprint("upgrade", __name__)

for word in (
    legacy.schedule_headline,
    legacy.schedule_words,
    offers.offer_headline,
    offers.offer_lead,
    offers.offer_later,
    purchases.upgrade_headline,
    purchases.renewal_words,
    purchases.discount_words,
    trials.trial_offer_words,
    purchases.required_tier_words,
    purchases.change_name,
    purchases.change_value,
    purchases.open_purchase_title,
    purchases.open_purchase_note,
    purchases.due_words,
    purchases.without_plan_words,
):
    blueprint.add_app_template_filter(word)

from app.web.upgrade import (  # noqa: E402  # the views attach themselves to the blueprint
    schedule_views,  # noqa: F401  # as above
    views,  # noqa: F401  # as above
)
