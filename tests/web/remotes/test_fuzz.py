"""Laws: no request whatever brings a 500, and a refused one leaves nothing behind."""

import json
from typing import Any

import pytest
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select

from app.models.base import Base
from app.services.context import Context
from tests.support.wire import WireServer, audit_row, count_row, realm

# Those that read a body.
PATHS = ["server/register", "server/analytics", "server/billing"]
NAMES = [
    "realm_counts",
    "installation_counts",
    "realmauditlog_rows",
    "realms",
    "version",
    "api_feature_level",
    "seat_digests",
    "user",
    "realm",
    "uri_scheme",
    "next_page",
    "zulip_org_id",
    "zulip_org_key",
    "hostname",
    "contact_email",
    "new_org_key",
    "signing_public_key",
    "é\0",
]
# Numbers at the edges of what columns, floats and calendars hold.
NUMBERS = st.one_of(
    st.integers(-3, 3),
    st.sampled_from([2**31 - 1, 2**31, 2**63 - 1, 2**63, -(2**63) - 1, 10**30, 253402300800]),
    st.floats(allow_nan=True, allow_infinity=True),
    st.sampled_from([1325473445.0, 1e300, -0.0, 5e-324]),
)
# Everything JSON can write, halves of surrogate pairs and NUL included.
TEXTS = st.text(st.characters(exclude_categories=()), max_size=20)
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBERS, TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(TEXTS, inner, max_size=4)),
    max_leaves=12,
)


def nearly(right: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    """`right` with some of its keys replaced by anything, or left out, or others added."""
    changes = st.dictionaries(st.sampled_from([*right, "surprise"]), VALUES, max_size=2)
    without = st.lists(st.sampled_from(list(right)), max_size=1)
    return st.builds(
        lambda changed, left_out: {
            name: value for name, value in (right | changed).items() if name not in left_out
        },
        changes,
        without,
    )


EXTRA_DATA = st.one_of(
    VALUES,
    st.builds(lambda roles: {"10": {"11": roles}}, VALUES),
    st.builds(json.dumps, VALUES),
)
UPLOADS = st.fixed_dictionaries(
    {
        "realm_counts": st.lists(nearly(count_row(1)), max_size=3),
        "installation_counts": st.lists(nearly(count_row(1, organization=None)), max_size=3),
        "realmauditlog_rows": st.lists(
            st.one_of(
                nearly(audit_row(1, 5)),
                st.builds(lambda extra: audit_row(1, extra_data=extra), EXTRA_DATA),
            ),
            max_size=3,
        ),
        "realms": st.lists(nearly(realm()), max_size=2),
    },
    optional={
        "version": VALUES,
        "api_feature_level": VALUES,
        "seat_digests": VALUES,
    },
)


def everything(ctx: Context) -> list[int]:
    """How many rows each table has."""
    with ctx.sessions() as session:
        return [
            session.scalar(select(func.count()).select_from(table)) or 0
            for table in Base.metadata.sorted_tables
        ]


def check(response: Any, before: list[int], after: list[int], ids: bool) -> None:
    assert response.status_code in {200, 400, 401, 403, 404, 413, 415}, response.data
    assert response.mimetype == "application/json"
    answer = response.get_json()
    assert answer["result"] == ("success" if response.status_code == 200 else "error")
    if response.status_code != 200:
        assert answer["code"] and answer["msg"]
        assert before == after and ids


@pytest.fixture
def known(server: WireServer) -> WireServer:
    """A server with something stored, so that there is something to break."""
    assert server.upload([audit_row(1, 4, at=1325400000.0)], [realm()]).status_code == 200
    return server


@given(path=st.sampled_from(PATHS), body=st.binary(max_size=200), kind=st.integers(0, 3))
def test_any_bytes(known: WireServer, ctx: Context, path: str, body: bytes, kind: int) -> None:
    kinds = ["application/x-www-form-urlencoded", "application/json", "text/plain", ""]
    before, ids = everything(ctx), known.last_ids()
    response = known.call("POST", path, data=body, content_type=kinds[kind])
    check(response, before, everything(ctx), ids == known.last_ids())


@given(
    path=st.sampled_from(PATHS),
    fields=st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=6),
    as_json=st.booleans(),
)
def test_any_fields(
    known: WireServer, ctx: Context, path: str, fields: dict[str, Any], as_json: bool
) -> None:
    before, ids = everything(ctx), known.last_ids()
    response = send(known, path, fields, as_json)
    check(response, before, everything(ctx), ids == known.last_ids())


@given(fields=UPLOADS, as_json=st.booleans())
def test_uploads_that_are_nearly_right(
    known: WireServer, ctx: Context, fields: dict[str, Any], as_json: bool
) -> None:
    for table in ("realm_counts", "installation_counts", "realmauditlog_rows"):
        last = known.last_ids()
        offset = {"realm_counts": last[0], "installation_counts": last[1]}.get(table, last[2])
        for index, row in enumerate(fields[table]):
            if row.get("id") == 1:
                # A row that was not meddled with comes in order, so that others decide.
                row["id"] = offset + index + 1
    before, ids = everything(ctx), known.last_ids()
    response = send(known, "server/analytics", fields, as_json)
    check(response, before, everything(ctx), ids == known.last_ids())


@given(header=st.text(st.characters(max_codepoint=255), max_size=80))
def test_any_authorization(known: WireServer, client: FlaskClient, header: str) -> None:
    clean = header.replace("\r", "").replace("\n", "")
    for value in (clean, f"Basic {clean}"):
        response = known.call(
            "GET", "server/analytics/status", auth=None, headers={"Authorization": value}
        )
        assert response.status_code == 401
        assert response.get_json()["code"] == "INVALID_ZULIP_SERVER"


def send(server: WireServer, path: str, fields: dict[str, Any], as_json: bool) -> Any:
    """The fields as a client that does not care what it writes would send them."""
    if as_json:
        return server.call(
            "POST", path, data=json.dumps(fields).encode(), content_type="application/json"
        )
    data = {
        name: value.encode("utf-8", "replace") if isinstance(value, str) else json.dumps(value)
        for name, value in fields.items()
    }
    return server.call("POST", path, data=data)
