"""Links from the product to a login: what a token stands for, and whether it still may be used."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from app.domain.errors import BillingError
from app.models.people import BillingUser, EmailConfirmation, LoginLink
from app.models.registrations import Organization
from app.services.audit import record_audit
from app.services.context import Actor, Context
from app.services.identity import SESSION_LIFE
from app.services.logs import log_event
from app.services.unit_of_work import UnitOfWork, unit_of_work

# The names that a product may ask to be led to; never an address.
NEXT_PAGES = (
    "billing",
    "upgrade",
    "plans",
    "sponsorship",
    "deactivate",
    "invoices",
    "usage",
)
DEFAULT_PAGE = "billing"
LINK_PURPOSE = "billing-link"
LINK_LIFE = timedelta(hours=2)
CONFIRMATION_PURPOSE = "confirm-email"


class LoginRefused(BillingError):
    """A login cannot go on: a page of its own says why and what to do, whatever form was sent."""


@dataclass(frozen=True, slots=True)
class HalfLogin:
    """A login under way: the link it began with, and the mailed confirmation it went on with."""

    link_id: int
    confirmation_id: int | None = None


@dataclass(frozen=True, slots=True)
class LoginPage:
    """What the pages of a login under way show."""

    host: str
    organization_name: str
    email: str
    full_name: str
    is_known: bool
    asks_tos: bool
    tos_changed: bool
    asks_preferences: bool
    server_id: int


def open_login_link(ctx: Context, session: Session, token: str, *, ip: str | None) -> HalfLogin:
    """Begin a login with the token of a product's link; reads only, unless it fails.

    Raises LoginRefused `login_link_invalid`, `login_link_expired`, `login_link_used`,
    `login_link_moved`, `login_server_deactivated` or `login_user_deactivated`, after writing the
    failed login into the audit log.
    """
    link_id = None
    try:
        link = _read_token(ctx, session, token)
        link_id = link.id
        check_link(session, link, now=ctx.now())
    except BillingError as error:
        record_failed_login(ctx, error, link_id=link_id, ip=ip)
        raise
    return HalfLogin(link_id)


def check_half_login(session: Session, half: HalfLogin, *, now: datetime) -> LoginLink:
    """The link of a login under way. Raises as `open_login_link` when it cannot be completed."""
    link = load_link(session, half.link_id)
    if half.confirmation_id is None:
        check_link(session, link, now=now)
        return link
    confirmation = session.get(EmailConfirmation, half.confirmation_id)
    if confirmation is None or confirmation.used_at is None:
        raise LoginRefused("login_link_invalid")
    # Confirming an address authenticates anew, so the link's own age and use do not matter.
    if now >= confirmation.used_at + SESSION_LIFE:
        raise LoginRefused("login_link_expired")
    check_place(session, link)
    return link


def check_link(session: Session, link: LoginLink, *, now: datetime) -> None:
    """Whether a link may still complete a login. Raises LoginRefused; see `open_login_link`."""
    if link.completed_at is not None:
        raise LoginRefused("login_link_used")
    if now >= link.expires_at:
        raise LoginRefused("login_link_expired")
    check_place(session, link)


def check_place(session: Session, link: LoginLink) -> None:
    """Whether the organization is where it was when the link was made, and its server and the
    person are still welcome."""
    organization = link.organization
    if organization.server_id != link.server_id:
        raise LoginRefused("login_link_moved")
    if organization.server.deactivated_at is not None:
        raise LoginRefused("login_server_deactivated")
    user = get_billing_user(session, link)
    if user is not None and user.deactivated_at is not None:
        raise LoginRefused("login_user_deactivated")


def load_login_page(
    ctx: Context, session: Session, half: HalfLogin, *, ip: str | None
) -> LoginPage:
    """What to show for a login under way; reads only, unless it fails.

    Raises as `open_login_link`, after writing the failed login into the audit log.
    """
    try:
        link = check_half_login(session, half, now=ctx.now())
    except LoginRefused as error:
        record_failed_login(ctx, error, link_id=half.link_id, ip=ip)
        raise
    user = get_billing_user(session, link)
    accepted = _major(user.tos_version) if user is not None else None
    current = ctx.catalog.tos_major_version
    return LoginPage(
        host=link.organization.host,
        organization_name=link.organization.name or link.organization.host,
        email=user.email if user is not None else link.email,
        full_name=(user.full_name if user is not None else "") or link.full_name,
        is_known=user is not None,
        asks_tos=accepted is None or accepted < current,
        tos_changed=accepted is not None and accepted < current,
        asks_preferences=user is None or user.last_login_at is None,
        server_id=link.server_id,
    )


def load_link(session: Session, link_id: int) -> LoginLink:
    """The link of that id with its organization and server. Raises LoginRefused."""
    statement = (
        select(LoginLink)
        .where(LoginLink.id == link_id)
        .options(joinedload(LoginLink.organization).joinedload(Organization.server))
    )
    link = session.scalars(statement).unique().first()
    if link is None:
        raise LoginRefused("login_link_invalid")
    return link


def get_billing_user(session: Session, link: LoginLink) -> BillingUser | None:
    """The billing user of the person who asked for the link, None before the first visit."""
    statement = select(BillingUser).where(
        BillingUser.organization_id == link.organization_id,
        BillingUser.user_uuid == link.user_uuid,
    )
    return session.scalars(statement).first()


def link_actor(link: LoginLink | None, *, ip: str | None) -> Actor:
    """The actor of a person who is not logged in yet."""
    if link is None:
        return Actor("stranger", ip=ip)
    return Actor(f"login_link:{link.id}", email=link.email, full_name=link.full_name, ip=ip)


def record_failed_login(
    ctx: Context, error: BillingError, *, link_id: int | None, ip: str | None
) -> None:
    """Write a login that was refused into the audit log."""
    with unit_of_work(ctx) as work:
        add_failed_login(work, error, link_id=link_id, ip=ip)
        work.commit()
    log_event("login.failed", link=link_id, reason=error.code)


def add_failed_login(
    work: UnitOfWork, error: BillingError, *, link_id: int | None, ip: str | None
) -> None:
    """The same within a unit of work."""
    link = work.session.get(LoginLink, link_id) if link_id is not None else None
    record_audit(
        work,
        "login.failed",
        actor=link_actor(link, ip=ip),
        server_id=link.server_id if link is not None else None,
        organization_id=link.organization_id if link is not None else None,
        after={"reason": error.code},
    )


def _read_token(ctx: Context, session: Session, token: str) -> LoginLink:
    try:
        nonce, _signed_at = ctx.tokens.read(LINK_PURPOSE, token, max_age=LINK_LIFE)
    except BillingError as error:
        expired = error.code == "token_expired"
        raise LoginRefused("login_link_expired" if expired else "login_link_invalid") from None
    link_id = None
    if isinstance(nonce, str):
        link_id = session.scalars(select(LoginLink.id).where(LoginLink.nonce == nonce)).first()
    if link_id is None:
        raise LoginRefused("login_link_invalid")
    return load_link(session, link_id)


def _major(version: str | None) -> int | None:
    return int(version.split(".")[0]) if version else None
