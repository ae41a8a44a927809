"""What is noted when an upload is refused, for the page about missing data."""

import json
from collections.abc import Callable
from io import BytesIO
from typing import Any

import pytest
from flask import Flask

from app.clock import FixedClock
from app.domain.errors import BillingError
from app.models.registrations import Server
from app.services.context import Context
from app.services.refused_uploads import LONGEST_TEXT, note_refusal
from app.web.wording import message_for
from tests.support.wire import WireServer, audit_row, load_server, realm, refusal


def noted(ctx: Context) -> tuple[str | None, dict[str, Any] | None]:
    """Code and parameters."""
    server = load_server(ctx)
    assert (server.refused_at is None) is (server.refused_code is None)
    return server.refused_code, server.refused_params


def told(server: Server) -> str:
    """The words that a page makes of it."""
    assert server.refused_code is not None
    return message_for(
        BillingError(server.refused_code, **(server.refused_params or {}))  # as a page does
    )


def test_rules_of_the_upload(server: WireServer, ctx: Context, clock: FixedClock) -> None:
    server.upload([audit_row(5, 3)], [realm()])
    assert noted(ctx) == (None, None)
    clock.advance(hours=1)
    answer = refusal(server.upload([audit_row(5, 4)], [realm(2), realm(3)]))
    assert noted(ctx) == ("data_out_of_order", {})
    assert load_server(ctx).refused_at == ctx.now()
    # Nothing else of it was kept.
    assert server.last_ids() == (0, 0, 5)
    assert told(load_server(ctx)) == answer[2]
    clock.advance(hours=1)
    assert server.upload([audit_row(6, 4)]).status_code == 200
    assert noted(ctx) == (None, None)


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"realm_counts": "[]"}, "field_missing"),
        ({"realm_counts": "[", "installation_counts": "[]"}, "field_not_json"),
        (
            {"realm_counts": "[]", "installation_counts": "[]", "realms": json.dumps([{"id": 1}])},
            "field_missing",
        ),
        ({"realm_counts": json.dumps([{"id": "\x01" * 500}])}, "field_wrong"),
    ],
)
def test_fields_that_cannot_be_read(
    server: WireServer, ctx: Context, fields: dict[str, str], code: str
) -> None:
    answer = refusal(server.call("POST", "server/analytics", data=fields))
    found, params = noted(ctx)
    assert found == code
    assert params is not None and params["field"].startswith(("realm", "installation"))
    assert told(load_server(ctx)) == answer[2]


@pytest.mark.parametrize("in_chunks", [False, True])
def test_more_than_one_report_may_hold(
    make_app: Callable[..., Flask], ctx: Context, in_chunks: bool
) -> None:
    server = WireServer(make_app(max_upload_bytes=2000).test_client())
    server.register()
    body = b"realm_counts=[]&installation_counts=[]&version=" + b"8" * 3000
    options: dict[str, Any] = {"data": body}
    if in_chunks:
        options = {
            "input_stream": BytesIO(body),
            "headers": {"Transfer-Encoding": "chunked"},
            "environ_overrides": {"wsgi.input_terminated": True},
        }
    response = server.call(
        "POST",
        "server/analytics",
        content_type="application/x-www-form-urlencoded",
        **options,
    )
    answer = refusal(response)
    assert answer[:2] == (413, "PAYLOAD_TOO_LARGE")
    assert noted(ctx) == ("payload_too_large", {"most": 2000})
    assert told(load_server(ctx)) == answer[2]
    # Whose key is wrong is not read, and notes nothing.
    assert server.upload().status_code == 200
    server.key = "x" * 64
    wrong = server.call("POST", "server/analytics", data={"version": "8" * 3000})
    assert refusal(wrong)[0] == 401
    assert noted(ctx) == (None, None)


def test_what_was_sent_is_kept_short_and_storable(server: WireServer, ctx: Context) -> None:
    error = BillingError(
        "field_wrong",
        field="a\x00b\ud800c" + "x" * 1000,
        problem=("is", "wrong"),
        number=3,
        nothing=None,
    )
    note_refusal(ctx, load_server(ctx).id, error)
    _, params = noted(ctx)
    assert params is not None
    assert params["field"].startswith("abcx") and len(params["field"]) <= LONGEST_TEXT
    assert (params["number"], params["nothing"]) == (3, None)
    assert params["problem"] == "('is', 'wrong')"


def test_who_does_not_prove_to_be_the_server_leaves_no_note(
    server: WireServer, ctx: Context
) -> None:
    server.key = "w" * 64
    assert refusal(server.upload([audit_row(1, 3)]))[0] == 401
    assert noted(ctx) == (None, None)


def test_other_calls_leave_no_note(server: WireServer, ctx: Context) -> None:
    assert server.billing(next_page="nowhere").status_code == 400
    assert server.entitlement("no uuid").status_code == 400
    assert noted(ctx) == (None, None)


@pytest.mark.sqlite_only
def test_rate_limits_leave_no_note(make_app: Callable[..., Flask], ctx: Context) -> None:
    server = WireServer(make_app(rate_limit_api="1 per minute").test_client())
    server.register()
    assert server.upload([audit_row(1, 3)]).status_code == 200
    assert refusal(server.upload([audit_row(1, 3)]))[0] == 429
    assert noted(ctx) == (None, None)
