"""The account blueprint: who manages billing, what they did, whom to ask, and leaving."""

from flask import Blueprint

from app.web.wordings import account, activity

blueprint = Blueprint("account", __name__)

for word in (
    account.people_headline,
    account.role_word,
    account.invitation_words,
    account.mails_words,
    account.removed_by,
    account.obstacle_words,
    account.ending_words,
    account.help_address,
    activity.activity_headline,
    activity.activity_kind_word,
    activity.activity_who,
    activity.activity_words,
):
    blueprint.add_app_template_filter(word)

# The views attach themselves to the blueprint.
from app.web.account import (  # noqa: E402, F401  # see above
    activity_views,
    address_views,
    data_views,
    deactivate_views,
    help_views,
    people_views,
)
