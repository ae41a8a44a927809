"""The self-service move at /realm-transfer/: both ends are proven, and nothing is told before."""

import re

import pytest
from sqlalchemy import select, update

from app.models import Organization
from app.models.audit import AuditEntry
from app.models.people import BillingUser
from app.models.registrations import Server
from app.services.context import Context
from app.services.upload_organizations import OWNER_SECRET
from app.web.logging import mask_tokens
from tests.support.client import CheckedClient
from tests.support.login import (
    KEY,
    KnownOrganization,
    KnownServer,
    add_organization,
    add_server,
    begin_session,
)
from tests.support.mail import RecordingMailer
from tests.support.pages import page_problems

pytestmark = pytest.mark.sqlite_only
SECRET = "the-secret-of-acme"
LINK = re.compile(r"http://localhost(/realm-transfer/confirm/\S+)")


@pytest.fixture
def new(ctx: Context) -> KnownServer:
    """The server that the organization is going to."""
    return add_server(ctx, hostname="new.acme.test", contact_email="new@acme.test")


@pytest.fixture
def acme(ctx: Context) -> KnownOrganization:
    """An organization on a server of its own, with a secret and a billing user."""
    known = add_organization(ctx)
    set_organization(ctx, known, owner_secret_hash=ctx.tokens.hash_secret(OWNER_SECRET, SECRET))
    with ctx.sessions() as session, session.begin():
        session.add(
            BillingUser(
                organization_id=known.id,
                user_uuid="u",
                email="Iago@acme.test",
                created_at=ctx.now(),
                email_confirmed_at=ctx.now(),
            )
        )
    return known


def set_organization(ctx: Context, known: KnownOrganization, **values: object) -> None:
    with ctx.sessions() as session, session.begin():
        session.execute(update(Organization).where(Organization.id == known.id).values(**values))


def home(ctx: Context, known: KnownOrganization) -> int:
    with ctx.sessions() as session:
        return session.get_one(Organization, known.id).server_id


def begin(client: CheckedClient, new: KnownServer, acme: KnownOrganization, **changes: str):
    """Fill the first form in."""
    values = {
        "server_id": new.uuid,
        "server_key": KEY,
        "organization_id": acme.uuid,
        "owner_secret": SECRET,
        "email": "",
    }
    return client.submit(client.get("/realm-transfer/"), values | changes)


def test_by_the_owner_secret(
    client: CheckedClient,
    ctx: Context,
    new: KnownServer,
    acme: KnownOrganization,
    mailer: RecordingMailer,
) -> None:
    review = client.get(begin(client, new, acme).location)
    text = review.get_data(as_text=True)
    assert page_problems(text) == []
    assert "new.acme.test" in text and acme.host in text
    assert home(ctx, acme) == acme.server_id
    done = client.submit(review)
    assert home(ctx, acme) == new.id
    assert "has moved" in client.get(done.location).get_data(as_text=True)
    told = {mail.recipient for mail in mailer.outbox}
    assert told == {"Iago@acme.test", "root@acme.test", "new@acme.test"}
    # It gives access to nothing else, and works once.
    assert client.get(acme.page("billing")).status_code == 401
    assert client.get("/realm-transfer/review/").status_code == 400


def test_by_a_mail_to_one_of_its_people(
    client: CheckedClient,
    ctx: Context,
    new: KnownServer,
    acme: KnownOrganization,
    mailer: RecordingMailer,
) -> None:
    sent = begin(client, new, acme, owner_secret="", email="iago@ACME.test")
    assert sent.location == "/realm-transfer/sent/"
    found = LINK.search(mailer.outbox[-1].text)
    assert found is not None and mailer.outbox[-1].recipient == "Iago@acme.test"
    assert mask_tokens(f"GET {found[1]} HTTP") == "GET /realm-transfer/confirm/[token] HTTP"
    client.delete_cookie("tallyport_session_80")
    page = client.get(found[1])
    assert client.get("/realm-transfer/review/").status_code == 400
    review = client.get(client.submit(page).location)
    client.submit(review)
    assert home(ctx, acme) == new.id
    with ctx.sessions() as session:
        actor = select(AuditEntry.actor).where(AuditEntry.action == "organization.moved")
        assert session.scalars(actor).one().startswith("billing_user:")
    # The link is about a move that has been made.
    assert client.get(found[1]).status_code == 400


