"""The look: colors of the brand, the logo, light or dark, and what every layout is handed."""

from flask import Blueprint

blueprint = Blueprint("look", __name__)

from app.web.look import shell, views  # noqa: E402, F401  # both attach themselves to the blueprint
