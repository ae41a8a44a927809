"""POST server/analytics: rules 4 and 5, what `realms` does to the organizations of a server."""

from typing import Any

import pytest
from sqlalchemy import select

from app.clock import FixedClock
from app.domain.kinds import PlanStatus
from app.models.audit import AuditEntry
from app.models.mails import Mail
from app.models.registrations import Organization
from app.models.uploads import AuditRow, OrganizationCount
from app.services.context import Context
from tests.support.mail import RecordingMailer
from tests.support.plans import add_customer, add_plan
from tests.support.wire import (
    START,
    WireServer,
    audit_row,
    count_row,
    load_organization,
    load_server,
    realm,
    refusal,
)


def entries(ctx: Context, prefix: str = "organization.") -> list[AuditEntry]:
    with ctx.sessions() as session:
        statement = select(AuditEntry).where(AuditEntry.action.startswith(prefix))
        return list(session.scalars(statement.order_by(AuditEntry.id)))


def organizations(ctx: Context) -> list[Organization]:
    with ctx.sessions() as session:
        return list(session.scalars(select(Organization).order_by(Organization.id)))


def seats_by_organization(ctx: Context) -> dict[str | None, list[int | None]]:
    """People of the rows of each organization, by its UUID."""
    found: dict[str | None, list[int | None]] = {}
    with ctx.sessions() as session:
        statement = (
            select(Organization.uuid, AuditRow.seats)
            .join(AuditRow, AuditRow.organization_id == Organization.id)
            .order_by(AuditRow.remote_id)
        )
        for uuid, seats in session.execute(statement):
            found.setdefault(uuid, []).append(seats)
    return found


# --- created and changed ---


def test_new_organizations_are_created(server: WireServer, ctx: Context) -> None:
    response = server.upload([], [realm(2), realm(3, is_system_bot_realm=True)])
    assert set(response.get_json()["realms"]) == {realm(2)["uuid"], realm(3)["uuid"]}
    first, second = organizations(ctx)
    assert (first.host, first.url, first.name) == (
        "r2.acme.test",
        "https://r2.acme.test",
        "Organization 2",
    )
    assert (first.org_type, first.authentication_methods) == (10, {"Email": True})
    assert not first.is_system_bot_realm and second.is_system_bot_realm
    assert first.locally_deleted_at is None
    created = entries(ctx)
    assert [entry.action for entry in created] == ["organization.created"] * 2
    assert created[0].after is not None and created[0].after["host"] == "r2.acme.test"
    assert "zuliprealm_2" not in str(created[0].after)


def test_optional_keys_have_their_defaults(server: WireServer, ctx: Context) -> None:
    short = realm()
    for name in ("name", "org_type", "is_system_bot_realm", "authentication_methods"):
        del short[name]
    assert server.upload([], [short]).status_code == 200
    stored = load_organization(ctx)
    assert (stored.name, stored.org_type, stored.authentication_methods) == ("", 0, {})


def test_the_answer_names_exactly_what_was_asked(server: WireServer) -> None:
    server.upload([], [realm(2), realm(3)])
    assert set(server.upload([], [realm(2)]).get_json()["realms"]) == {realm(2)["uuid"]}
    assert server.upload([], []).get_json()["realms"] == {}
    assert server.upload([]).get_json()["realms"] == {}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("host", "new.acme.test"),
        ("url", "https://new.acme.test"),
        ("name", "A new name"),
        ("org_type", 20),
        ("deactivated", True),
        ("authentication_methods", {"Email": False, "LDAP": True}),
    ],
)
def test_changes_are_applied_and_logged_one_by_one(
    server: WireServer, ctx: Context, field: str, value: Any
) -> None:
    server.upload([], [realm()])
    server.upload([], [realm(**{field: value})])
    assert getattr(load_organization(ctx), field) == value
    changed = [entry for entry in entries(ctx) if entry.action == "organization.changed"]
    assert [(entry.before, entry.after) for entry in changed] == [
        ({field: realm()[field]}, {field: value})
    ]
    # The same list again changes nothing and says nothing.
    server.upload([], [realm(**{field: value})])
    assert len(entries(ctx)) == 2


