"""Links to a login: what a token stands for, and whether it still may be used."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from app.domain.errors import BillingError
from app.domain.kinds import LoginDoor
from app.models.people import BillingUser, EmailConfirmation, LoginLink
from app.models.registrations import Organization
from app.services.context import Context
from app.services.identity import SESSION_LIFE
from app.services.login_failures import LoginRefused, record_failed_login
from app.services.login_people import find_person, host_of, login_address
from app.services.plan_moves import (
    MovingPlan,
    describe_moving_plan,
    find_hindrance_at_login,
    get_customer_to_move,
)
from app.services.unit_of_work import UnitOfWork

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
CONFIRMATION_PURPOSE = "confirm-email"
# A token made for one door is worthless at another.
LINK_PURPOSES = {LoginDoor.PRODUCT: "billing-link", LoginDoor.ON_BEHALF: "link-on-behalf"}
LINK_LIVES = {
    LoginDoor.PRODUCT: timedelta(hours=2),
    LoginDoor.SERVER_KEY: timedelta(hours=2),
    LoginDoor.ON_BEHALF: timedelta(hours=24),
}

_EXPIRED = {
    LoginDoor.PRODUCT: "login_link_expired",
    LoginDoor.SERVER_KEY: "login_link_expired",
    LoginDoor.ON_BEHALF: "login_on_behalf_expired",
}


@dataclass(frozen=True, slots=True)
class HalfLogin:
    """A login under way: the link it began with, and the mailed confirmation it went on with."""

    link_id: int
    confirmation_id: int | None = None


@dataclass(frozen=True, slots=True)
class OpenLogin:
    """A login under way that may go on, as it was read.

    `address` is empty while nobody has said it. `is_proven` tells whether the login may be
    completed: the address was confirmed, now or (through the product's door) once and for all.
    """

    link: LoginLink
    confirmation: EmailConfirmation | None
    user: BillingUser | None
    address: str
    is_proven: bool


@dataclass(frozen=True, slots=True)
class LoginPage:
    """What the pages of a login under way show.

    `confirms_again`: this person is known, but the address has to be confirmed anew. `moving` is
    the server's plan that completing the login gives to the organization, None when there is none.
    """

    host: str
    place_name: str
    door: LoginDoor
    email: str
    full_name: str
    is_known: bool
    confirms_again: bool
    asks_tos: bool
    tos_changed: bool
    asks_preferences: bool
    server_id: int
    moving: MovingPlan | None = None

    @property
    def is_server(self) -> bool:
        """Whether the login is for a server, and not for an organization."""
        return self.door is not LoginDoor.PRODUCT

    @property
    def is_on_behalf(self) -> bool:
        """Whether our support made the link."""
        return self.door is LoginDoor.ON_BEHALF


def open_login_link(
    ctx: Context,
    session: Session,
    token: str,
    *,
    ip: str | None,
    door: LoginDoor = LoginDoor.PRODUCT,
) -> HalfLogin:
    """Begin a login with the token of a link for that door; reads only, unless it fails.

    Raises LoginRefused `login_link_invalid`, `login_link_expired` (`login_on_behalf_expired`),
    `login_link_used`, `login_link_moved`, `login_server_deactivated`, `login_link_revoked`,
    `login_contact_changed` or `login_user_deactivated`, after writing the failed login into the
    audit log.
    """
    link_id = None
    try:
        link = _read_token(ctx, session, token, door=door)
        link_id = link.id
        check_half_login(session, HalfLogin(link_id), now=ctx.now())
    except BillingError as error:
        record_failed_login(ctx, error, link_id=link_id, ip=ip)
        raise
    return HalfLogin(link_id)


def check_half_login(session: Session, half: HalfLogin, *, now: datetime) -> OpenLogin:
    """A login under way, as it is now. Raises as `open_login_link` when it cannot be completed."""
    link = load_link(session, half.link_id)
    confirmation = None
    if half.confirmation_id is None:
        _check_link(link, now=now)
    else:
        confirmation = session.get(EmailConfirmation, half.confirmation_id)
        _check_confirmed(link, confirmation, now=now)
    return check_place(session, link, confirmation=confirmation)


def check_place(
    session: Session, link: LoginLink, *, confirmation: EmailConfirmation | None = None
) -> OpenLogin:
    """Whether the organization is where it was when the link was made, and its server and the
    person are still welcome. Raises LoginRefused otherwise."""
    organization = link.organization
    if organization is not None and organization.server_id != link.server_id:
        raise LoginRefused("login_link_moved", door=link.door)
    if link.server.deactivated_at is not None:
        raise LoginRefused("login_server_deactivated", door=link.door)
    if link.revoked_at is not None:
        raise LoginRefused("login_link_revoked", door=link.door)
    is_of_contact = login_address(link.server.contact_email) == login_address(link.email)
    if link.door is LoginDoor.ON_BEHALF and not is_of_contact:
        raise LoginRefused("login_contact_changed", door=link.door)
    login = _open_login(session, link, confirmation)
    if login.user is not None and login.user.deactivated_at is not None:
        raise LoginRefused("login_user_deactivated", door=link.door)
    if organization is not None:
        _check_organization(session, organization, door=link.door)
    return login


def _check_organization(session: Session, organization: Organization, *, door: LoginDoor) -> None:
    """An organization that is switched off has nobody to log in; and where a plan of the server
    covers it, the plan has to be one that goes along."""
    if organization.deactivated or organization.locally_deleted_at is not None:
        raise LoginRefused("login_organization_inactive", door=door)
    giver = get_customer_to_move(session, organization)
    reason = None if giver is None else find_hindrance_at_login(session, giver, organization)
    if reason is not None:
        raise LoginRefused("login_plan_elsewhere", door=door, reason=reason)


def claim_place(work: UnitOfWork, link_id: int) -> None:
    """Claim the server of a link before anything of the login is read, so that a registration that
    ends or changes hands meanwhile is seen. Raises LoginRefused."""
    server_id = work.session.scalar(select(LoginLink.server_id).where(LoginLink.id == link_id))
    if server_id is None:
        raise LoginRefused("login_link_invalid")
    work.claim_server(server_id)


def load_login_page(
    ctx: Context, session: Session, half: HalfLogin, *, ip: str | None
) -> LoginPage:
    """What to show for a login under way; reads only, unless it fails.

    Raises as `open_login_link`, after writing the failed login into the audit log.
    """
    try:
        login = check_half_login(session, half, now=ctx.now())
    except LoginRefused as error:
        record_failed_login(ctx, error, link_id=half.link_id, ip=ip)
        raise
    link, user = login.link, login.user
    accepted = _major(user.tos_version) if user is not None else None
    current = ctx.catalog.tos_major_version
    name = link.organization.name if link.organization is not None else ""
    return LoginPage(
        host=host_of(link),
        place_name=name or host_of(link),
        door=link.door,
        email=login.address,
        full_name=(user.full_name if user is not None else "") or link.full_name,
        is_known=login.is_proven,
        confirms_again=user is not None and not login.is_proven,
        asks_tos=accepted is None or accepted < current,
        tos_changed=accepted is not None and accepted < current,
        asks_preferences=user is None or user.last_login_at is None,
        server_id=link.server_id,
        moving=_moving_plan(ctx, session, link),
    )


def _moving_plan(ctx: Context, session: Session, link: LoginLink) -> MovingPlan | None:
    giver = get_customer_to_move(session, link.organization) if link.organization else None
    if giver is None:
        return None
    return describe_moving_plan(session, ctx.catalog, giver, now=ctx.now())


def is_half_login_good(ctx: Context, session: Session, half: HalfLogin) -> bool:
    """Whether a login under way may go on as it is."""
    try:
        check_half_login(session, half, now=ctx.now())
    except LoginRefused:
        return False
    return True


def load_link(session: Session, link_id: int) -> LoginLink:
    """The link of that id with its organization and server. Raises LoginRefused."""
    statement = (
        select(LoginLink)
        .where(LoginLink.id == link_id)
        .options(joinedload(LoginLink.organization), joinedload(LoginLink.server))
    )
    link = session.scalars(statement).unique().first()
    if link is None:
        raise LoginRefused("login_link_invalid")
    return link


def _check_link(link: LoginLink, *, now: datetime) -> None:
    if link.completed_at is not None:
        raise LoginRefused("login_link_used", door=link.door)
    if now >= link.expires_at:
        raise LoginRefused(_EXPIRED[link.door], door=link.door)


def _check_confirmed(
    link: LoginLink, confirmation: EmailConfirmation | None, *, now: datetime
) -> None:
    if confirmation is None or confirmation.used_at is None:
        raise LoginRefused("login_link_invalid", door=link.door)
    # One entry of a key is one login, whichever of its mails is followed.
    if link.door is LoginDoor.SERVER_KEY and link.completed_at is not None:
        raise LoginRefused("login_link_used", door=link.door)
    # Confirming an address authenticates anew, so the link's own age does not matter, nor, through
    # the product's door, its use.
    if now >= confirmation.used_at + SESSION_LIFE:
        raise LoginRefused("login_link_expired", door=link.door)


def _open_login(
    session: Session, link: LoginLink, confirmation: EmailConfirmation | None
) -> OpenLogin:
    said = link.email if confirmation is None else confirmation.email
    user = find_person(session, link, address=said)
    if link.door is LoginDoor.PRODUCT:
        is_proven = user is not None and user.email_confirmed_at is not None
    else:
        # Support answers for the contact's address; behind a key anybody may stand.
        is_proven = link.door is LoginDoor.ON_BEHALF or confirmation is not None
    address = said if user is None else user.email
    return OpenLogin(link, confirmation, user, address=address, is_proven=is_proven)


def _read_token(ctx: Context, session: Session, token: str, *, door: LoginDoor) -> LoginLink:
    try:
        nonce, _signed_at = ctx.tokens.read(LINK_PURPOSES[door], token, max_age=LINK_LIVES[door])
    except BillingError as error:
        code = _EXPIRED[door] if error.code == "token_expired" else "login_link_invalid"
        raise LoginRefused(code, door=door) from None
    link_id = None
    if isinstance(nonce, str):
        mine = select(LoginLink.id).where(LoginLink.nonce == nonce, LoginLink.door == door)
        link_id = session.scalars(mine).first()
    if link_id is None:
        raise LoginRefused("login_link_invalid", door=door)
    return load_link(session, link_id)


def _major(version: str | None) -> int | None:
    return int(version.split(".")[0]) if version else None
