"""The door for those who hold the id and the key of a server (login flow, `/serverlogin/`)."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.errors import BillingError
from app.domain.kinds import CustomerKind, LoginDoor
from app.models.registrations import Organization, Server
from app.services.add_login_link import add_login_link
from app.services.audit import record_audit
from app.services.authenticate_server import authenticate_server
from app.services.context import Actor, Context, server_actor
from app.services.coverage import get_organizations_covered_otherwise
from app.services.customers import Payer, get_customer, get_live_plan
from app.services.login_failures import LoginRefused
from app.services.login_links import HalfLogin
from app.services.logs import log_event
from app.services.servers import load_server_id
from app.services.unit_of_work import UnitOfWork, unit_of_work

# Which the server's own plan is needed for, or no plan at all.
NEVER_REFUSED = "deactivate"


@dataclass(frozen=True, slots=True)
class ServerLogin:
    """What was typed into the form, and the name of the page that is wanted, or None."""

    server_uuid: str
    key: str
    next_page: str | None


def begin_server_login(
    ctx: Context, session: Session, command: ServerLogin, *, ip: str | None
) -> HalfLogin:
    """Begin a login as a server; it gives access to nothing before an address is confirmed.

    Raises BillingError `server_login_wrong` for an unknown id and a wrong key alike, and, only
    after the right key, LoginRefused `login_server_deactivated` or, when the server has no live
    plan while each of its organizations has one of its own, `login_from_organization` with their
    `hosts`. Every refusal is in the audit log.
    """
    try:
        _authenticate(ctx, session, command)
        with unit_of_work(ctx) as work:
            half = _begin(work, command, ip=ip)
            work.commit()
    except BillingError as error:
        _record_failure(ctx, error, server_uuid=command.server_uuid, ip=ip)
        raise
    log_event("login.key_accepted", link=half.link_id)
    return half


def _begin(work: UnitOfWork, command: ServerLogin, *, ip: str | None) -> HalfLogin:
    server = work.claim_server(load_server_id(work.session, uuid=command.server_uuid))
    # The key may have been changed, or the registration ended, until the server was ours.
    _authenticate(work.ctx, work.session, command)
    if command.next_page != NEVER_REFUSED:
        _refuse_where_organizations_pay(work.session, server)
    link = add_login_link(
        work,
        door=LoginDoor.SERVER_KEY,
        server_id=server.id,
        next_page=command.next_page,
        actor=server_actor(server.id, ip=ip),
    )
    return HalfLogin(link.id)


def _authenticate(ctx: Context, session: Session, command: ServerLogin) -> None:
    try:
        authenticate_server(session, tokens=ctx.tokens, uuid=command.server_uuid, key=command.key)
    except BillingError as error:
        if error.code == "server_deactivated":
            raise LoginRefused("login_server_deactivated", door=LoginDoor.SERVER_KEY) from None
        # Nothing of what was typed goes on from here.
        raise BillingError("server_login_wrong") from None


def _refuse_where_organizations_pay(session: Session, server: Server) -> None:
    """Whoever pays by organization finds nothing at the server: no plan, and nobody to pay for."""
    payer = Payer(CustomerKind.SERVER, server.uuid, server.id, None, server.hostname)
    customer = get_customer(session, payer)
    if customer is not None and get_live_plan(session, customer.id) is not None:
        return
    statement = select(Organization.id, Organization.host).where(
        Organization.server_id == server.id,
        Organization.deactivated.is_(False),
        Organization.is_system_bot_realm.is_(False),
        Organization.locally_deleted_at.is_(None),
    )
    organizations = session.execute(statement.order_by(Organization.host)).all()
    covered = get_organizations_covered_otherwise(session, server)
    if organizations and all(row.id in covered for row in organizations):
        hosts = tuple(row.host for row in organizations)
        raise LoginRefused("login_from_organization", door=LoginDoor.PRODUCT, hosts=hosts)


def _record_failure(ctx: Context, error: BillingError, *, server_uuid: str, ip: str | None) -> None:
    with unit_of_work(ctx) as work:
        known = select(Server.id).where(Server.uuid == server_uuid)
        server_id = work.session.scalars(known).first()
        after = {"reason": error.code, "door": LoginDoor.SERVER_KEY.value}
        actor = Actor("stranger", ip=ip)
        record_audit(work, "login.failed", actor=actor, server_id=server_id, after=after)
        work.commit()
    log_event("login.failed", server=server_id, reason=error.code)
