"""The portal blueprint: what a customer looks at."""

from flask import Blueprint

from app.web.wordings import charges, ledger, pages, uploads

blueprint = Blueprint("portal", __name__)

for word in (
    pages.near_day,
    pages.card_words,
    pages.price_words,
    pages.fixed_price_words,
    pages.billing_headline,
    pages.growth_words,
    pages.what_follows,
    ledger.event_word,
    ledger.role_words,
    ledger.entry_words,
    ledger.cause_words,
    charges.charge_reason,
    charges.invoice_reason,
    charges.grain_words,
    uploads.missing_headline,
    uploads.missing_lead,
    uploads.refusal_words,
    uploads.remedy_words,
    uploads.meanwhile_words,
):
    blueprint.add_app_template_filter(word)

from app.web.portal import (  # noqa: E402  # the views attach themselves to the blueprint
    billing_views,  # noqa: F401  # as above
    invoice_views,  # noqa: F401  # as above
    views,  # noqa: F401  # as above
)