@pytest.mark.parametrize(
    "changes",
    [
        {"server_id": "0f1e2d3c-4b5a-4c6d-9e7f-8a9b0c1d2e3f"},
        {"server_key": "x" * 64},
        {"organization_id": "0f1e2d3c-4b5a-4c6d-9e7f-8a9b0c1d2e3f"},
        {"owner_secret": "another"},
    ],
)
def test_one_message_for_whatever_is_wrong(
    client: CheckedClient,
    ctx: Context,
    new: KnownServer,
    acme: KnownOrganization,
    changes: dict[str, str],
) -> None:
    answer = begin(client, new, acme, **changes)
    assert answer.status_code == 200
    text = answer.get_data(as_text=True)
    assert "Something of this is not right" in text
    assert SECRET not in text and KEY not in text
    with ctx.sessions() as session:
        reasons = select(AuditEntry.after).where(AuditEntry.action == "organization.move_refused")
        assert session.scalars(reasons).one() == {"reason": "organization_move_wrong"}


@pytest.mark.parametrize("email", ["nobody@acme.test", "gone@acme.test"])
def test_nobody_learns_whose_addresses_there_are(
    client: CheckedClient,
    ctx: Context,
    new: KnownServer,
    acme: KnownOrganization,
    mailer: RecordingMailer,
    email: str,
) -> None:
    sent = begin(client, new, acme, owner_secret="", email=email)
    assert sent.location == "/realm-transfer/sent/"
    unknown = "0f1e2d3c-4b5a-4c6d-9e7f-8a9b0c1d2e3f"
    other = begin(client, new, acme, owner_secret="", email=email, organization_id=unknown)
    assert other.location == sent.location
    assert mailer.outbox == []


def test_a_proof_is_needed(
    client: CheckedClient, new: KnownServer, acme: KnownOrganization
) -> None:
    answer = begin(client, new, acme, owner_secret="")
    assert answer.status_code == 400
    assert "Enter the owner secret, or an email address." in answer.get_data(as_text=True)


def test_it_is_there_already(
    client: CheckedClient, ctx: Context, new: KnownServer, acme: KnownOrganization
) -> None:
    set_organization(ctx, acme, server_id=new.id)
    answer = begin(client, new, acme)
    assert "on that server already" in answer.get_data(as_text=True)


@pytest.mark.parametrize("values", [{"key_hash": "1" * 64}, {"deactivated": True}])
def test_a_server_that_changed_meanwhile(
    client: CheckedClient,
    ctx: Context,
    new: KnownServer,
    acme: KnownOrganization,
    values: dict[str, object],
) -> None:
    review = client.get(begin(client, new, acme).location)
    if values.pop("deactivated", None):
        values["deactivated_at"] = ctx.now()
    with ctx.sessions() as session, session.begin():
        session.execute(update(Server).where(Server.id == new.id).values(**values))
    assert client.submit(review).status_code == 400
    assert home(ctx, acme) == acme.server_id
    if "deactivated_at" in values:
        assert begin(client, new, acme).status_code == 403


def test_sessions_of_the_organization_end(
    client: CheckedClient, ctx: Context, new: KnownServer, acme: KnownOrganization
) -> None:
    review = client.get(begin(client, new, acme).location)
    other = client.application.test_client()
    begin_session(other, ctx, acme)  # type: ignore[arg-type]  # it only sets a cookie
    assert other.get(acme.page("billing")).status_code == 200
    client.submit(review)
    assert other.get(acme.page("billing")).status_code == 401
