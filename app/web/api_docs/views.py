"""The wire API described: for anyone, since whoever writes a client has no login here."""

import msgspec
from flask import Response, current_app, render_template, request
from flask.typing import ResponseReturnValue

from app.web.access import public
from app.web.api_docs import blueprint
from app.web.api_docs.pages import build_reference
from app.web.context import get_context
from app.web.openapi import build_document
from app.web.openapi.shapes import JSON, Json

# It changes with a release or a setting, and nothing secret is in it.
MAX_AGE = 300


@blueprint.get("/api/v1/openapi.json")
@public
def openapi() -> Response:
    """The OpenAPI document. May be kept for five minutes; has an ETag."""
    response = Response(msgspec.json.encode(_document()), mimetype=JSON)
    response.headers["Cache-Control"] = f"public, max-age={MAX_AGE}"
    response.add_etag()
    response.make_conditional(request)
    return response


@blueprint.get("/api/")
@public
def reference() -> ResponseReturnValue:
    """The same document to read: each call with its fields, examples and errors."""
    return render_template("api_docs/reference.html", page=build_reference(_document()))


def _document() -> Json:
    ctx = get_context()
    brand = ctx.catalog.brand
    return build_document(
        ctx.settings,
        product=brand.product,
        support_email=brand.support_email,
        version=current_app.config["VERSION"],
    )
