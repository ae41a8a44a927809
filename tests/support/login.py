"""Servers, organizations and people who log in to their billing.

`login_as` walks through the real pages; `begin_session` makes the session behind them directly,
for tests that are about something else.
"""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

from flask import Flask
from sqlalchemy import func, select

from app.domain.kinds import BillingRole
from app.models import BillingUser, Organization, Server
from app.services.authenticate_server import SERVER_KEY
from app.services.browser_sessions import begin_identity_session
from app.services.context import SYSTEM, Context
from app.services.create_billing_link import CreateBillingLink, create_billing_link
from app.services.identity import CustomerRef
from app.services.unit_of_work import unit_of_work
from app.web.access import billing_user, current_actor
from app.web.sessions import session_cookie_name
from tests.support.mail import RecordingMailer

if TYPE_CHECKING:
    from werkzeug.test import TestResponse

    from tests.support.client import CheckedClient

IAGO = UUID("0a0e4f0e-8f5d-4b0c-9d8a-0d5f3c3f1a01")
# The key of the servers that `add_server` makes.
KEY = "k3y-" * 16
MAILED_LINK = re.compile(r"https?://\S+/remote-billing-login/do-confirm/\S+")


@dataclass(frozen=True, slots=True)
class KnownOrganization:
    """An organization that has uploaded, as a test needs to speak of it."""

    id: int
    uuid: str
    host: str
    server_id: int

    def page(self, name: str) -> str:
        """The address of one of its pages."""
        return f"/realm/{self.uuid}/{name}/"

    def private(self, page: str = "billing") -> str:
        """The address of the page that `add_private_page` makes."""
        return f"/realm/{self.uuid}/{page}/private/"


@dataclass(frozen=True, slots=True)
class KnownServer:
    """A registered server, as a test needs to speak of it."""

    id: int
    uuid: str
    hostname: str

    def page(self, name: str) -> str:
        """The address of one of its pages."""
        return f"/server/{self.uuid}/{name}/"


def add_server(
    ctx: Context,
    *,
    hostname: str = "chat.acme.test",
    key: str = KEY,
    contact_email: str = "root@acme.test",
) -> KnownServer:
    """Store a server whose key is `key`, without organizations."""
    with unit_of_work(ctx) as work:
        server = Server(
            uuid=str(uuid4()),
            hostname=hostname,
            contact_email=contact_email,
            key_hash=ctx.tokens.hash_secret(SERVER_KEY, key),
            created_at=work.now,
            last_audit_log_update=work.now,
        )
        work.session.add(server)
        work.flush()
        known = KnownServer(server.id, server.uuid, server.hostname)
        work.commit()
    return known


def load_known_server(ctx: Context, server_id: int) -> KnownServer:
    """The server of that id of ours."""
    with unit_of_work(ctx) as work:
        server = work.session.get_one(Server, server_id)
        return KnownServer(server.id, server.uuid, server.hostname)


def add_organization(
    ctx: Context, *, host: str = "acme.test", name: str = "Acme", server_id: int | None = None
) -> KnownOrganization:
    """Store an organization, on a server of its own unless `server_id` names one."""
    with unit_of_work(ctx) as work:
        if server_id is None:
            server = Server(
                uuid=str(uuid4()),
                hostname=f"server-{uuid4().hex[:8]}.test",
                contact_email="root@acme.test",
                key_hash="0" * 64,
                created_at=work.now,
                last_audit_log_update=work.now,
            )
            work.session.add(server)
            work.flush()
            server_id = server.id
        present = select(func.count()).where(Organization.server_id == server_id)
        organization = Organization(
            server_id=server_id,
            uuid=str(uuid4()),
            remote_realm_id=(work.session.scalar(present) or 0) + 1,
            host=host,
            url=f"http://{host}",
            name=name,
            created_at=work.now,
        )
        work.session.add(organization)
        work.flush()
        known = KnownOrganization(organization.id, str(organization.uuid), host, server_id)
        work.commit()
    return known


def make_link(
    ctx: Context,
    organization: KnownOrganization,
    *,
    email: str = "iago@acme.test",
    full_name: str = "Iago",
    user_uuid: UUID = IAGO,
    uri_scheme: str = "http://",
    next_page: str | None = None,
) -> str:
    """The path that the product sends the browser to after a click on "Billing"."""
    command = CreateBillingLink(
        server_id=organization.server_id,
        organization_uuid=organization.uuid,
        user_uuid=str(user_uuid),
        email=email,
        full_name=full_name,
        uri_scheme=uri_scheme,
        next_page=next_page,
    )
    return create_billing_link(ctx, command, actor=SYSTEM).removeprefix(ctx.settings.base_url)


