"""The usage blueprint: who is counted, and how it was day by day."""

from flask import Blueprint

from app.web.wordings import usage

blueprint = Blueprint("usage", __name__)

for word in (
    usage.usage_headline,
    usage.place_words,
    usage.change_words,
    usage.range_word,
    usage.date_words,
):
    blueprint.add_app_template_filter(word)

from app.web.usage import views  # noqa: E402, F401  # the views attach themselves to the blueprint
