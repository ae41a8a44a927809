"""Views of the webhooks blueprint."""

from flask import Response, request

from app.extensions import csrf, limiter
from app.services.webhook_events import receive_event
from app.web.access import webhook
from app.web.context import get_context
from app.web.webhooks import blueprint

# The provider's events are a few kilobytes; an invoice of 250 lines shows only its first ten.
MAX_BYTES = 256 * 1024


@blueprint.post("/webhooks/stripe/")
@csrf.exempt
@limiter.exempt
@webhook
def stripe() -> Response:
    """Take one event of the payment provider: 200 once it is stored, 400 when it is not theirs.

    The signature covers the body as it came, so nothing here parses it before.
    """
    request.max_content_length = MAX_BYTES
    is_taken = receive_event(
        get_context(),
        request.get_data(cache=False),
        signature=request.headers.get("Stripe-Signature", ""),
    )
    text, status = ("taken", 200) if is_taken else ("refused", 400)
    return Response(text, status=status, mimetype="text/plain")