def mailed_link(mailer: RecordingMailer, *, base_url: str = "http://localhost") -> str:
    """The path of the confirmation link in the last mail."""
    found = MAILED_LINK.search(mailer.outbox[-1].text)
    assert found is not None, "the last mail has no confirmation link"
    return found.group().removeprefix(base_url)


def login_as(
    client: "CheckedClient",
    ctx: Context,
    organization: KnownOrganization,
    *,
    email: str = "iago@acme.test",
    user_uuid: UUID = IAGO,
    next_page: str | None = None,
) -> "TestResponse":
    """Log in through the pages, with the confirmation mail at the first visit; returns the
    redirect to the first page of billing. Needs the recording mailer."""
    link = make_link(ctx, organization, email=email, user_uuid=user_uuid, next_page=next_page)
    page = client.get(link, follow_redirects=True)
    if page.request.path.endswith("/confirm/"):
        client.submit(page, {"email": email})
        assert isinstance(ctx.mailer, RecordingMailer)
        page = client.submit(client.get(mailed_link(ctx.mailer)), follow_redirects=True)
    return finish_login(client, page)


def enter_key(
    client: "CheckedClient", server: KnownServer, key: str = KEY, *, next_page: str | None = None
) -> "TestResponse":
    """Send the id and the key of a server through the form; returns the answer as it came."""
    query = {} if next_page is None else {"next_page": next_page}
    page = client.get("/serverlogin/", query_string=query)
    return client.submit(page, {"server_id": server.uuid, "server_key": key})


def login_as_server(
    client: "CheckedClient",
    ctx: Context,
    server: KnownServer,
    key: str = KEY,
    *,
    email: str = "root@acme.test",
    next_page: str | None = None,
) -> "TestResponse":
    """Log in as a server through the pages, by its key and the mail that every login sends;
    returns the redirect to the first page of billing. Needs the recording mailer."""
    page = client.get(enter_key(client, server, key, next_page=next_page).location)
    client.submit(page, {"email": email})
    assert isinstance(ctx.mailer, RecordingMailer)
    page = client.submit(client.get(mailed_link(ctx.mailer)), follow_redirects=True)
    return finish_login(client, page)


def finish_login(client: "CheckedClient", page: "TestResponse") -> "TestResponse":
    """Send the last form of a login, agreeing to the terms where it asks."""
    values = {"full_name": "Iago"}
    if "accepts_tos" in page.get_data(as_text=True):
        values["accepts_tos"] = "y"
    return client.submit(page, values)


def begin_session(
    client: "CheckedClient",
    ctx: Context,
    organization: KnownOrganization,
    *,
    email: str = "iago@acme.test",
    user_uuid: UUID = IAGO,
) -> int:
    """Make `client` the browser of somebody who has just logged in; returns the billing user."""
    place: dict[str, int | str] = {"organization_id": organization.id, "user_uuid": str(user_uuid)}
    way_back = f"http://{organization.host}/self-hosted-billing/"
    return _begin_session(client, ctx, place, email=email, way_back=way_back)


def begin_server_session(
    client: "CheckedClient", ctx: Context, server: KnownServer, *, email: str = "root@acme.test"
) -> int:
    """The same for somebody who has logged in as a server."""
    return _begin_session(client, ctx, {"server_id": server.id, "email": email}, email=email)


def _begin_session(
    client: "CheckedClient",
    ctx: Context,
    place: dict[str, int | str],
    *,
    email: str,
    way_back: str | None = None,
) -> int:
    with unit_of_work(ctx) as work:
        user = work.session.scalars(select(BillingUser).filter_by(**place)).first()
        if user is None:
            here = {name: value for name, value in place.items() if name.endswith("_id")}
            others = work.session.scalars(select(BillingUser.id).filter_by(**here)).all()
            user = BillingUser(
                **(place | {"email": email}),
                role=BillingRole.BILLING if others else BillingRole.OWNER,
                full_name="Iago",
                email_confirmed_at=work.now,
                tos_version=ctx.catalog.brand.tos_version,
                tos_accepted_at=work.now,
                created_at=work.now,
            )
            work.session.add(user)
        user.last_login_at = work.now
        work.flush()
        secret = begin_identity_session(
            work,
            billing_user_id=user.id,
            authenticated_at=work.now,
            way_back=way_back,
            data={},
        )
        user_id = user.id
        work.commit()
    client.set_cookie(session_cookie_name(ctx.settings), secret)
    return user_id


def add_private_page(app: Flask) -> None:
    """A page below every page name that only the organization's people may see."""

    @billing_user()
    def private(ref: CustomerRef, page: str) -> dict[str, str]:
        return {"organization": ref.uuid, "page": page, "actor": current_actor().name}

    rule = "/realm/<uuid:entity_uuid>/<string:page>/private/"
    app.add_url_rule(rule, view_func=private, methods=["GET", "POST"])
