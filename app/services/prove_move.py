"""The self-service move of an organization: who holds both ends, what moves, and doing it.

Login flow, "An organization known under another server". Nothing begun here opens another page.
"""

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.domain.catalog import Catalog
from app.domain.errors import BillingError
from app.domain.kinds import BillingRole, LoginDoor
from app.models.customers import Customer
from app.models.invoices import Invoice
from app.models.people import BillingUser
from app.models.plans import Plan
from app.models.registrations import Organization, Server
from app.services.audit import record_audit
from app.services.authenticate_server import authenticate_server
from app.services.context import Actor, Context, billing_user_actor, server_actor
from app.services.customers import get_customer, get_live_plan, payer_of_organization
from app.services.login_failures import LoginRefused
from app.services.login_people import login_address
from app.services.logs import log_event
from app.services.move_organization import MovedOrganization, move_organization
from app.services.outbox import record_mail
from app.services.plan_moves import server_payer
from app.services.seats import count_people
from app.services.unit_of_work import UnitOfWork, unit_of_work
from app.services.upload_organizations import OWNER_SECRET

MAIL_PURPOSE = "organization-move"
MAIL_LIFE = timedelta(hours=24)
PROOF_LIFE = timedelta(hours=1)
# Compared against when there is no such organization, so that the answer takes as long.
_NO_SECRET_HASH = "0" * 64


@dataclass(frozen=True, slots=True)
class BeginMove:
    """What was typed. Without an owner secret, a mail to `email` proves the organization."""

    server_uuid: str
    key: str
    organization_uuid: str
    owner_secret: str
    email: str