def test_a_changed_secret_is_noted_without_being_told(server: WireServer, ctx: Context) -> None:
    server.upload([], [realm()])
    before = load_organization(ctx).owner_secret_hash
    server.upload([], [realm(uuid_owner_secret="zuliprealm_other")])
    assert load_organization(ctx).owner_secret_hash != before
    last = entries(ctx)[-1]
    assert (last.action, last.before, last.after) == (
        "organization.owner_secret_changed",
        None,
        None,
    )


# --- gone and back ---


def test_a_missing_organization_is_marked_and_restored(
    server: WireServer, ctx: Context, clock: FixedClock
) -> None:
    server.upload([audit_row(1, 5)], [realm(2), realm(3)])
    clock.advance(hours=1)
    gone_at = ctx.now()
    server.upload([], [realm(3)])
    assert load_organization(ctx).locally_deleted_at == gone_at
    assert server.entitlement().get_json()["seats"] == 0
    clock.advance(hours=1)
    server.upload([], [realm(2), realm(3)])
    assert load_organization(ctx).locally_deleted_at is None
    assert server.entitlement().get_json()["seats"] == 5
    assert [entry.action for entry in entries(ctx)][2:] == [
        "organization.locally_deleted",
        "organization.restored",
    ]


def test_without_realms_nothing_is_missing(server: WireServer, ctx: Context) -> None:
    server.upload([], [realm()])
    server.upload([])
    assert load_organization(ctx).locally_deleted_at is None


def test_an_empty_list_means_that_all_are_gone(server: WireServer, ctx: Context) -> None:
    server.upload([], [realm(2), realm(3)])
    server.upload([], [])
    assert all(found.locally_deleted_at for found in organizations(ctx))


def test_other_servers_keep_theirs(
    server: WireServer, other_server: WireServer, ctx: Context
) -> None:
    server.upload([], [realm(2)])
    other_server.upload([], [realm(3)])
    assert load_organization(ctx).locally_deleted_at is None


@pytest.mark.parametrize(
    ("tier", "price", "mails"), [("basic", 350, 1), ("community", 0, 0), ("legacy", 0, 0)]
)
def test_the_billing_team_hears_of_a_paid_plan_without_organization(
    server: WireServer, ctx: Context, mailer: RecordingMailer, tier: str, price: int, mails: int
) -> None:
    server.upload([audit_row(1, 5)], [realm(2), realm(3)])
    customer_id = add_customer(ctx, load_organization(ctx))
    add_plan(ctx, customer_id, tier=tier, price_per_license=price, licenses=5)
    server.upload([], [realm(3)])
    with ctx.sessions() as session:
        found = list(session.scalars(select(Mail)))
    assert len(found) == mails
    for mail in found:
        assert mail.template == "organization_vanished"
        assert mail.recipient == ctx.catalog.brand.support_email
        assert mail.customer_id == customer_id
        assert mail.params["organization_uuid"] == realm()["uuid"]
    # It has left, readable, with the facts in it.
    assert len(mailer.outbox) == mails
    for sent in mailer.outbox:
        assert "Organization 2" in sent.subject
        for part in (sent.text, sent.html):
            assert "r2.acme.test" in part and "Basic" in part and "chat.acme.test" in part
    # It stays away, which is no news.
    server.upload([], [realm(3)])
    with ctx.sessions() as session:
        assert len(list(session.scalars(select(Mail)))) == mails


def test_an_ended_plan_needs_no_mail(server: WireServer, ctx: Context) -> None:
    server.upload([], [realm(2)])
    customer_id = add_customer(ctx, load_organization(ctx))
    add_plan(ctx, customer_id, status=PlanStatus.ENDED, ended_at=ctx.now())
    server.upload([], [])
    with ctx.sessions() as session:
        assert list(session.scalars(select(Mail))) == []


# --- UUIDs of others, ids given twice ---


def test_a_uuid_of_another_server(
    server: WireServer, other_server: WireServer, ctx: Context
) -> None:
    server.upload([], [realm(2)])
    response = other_server.upload([audit_row(1, 5)], [realm(7), realm(8, uuid=realm(2)["uuid"])])
    assert refusal(response) == (400, "BAD_REQUEST", "Duplicate registration detected.")
    assert other_server.last_ids() == (0, 0, 0)
    assert len(organizations(ctx)) == 1
    assert load_server(ctx, other_server.uuid).last_audit_log_update is None


