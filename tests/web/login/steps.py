"""Steps of logins as a server, and what may happen to a server between them."""

from flask import Flask
from sqlalchemy import select, update
from werkzeug.test import TestResponse

from app.domain.kinds import CustomerKind
from app.models import BillingUser, Server
from app.services.context import Context
from app.services.identity import CustomerRef
from app.services.register_server import RegisterServer, register_server
from app.services.server_access import end_access_to_server
from app.services.unit_of_work import unit_of_work
from app.web.access import billing_user, current_actor
from tests.support.client import CheckedClient
from tests.support.login import KEY, KnownServer, enter_key


def text_of(answer: TestResponse) -> str:
    return answer.get_data(as_text=True)


def add_server_page(app: Flask) -> None:
    """A page that only the people of a server may see: `private(server)`."""

    @billing_user(CustomerKind.SERVER)
    def private(ref: CustomerRef, page: str) -> dict[str, str]:
        return {"server": ref.uuid, "page": page, "actor": current_actor().name}

    rule = "/server/<uuid:entity_uuid>/<string:page>/private/"
    app.add_url_rule(rule, endpoint="server_page", view_func=private)


def private(server: KnownServer, page: str = "billing") -> str:
    return f"/server/{server.uuid}/{page}/private/"


def new_browser(app: Flask) -> CheckedClient:
    made = app.test_client()
    assert isinstance(made, CheckedClient)
    return made


def ask_for_mail(
    client: CheckedClient, server: KnownServer, email: str = "root@acme.test"
) -> TestResponse:
    """From the key to the page that says that a mail is on its way."""
    page = client.get(enter_key(client, server).location)
    return client.submit(page, {"email": email}, follow_redirects=True)


def nobody_was_created(ctx: Context) -> bool:
    with ctx.sessions() as session:
        return not session.scalars(select(BillingUser)).all()


def deactivate(ctx: Context, server: KnownServer) -> None:
    with ctx.sessions() as session, session.begin():
        statement = update(Server).where(Server.id == server.id)
        session.execute(statement.values(deactivated_at=ctx.now()))


def hand_over(ctx: Context, server: KnownServer) -> None:
    """What a transfer of the registration does to logins."""
    with unit_of_work(ctx) as work:
        work.claim_server(server.id)
        end_access_to_server(work, server.id)
        work.session.execute(update(BillingUser).values(email_confirmed_at=None))
        work.commit()


def rotate_key(ctx: Context, server: KnownServer) -> None:
    """The server replaces its key, and tells nothing else."""
    with ctx.sessions() as session:
        contact = session.get_one(Server, server.id).contact_email
    command = RegisterServer(
        uuid=server.uuid,
        key=KEY,
        hostname=server.hostname,
        contact_email=contact,
        new_key="n" * 64,
    )
    register_server(ctx, command, ip=None)


def remove_person(ctx: Context, _server: KnownServer) -> None:
    with ctx.sessions() as session, session.begin():
        session.execute(update(BillingUser).values(deactivated_at=ctx.now()))
