"""The two calls by which a server that lost its secrets gets its registration back."""

import re

from flask import Response, request

from app.domain.errors import BillingError
from app.services.transfer_registration import SECRET_FIELD, finish_transfer, start_transfer
from app.web.access import public
from app.web.context import get_context
from app.web.remotes import blueprint
from app.web.remotes.authentication import limit_transfers
from app.web.remotes.bodies import Fields, read_fields
from app.web.remotes.commands import LONGEST_SERVER_HOST
from app.web.remotes.values import read_hostname
from app.web.remotes.views import BASE, success

# It becomes a part of an address, so nothing that means something there may be in it.
ACCESS_TOKEN_FORM = r"[A-Za-z0-9_-]{16,128}"


@blueprint.post(f"{BASE}/server/register/transfer")
@public
@limit_transfers
def post_transfer() -> Response:
    """A secret for the host to serve, good once and for ten minutes."""
    hostname = _read_hostname(read_fields(request))
    secret = start_transfer(get_context(), hostname, ip=request.remote_addr)
    return success(**{SECRET_FIELD: secret})


@blueprint.post(f"{BASE}/server/register/verify_challenge")
@public
@limit_transfers
def post_verify_challenge() -> Response:
    """Fetch the secret from `https://<hostname>/api/v1/zulip-services/verify/<access_token>/` and
    answer with the registration's UUID and its new key; the old key stops working."""
    fields = read_fields(request)
    found = finish_transfer(
        get_context(),
        _read_hostname(fields),
        access_token=_read_access_token(fields),
        ip=request.remote_addr,
    )
    return success(zulip_org_id=found.uuid, zulip_org_key=found.key)


def _read_hostname(fields: Fields) -> str:
    return read_hostname(fields.text("hostname"), "hostname", most=LONGEST_SERVER_HOST)


def _read_access_token(fields: Fields) -> str:
    text = fields.text("access_token")
    if not re.fullmatch(ACCESS_TOKEN_FORM, text):
        raise BillingError("field_not_access_token", field="access_token")
    return text
