"""The plan blueprint: what a customer changes about a running plan, and its card."""

from flask import Blueprint

from app.web.wordings import plan_changes

blueprint = Blueprint("plan", __name__)

for word in (
    plan_changes.change_headline,
    plan_changes.change_consequences,
    plan_changes.management_headline,
    plan_changes.management_consequences,
    plan_changes.switch_words,
):
    blueprint.add_app_template_filter(word)

from app.web.plan import (  # noqa: E402  # they attach themselves to the blueprint
    cards,  # noqa: F401  # as above
    change_views,  # noqa: F401  # as above
    payments,  # noqa: F401  # as above
    views,  # noqa: F401  # as above
)
