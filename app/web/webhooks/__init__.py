"""The webhooks blueprint."""

from flask import Blueprint

blueprint = Blueprint("webhooks", __name__)

from app.web.webhooks import views  # noqa: E402, F401  # the views attach themselves to the blueprint
