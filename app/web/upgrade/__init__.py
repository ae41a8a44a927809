"""The upgrade blueprint."""

from flask import Blueprint

from app.web.wordings import offers, purchases, trials

blueprint = Blueprint("upgrade", __name__)

for word in (
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

from app.web.upgrade import views  # noqa: E402, F401  # the views attach themselves to the blueprint
