"""Taking over a registration by its hostname, for a server that lost its id and key.

The billing service hands out a secret; this server serves it at its hostname, by https, under an
address that nobody can guess; the service looks there, and then gives this server the registration
with a new key.  The process that runs `serve` answers, whichever process asked for the transfer:
what it answers with lies in the store, for as long as the transfer lasts.
"""

from __future__ import annotations

import hmac
import secrets

from flask import Flask, abort, jsonify
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException

from .locks import one_at_a_time
from .portal_client import TRANSFER_TIMEOUT, PortalClient, PortalProblem
from .registration import clean_hostname, own_hostname
from .store import Store, save_settings

BEGIN, VERIFY = "transfer", "verify_challenge"
# 32 bytes are 43 characters of A-Z, a-z, 0-9, "-" and "_".
TOKEN_BYTES = 32


def transfer_registration(store: Store, *, hostname: str | None = None) -> bool:
    """Take over the registration of this server's hostname; returns whether its id was another.

    A `hostname` given is the server's from then on.  Raises InputError when it cannot be one.
    Nothing is stored unless everything went well.  Raises PortalProblem whose `step` says whether
    the service refused to begin, or did not find the secret at the hostname.
    """
    with one_at_a_time(store):
        settings = store.settings()
        wanted = own_hostname(settings) if hostname is None else clean_hostname(hostname)
        client = PortalClient(settings.portal, "", "", TRANSFER_TIMEOUT)
        try:
            secret = client.begin_transfer(hostname=wanted)
            token = secrets.token_urlsafe(TOKEN_BYTES)
            store.save(verify_token=token, verify_secret=secret)
            try:
                server_uuid, server_key = client.verify_challenge(
                    hostname=wanted, access_token=token
                )
            except PortalProblem as problem:
                problem.step = VERIFY
                raise
        except PortalProblem as problem:
            problem.step = problem.step or BEGIN
            raise
        finally:
            store.save(verify_token="", verify_secret="")
        with store.write() as connection:
            save_settings(
                connection,
                server_uuid=server_uuid,
                server_key=server_key,
                pending_key="",
                registered=True,
                refusal="",
                hostname=settings.hostname if hostname is None else wanted,
            )
        return server_uuid != settings.server_uuid


def create_verification_app(store: Store) -> Flask:
    """Return the app that is served by https: the secret of a transfer under way, nothing else."""
    app = Flask("app.sample_server.verification", static_folder=None)

    @app.get("/api/v1/zulip-services/verify/<string:access_token>/")
    def verify(access_token: str) -> ResponseReturnValue:
        settings = store.settings()
        wanted = settings.verify_token
        if not wanted or not hmac.compare_digest(wanted.encode(), access_token.encode()):
            abort(404)
        response = jsonify(verification_secret=settings.verify_secret)
        response.headers["Cache-Control"] = "no-store"
        return response

    @app.errorhandler(HTTPException)
    def refuse(error: HTTPException) -> ResponseReturnValue:
        return jsonify(error=error.name), error.code or 500

    return app
