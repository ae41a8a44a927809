"""The demo blueprint."""

from flask import Blueprint

blueprint = Blueprint("demo", __name__)

from app.web.demo import views  # noqa: E402, F401  # the views attach themselves to the blueprint
