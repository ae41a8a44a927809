"""The portal blueprint."""

from flask import Blueprint

blueprint = Blueprint("portal", __name__)

from app.web.portal import views  # noqa: E402, F401  # the views attach themselves to the blueprint