@dataclass(frozen=True, slots=True)
class ProvenMove:
    """Both ends are proven: the new server by the key it had then, the organization while it was on
    `from_server_id`. `key_mark` tells whether the key is still that one; `at` is when, in ISO 8601; the billing user is None behind an owner secret."""

    server_id: int
    key_mark: str
    organization_id: int
    from_server_id: int
    at: str
    billing_user_id: int | None = None

    def to_json(self) -> dict[str, Any]:
        """As values of a browser session or a signed token."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class MoveReview:
    """What is going to move, before it is confirmed. `plan` is its own, the others are of the
    servers; titles of tiers, None without a plan."""

    name: str
    host: str
    from_host: str
    to_host: str
    people: int
    plan: str | None
    old_server_plan: str | None
    new_server_plan: str | None
    invoices: int
    billing_users: int


def _mark(ctx: Context, key_hash: str) -> str:
    """Tells two keys apart, and nothing about either: it travels in a link."""
    return ctx.tokens.hash_secret(MAIL_PURPOSE, key_hash)[:16]


def begin_move(
    ctx: Context, session: Session, command: BeginMove, *, ip: str | None
) -> ProvenMove | None:
    """Prove both ends at once by the owner secret, or send the mail that proves the second: then
    the answer is None, whether there is such a person or not.

    Raises BillingError `organization_move_wrong` for whatever is wrong, `organization_move_same`
    after everything was right, and LoginRefused `login_server_deactivated` after the right key.
    """
    try:
        return _begin(ctx, session, command, ip=ip)
    except BillingError as error:
        with unit_of_work(ctx) as work:
            known = select(Organization.id).where(Organization.uuid == command.organization_uuid)
            record_audit(
                work,
                "organization.move_refused",
                actor=Actor("stranger", ip=ip),
                organization_id=work.session.scalars(known).first(),
                after={"reason": error.code},
            )
            work.commit()
        log_event("organization.move_refused", reason=error.code)
        raise


def _begin(
    ctx: Context, session: Session, command: BeginMove, *, ip: str | None
) -> ProvenMove | None:
    try:
        server = authenticate_server(
            session, tokens=ctx.tokens, uuid=command.server_uuid, key=command.key
        )
    except BillingError as error:
        if error.code == "server_deactivated":
            raise LoginRefused("login_server_deactivated", door=LoginDoor.SERVER_KEY) from None
        raise BillingError("organization_move_wrong") from None
    found = select(Organization).where(Organization.uuid == command.organization_uuid)
    organization = session.scalars(found).one_or_none()
    if not command.owner_secret:
        if organization is not None and organization.server_id != server.id:
            _send_mail(ctx, session, server.id, server.key_hash, organization, command, ip=ip)
        return None
    stored = organization.owner_secret_hash if organization is not None else None
    secret, against = command.owner_secret, stored or _NO_SECRET_HASH
    if not ctx.tokens.matches(OWNER_SECRET, secret, stored_hash=against) or organization is None:
        raise BillingError("organization_move_wrong")
    if organization.server_id == server.id:
        raise BillingError("organization_move_same")
    now = ctx.now().isoformat()
    mark = _mark(ctx, server.key_hash)
    return ProvenMove(server.id, mark, organization.id, organization.server_id, now)


def _send_mail(
    ctx: Context,
    session: Session,
    server_id: int,
    key_hash: str,
    organization: Organization,
    command: BeginMove,
    *,
    ip: str | None,
) -> None:
    people = select(BillingUser).where(
        BillingUser.organization_id == organization.id,
        BillingUser.deactivated_at.is_(None),
        # Whoever may only look moves nothing.
        BillingUser.role != BillingRole.VIEWER,
    )
    wanted = login_address(command.email)
    user = next(
        (each for each in session.scalars(people) if login_address(each.email) == wanted), None
    )
    if user is None:
        return
    with unit_of_work(ctx) as work:
        new = work.session.get_one(Server, server_id)
        proven = ProvenMove(
            server_id,
            _mark(ctx, key_hash),
            organization.id,
            organization.server_id,
            work.now.isoformat(),
            user.id,
        )
        token = ctx.tokens.sign(MAIL_PURPOSE, proven.to_json())
        entry = record_audit(
            work,
            "organization.move_asked",
            actor=server_actor(server_id, ip=ip),
            organization_id=organization.id,
            after={"server": new.uuid, "billing_user": user.id},
        )
        work.flush()
        record_mail(
            work,
            template="confirm_organization_move",
            recipient=user.email,
            params={
                "host": organization.host,
                "to_host": new.hostname,
                "expires_at": work.now + MAIL_LIFE,
            },
            secret_params={"url": f"{ctx.settings.base_url}/realm-transfer/confirm/{token}"},
            event_key=f"organization.move_asked:{entry.id}",
        )
        work.commit()


def read_mailed_proof(ctx: Context, session: Session, token: str) -> ProvenMove:
    """What a mailed link proves, from now on. Raises LoginRefused `organization_move_over` for one
    that is too old, altered, or about a move that was made or can be made no more."""
    try:
        value, _ = ctx.tokens.read(MAIL_PURPOSE, token, max_age=MAIL_LIFE)
    except BillingError:
        raise LoginRefused("organization_move_over") from None
    proven = ProvenMove(**(value | {"at": ctx.now().isoformat()}))
    check_proof(ctx, session, proven, now=ctx.now())
    return proven


def check_proof(ctx: Context, session: Session, proven: ProvenMove, *, now: datetime) -> None:
    """Whether both ends are still what was proven. Raises LoginRefused `organization_move_over`."""
    server = session.get(Server, proven.server_id)
    organization = session.get(Organization, proven.organization_id)
    user = None
    if proven.billing_user_id is not None:
        user = session.get(BillingUser, proven.billing_user_id)
    if (
        now >= datetime.fromisoformat(proven.at) + PROOF_LIFE
        or server is None
        or _mark(ctx, server.key_hash) != proven.key_mark
        or server.deactivated_at is not None
        or organization is None
        or organization.server_id != proven.from_server_id
        or (proven.billing_user_id is not None and not _still_may(user))
    ):
        raise LoginRefused("organization_move_over")


def _still_may(user: BillingUser | None) -> bool:
    """Whether the person whose address was the proof is still there, and more than a viewer."""
    if user is None or user.deactivated_at is not None:
        return False
    return user.role.may(BillingRole.BILLING)


def load_move_review(ctx: Context, session: Session, proven: ProvenMove) -> MoveReview:
    """What the owner sees before confirming. Raises as `check_proof`."""
    check_proof(ctx, session, proven, now=ctx.now())
    organization = session.get_one(Organization, proven.organization_id)
    new = session.get_one(Server, proven.server_id)
    customer = get_customer(session, payer_of_organization(organization))
    invoices = users = 0
    if customer is not None:
        mine = select(func.count()).where(Invoice.customer_id == customer.id)
        invoices = session.scalar(mine) or 0
    people = select(func.count()).where(
        BillingUser.organization_id == organization.id, BillingUser.deactivated_at.is_(None)
    )
    users = session.scalar(people) or 0
    counted = count_people(session, organization_ids=[organization.id], at=ctx.now())
    old_payer, new_payer = server_payer(organization.server), server_payer(new)
    return MoveReview(
        name=organization.name or organization.host,
        host=organization.host,
        from_host=organization.server.hostname,
        to_host=new.hostname,
        people=counted[organization.id],
        plan=_tier_of(session, ctx.catalog, customer),
        old_server_plan=_tier_of(session, ctx.catalog, get_customer(session, old_payer)),
        new_server_plan=_tier_of(session, ctx.catalog, get_customer(session, new_payer)),
        invoices=invoices,
        billing_users=users,
    )


def _tier_of(session: Session, catalog: Catalog, customer: Customer | None) -> str | None:
    plan: Plan | None = None if customer is None else get_live_plan(session, customer.id)
    if plan is None:
        return None
    known = catalog.tiers.get(plan.tier)
    return plan.tier if known is None else known.title


def finish_move(ctx: Context, proven: ProvenMove, *, ip: str | None) -> MovedOrganization:
    """Move it. Raises as `check_proof` and `move_organization`."""
    with unit_of_work(ctx) as work:
        moved = _finish(work, proven, ip=ip)
        work.commit()
    log_event("organization.moved", organization=proven.organization_id, server=proven.server_id)
    return moved


def _finish(work: UnitOfWork, proven: ProvenMove, *, ip: str | None) -> MovedOrganization:
    # Claimed first: the key may be changed while we look.
    for server_id in sorted({proven.from_server_id, proven.server_id}):
        work.claim_server(server_id)
    check_proof(work.ctx, work.session, proven, now=work.now)
    actor = server_actor(proven.server_id, ip=ip)
    if proven.billing_user_id is not None:
        actor = billing_user_actor(proven.billing_user_id, ip=ip)
    return move_organization(
        work,
        proven.organization_id,
        proven.server_id,
        actor=actor,
        from_server_id=proven.from_server_id,
    )
