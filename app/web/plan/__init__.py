"""The plan blueprint."""

from flask import Blueprint

blueprint = Blueprint("plan", __name__)

from app.web.plan import views  # noqa: E402, F401  # the views attach themselves to the blueprint