@pytest.mark.sqlite_only
@pytest.mark.parametrize(
    ("second", "field"),
    [(realm(2, uuid=realm(3)["uuid"]), "id"), (realm(3, uuid=realm(2)["uuid"]), "uuid")],
)
def test_an_id_or_uuid_twice_in_one_list(
    server: WireServer, ctx: Context, second: dict[str, Any], field: str
) -> None:
    status, code, message = refusal(server.upload([], [realm(2), second]))
    assert (status, code) == (400, "BAD_REQUEST")
    assert message.startswith(f"realms[1].{field}")
    assert organizations(ctx) == []


def test_two_organizations_swap_their_ids(server: WireServer, ctx: Context) -> None:
    server.upload([audit_row(1, 5), audit_row(2, 7, organization=3)], [realm(2), realm(3)])
    a, b = realm(2)["uuid"], realm(3)["uuid"]
    response = server.upload(
        [audit_row(3, 6, organization=3), audit_row(4, 8)],
        [realm(3, uuid=a), realm(2, uuid=b)],
    )
    assert response.status_code == 200
    assert seats_by_organization(ctx) == {a: [5, 6], b: [7, 8]}
    assert load_organization(ctx, a).remote_realm_id == 3
    changed = [entry.after for entry in entries(ctx) if entry.action == "organization.changed"]
    assert {"remote_realm_id": 3} in changed and {"remote_realm_id": 2} in changed


def test_ids_move_on_in_a_ring_and_one_is_new(server: WireServer, ctx: Context) -> None:
    a, b, c, d = (realm(n)["uuid"] for n in (2, 3, 4, 5))
    server.upload([], [realm(2), realm(3), realm(4)])
    server.upload([], [realm(3, uuid=a), realm(4, uuid=b), realm(5, uuid=c), realm(2, uuid=d)])
    numbers = {found.uuid: found.remote_realm_id for found in organizations(ctx)}
    assert numbers == {a: 3, b: 4, c: 5, d: 2}


def test_the_id_of_a_vanished_organization_is_given_to_another(
    server: WireServer, ctx: Context
) -> None:
    server.upload([audit_row(1, 5)], [realm(2)])
    new = "5b1f4a3e-0d2c-4b6a-9e8f-7c6d5e4f3a2b"
    server.upload([audit_row(2, 9)], [realm(2, uuid=new)])
    assert seats_by_organization(ctx) == {realm(2)["uuid"]: [5], new: [9]}
    assert load_organization(ctx).locally_deleted_at == ctx.now()
    # And the old one comes back under another number.
    server.upload(
        [audit_row(3, 6, organization=4)], [realm(2, uuid=new), realm(4, uuid=realm(2)["uuid"])]
    )
    assert seats_by_organization(ctx)[realm(2)["uuid"]] == [5, 6]


# --- rule 5: before the UUID is known ---


def test_rows_before_the_uuid_belong_to_it_later(server: WireServer, ctx: Context) -> None:
    server.upload([audit_row(1, 5)], realm_counts=[count_row(1)])
    (placeholder,) = organizations(ctx)
    assert (placeholder.uuid, placeholder.remote_realm_id) == (None, 2)
    server.upload([audit_row(2, 6)], [realm(2)])
    (known,) = organizations(ctx)
    assert (known.id, known.uuid) == (placeholder.id, realm(2)["uuid"])
    assert seats_by_organization(ctx) == {realm(2)["uuid"]: [5, 6]}
    assert [entry.action for entry in entries(ctx)] == [
        "organization.created",
        "organization.identified",
    ]


def test_rows_under_a_new_id_of_a_known_organization(server: WireServer, ctx: Context) -> None:
    server.upload([audit_row(1, 5)], [realm(2)])
    server.upload([audit_row(2, 6, organization=9)], realm_counts=[count_row(1, organization=9)])
    server.upload([audit_row(3, 7, organization=9)], [realm(9, uuid=realm(2)["uuid"])])
    assert seats_by_organization(ctx) == {realm(2)["uuid"]: [5, 6, 7]}
    with ctx.sessions() as session:
        owner = session.scalars(select(OrganizationCount.organization_id)).one()
    assert owner == load_organization(ctx).id
    assert server.entitlement().get_json()["seats"] == 7


def test_an_id_without_uuid_that_the_list_lacks_is_gone(server: WireServer, ctx: Context) -> None:
    server.upload([audit_row(1, 5, organization=9)])
    server.upload([audit_row(2, 6, organization=9), audit_row(3, 3, organization=8)], [realm(2)])
    found = {organization.remote_realm_id: organization for organization in organizations(ctx)}
    assert found[9].locally_deleted_at == ctx.now()
    assert found[8].locally_deleted_at == ctx.now()
    # More rows of it go to the same one.
    server.upload([audit_row(4, 7, organization=9)], [realm(2)])
    assert len(organizations(ctx)) == 3


