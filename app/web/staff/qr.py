"""The QR code that an authenticator reads, as an image of its own: the page's policy stays strict."""

import io

import segno
from flask import Response, abort, make_response

from app.services.staff_factor import enrollment_address, open_secret
from app.web.context import get_context
from app.web.staff import half_logins


def qr_image(email: str) -> Response:
    """The code of the secret that is being set up in this browser; 404 when none is."""
    ctx = get_context()
    secret = open_secret(ctx, half_logins.get_enrolling_secret())
    if secret is None:
        abort(404)
    drawn = io.BytesIO()
    # Scanners want dark on light, in dark mode too.
    segno.make(enrollment_address(ctx, secret, email=email), error="m").save(
        drawn, kind="svg", scale=5, dark="#000000", light="#ffffff", svgclass=None, lineclass=None
    )
    response = make_response(drawn.getvalue())
    response.mimetype = "image/svg+xml"
    response.headers["Cache-Control"] = "no-store"
    return response


def spelled_secret() -> str:
    """The secret in groups of four, for whoever types it."""
    secret = open_secret(get_context(), half_logins.enrolling_secret()) or ""
    return " ".join(secret[start : start + 4] for start in range(0, len(secret), 4))
