"""The API's description as a document for programs and as a page for people."""

from flask import Blueprint

blueprint = Blueprint("api_docs", __name__)

from app.web.api_docs import views  # noqa: E402, F401  # the views attach themselves to the blueprint