def test_placeholders_of_two_servers_are_apart(
    server: WireServer, other_server: WireServer, ctx: Context
) -> None:
    server.upload([audit_row(1, 5)])
    other_server.upload([audit_row(1, 9)])
    server.upload([], [realm(2)])
    assert sorted(seats_by_organization(ctx).items(), key=str) == sorted(
        [(realm(2)["uuid"], [5]), (None, [9])], key=str
    )


# --- the form of an entry ---


@pytest.mark.sqlite_only
@pytest.mark.parametrize(
    "name",
    [
        name
        for name in realm()
        if name not in ("name", "org_type", "is_system_bot_realm", "authentication_methods")
    ],
)
def test_a_key_that_is_missing(server: WireServer, name: str) -> None:
    entry = realm()
    del entry[name]
    status, code, message = refusal(server.upload([], [realm(3), entry]))
    assert (status, code) == (400, "BAD_REQUEST")
    assert message.startswith(f"realms[1].{name}")


@pytest.mark.sqlite_only
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("surprise", 1),
        ("id", "2"),
        ("id", -1),
        ("id", 2**63),
        ("id", None),
        ("uuid", ""),
        ("uuid", realm()["uuid"].upper()),
        ("uuid", realm()["uuid"].replace("-", "")),
        ("uuid", 5),
        ("uuid_owner_secret", ""),
        ("uuid_owner_secret", None),
        ("uuid_owner_secret", "s" * 256),
        ("uuid_owner_secret", "a\0"),
        ("host", ""),
        ("host", "https://acme.test"),
        ("host", "acme.test/path"),
        ("host", "acme.test@evil.test"),
        ("host", "acme.test\r\nX: y"),
        ("host", "h" * 256),
        ("host", "acme.test:99999"),
        ("host", 5),
        ("url", ""),
        ("url", "acme.test"),
        ("url", "javascript:alert(1)"),
        ("url", "https://"),
        ("url", "https://user@acme.test"),
        ("url", "https://acme.test\n"),
        ("url", "https://acme test"),
        ("url", "https://[acme"),
        ("url", "https://acme.test/" + "x" * 300),
        ("name", "n" * 101),
        ("name", "a\0b"),
        ("name", None),
        ("org_type", -1),
        ("org_type", 2**31),
        ("org_type", "10"),
        ("date_created", "2012"),
        ("date_created", None),
        ("deactivated", 0),
        ("deactivated", None),
        ("is_system_bot_realm", "no"),
        ("authentication_methods", []),
        ("authentication_methods", {"Email": 1}),
        ("authentication_methods", {"a\0": True}),
        ("authentication_methods", {"m" * 101: True}),
        ("authentication_methods", {f"m{n}": True for n in range(101)}),
        ("authentication_methods", None),
    ],
)
def test_a_key_that_is_malformed(server: WireServer, ctx: Context, name: str, value: Any) -> None:
    for as_json in (False, True):
        server.as_json = as_json
        response = server.upload([audit_row(1, 5)], [realm(**{name: value})])
        status, code, message = refusal(response)
        assert (status, code) == (400, "BAD_REQUEST")
        assert message.startswith(f"realms[0].{name}")
    assert organizations(ctx) == []


@pytest.mark.sqlite_only
def test_half_a_surrogate_pair(server: WireServer, ctx: Context) -> None:
    for as_json in (False, True):
        server.as_json = as_json
        response = server.upload([], [realm(name="\ud800")])
        assert refusal(response)[:2] == (400, "BAD_REQUEST")
    assert server.upload([], [realm(name="Ünïcode \U0001f600")]).status_code == 200
    assert load_organization(ctx).name == "Ünïcode \U0001f600"


def test_many_organizations_at_once(server: WireServer, ctx: Context) -> None:
    listed = [realm(n) for n in range(1, 301)]
    uploaded = [audit_row(n, n % 9, organization=n, at=START - 1) for n in range(1, 301)]
    answer = server.upload(uploaded, listed).get_json()
    assert len(answer["realms"]) == 300
    assert all(found["can_push"] for found in answer["realms"].values())
