"""The remotes blueprint."""

from flask import Blueprint

blueprint = Blueprint("remotes", __name__)

from app.web.remotes import views  # noqa: E402, F401  # the views attach themselves to the blueprint
