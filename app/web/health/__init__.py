"""The health blueprint."""

from flask import Blueprint

blueprint = Blueprint("health", __name__)

from app.web.health import views  # noqa: E402, F401  # the views attach themselves to the blueprint
