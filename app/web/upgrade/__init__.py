"""The upgrade blueprint."""

from flask import Blueprint

blueprint = Blueprint("upgrade", __name__)

from app.web.upgrade import views  # noqa: E402, F401  # the views attach themselves to the blueprint
