"""The login blueprint."""

from flask import Blueprint

blueprint = Blueprint("login", __name__)

from app.web.login import views  # noqa: E402, F401  # the views attach themselves to the blueprint
