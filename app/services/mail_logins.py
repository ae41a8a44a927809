"""People who were invited come back by a mailed link: for 15 minutes and one login.

Everybody else comes through the product or with the server's key, which prove more than an address:
that the organization still has this admin, or that the server has not got a new key.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import Select, func, or_, select
from sqlalchemy.orm import Session

from app.models.people import BillingUser, Invitation, MailLogin
from app.models.registrations import Organization, Server
from app.services.audit import record_audit
from app.services.complete_login import CompletedLogin
from app.services.context import Actor, Context
from app.services.login_failures import LoginRefused
from app.services.login_people import login_address
from app.services.logs import log_event
from app.services.mailed_sessions import (
    BY_MAIL,
    Browser,
    asks_tos,
    begin_mailed_session,
    check_mailed_place,
    failures_recorded,
    name_of,
    record_mailed_failure,
    server_id_of,
)
from app.services.outbox import record_mail
from app.services.unit_of_work import UnitOfWork, unit_of_work

LINK_LIFE = timedelta(minutes=15)
_PURPOSE = "mail-login"


@dataclass(frozen=True, slots=True)
class MailLoginPage:
    """What the page behind a mailed link shows before its button is pressed."""

    email: str
    host: str
    is_server: bool
    asks_tos: bool


def request_mail_login(ctx: Context, email: str, *, ip: str | None) -> int:
    """Mail somebody who was invited a link for each customer that the address manages; returns how
    many, which nobody may be told. An address that is not known gets nothing."""
    address = login_address(email)
    with unit_of_work(ctx) as work:
        people = [user for user in _invited(work.session, address) if _may_come(user)]
        links = [_add_link(work, user, ip=ip) for user in people]
        if links:
            record_mail(
                work,
                template="mail_login",
                recipient=address,
                params={
                    "expires_at": work.now + LINK_LIFE,
                    "hosts": [host for _, host, _ in links],
                },
                secret_params={"links": [{"host": host, "url": url} for _, host, url in links]},
                event_key=f"login.link_mailed:{links[0][0]}",
            )
        work.commit()
    if not links:
        record_mailed_failure(ctx, "mail_login_unknown", find_place=lambda _: None, ip=ip)
    log_event("login.link_asked", links=len(links))
    return len(links)


def open_mail_login(ctx: Context, session: Session, key: str, *, ip: str | None) -> MailLoginPage:
    """Where a mailed link leads; reads only, unless it fails.

    Raises LoginRefused `mail_login_over` for one that is unknown, used or too old,
    `login_user_deactivated`, and those of `check_mailed_place`, after writing it into the audit log.
    """
    with _failures_recorded(ctx, key, ip=ip):
        user, place = _check(ctx, _find(ctx, session, key))
        return MailLoginPage(
            email=user.email,
            host=name_of(place),
            is_server=user.server_id is not None,
            asks_tos=asks_tos(ctx.catalog, user.tos_version),
        )


def log_in_by_mail(
    ctx: Context, key: str, browser: Browser, *, tos_version: str | None
) -> CompletedLogin:
    """Use the link up and log its person in. `tos_version` is the version whose box was ticked,
    None when the form had no box. Raises as `open_mail_login`, and BillingError
    `tos_not_accepted`."""
    with _failures_recorded(ctx, key, ip=browser.ip), unit_of_work(ctx) as work:
        place = _place(_find(ctx, work.session, key).billing_user)
        # Its server first, so that a registration that changes hands meanwhile is seen.
        work.claim_server(server_id_of(place))
        link = _find(ctx, work.session, key, lock=True)
        work.session.refresh(link.billing_user)
        work.session.refresh(place)
        user, place = _check(ctx, link)
        link.used_at = work.now
        proof = {"mail_login": link.id}
        completed = begin_mailed_session(
            work, user, place, browser, tos_version=tos_version, proof=proof
        )
        work.commit()
    log_event("login.succeeded", billing_user=completed.billing_user_id)
    return completed


def _failures_recorded(ctx: Context, key: str, *, ip: str | None) -> AbstractContextManager[None]:
    def find_place(session: Session) -> Organization | Server | None:
        known = session.scalars(_having_key(ctx, key)).first()
        return _place(known.billing_user) if known is not None else None

    return failures_recorded(ctx, find_place, ip=ip)


def _invited(session: Session, address: str) -> Sequence[BillingUser]:
    """The people of that address who came by an invitation and whose address is not in doubt."""
    accepted = select(Invitation.id).where(
        Invitation.accepted_at.is_not(None),
        Invitation.email == address,
        or_(
            Invitation.organization_id == BillingUser.organization_id,
            Invitation.server_id == BillingUser.server_id,
        ),
    )
    statement = select(BillingUser).where(
        func.lower(BillingUser.email) == address,
        BillingUser.deactivated_at.is_(None),
        BillingUser.email_confirmed_at.is_not(None),
        accepted.exists(),
    )
    return session.scalars(statement.order_by(BillingUser.id)).all()


def _may_come(user: BillingUser) -> bool:
    try:
        check_mailed_place(_place(user))
    except LoginRefused:
        return False
    return True


def _add_link(work: UnitOfWork, user: BillingUser, *, ip: str | None) -> tuple[int, str, str]:
    """A new link: our id of it, the host it leads to, and its address."""
    tokens, place = work.ctx.tokens, _place(user)
    key = tokens.new_secret()
    link = MailLogin(
        billing_user_id=user.id,
        key_hash=tokens.hash_secret(_PURPOSE, key),
        created_at=work.now,
        expires_at=work.now + LINK_LIFE,
    )
    work.session.add(link)
    work.flush()
    record_audit(
        work,
        "login.link_mailed",
        actor=Actor("stranger", ip=ip),
        server_id=server_id_of(place),
        organization_id=user.organization_id,
        after={"billing_user": user.id, "mail_login": link.id},
    )
    return link.id, name_of(place), f"{work.ctx.settings.base_url}{BY_MAIL}{key}/"


def _place(user: BillingUser) -> Organization | Server:
    place = user.organization or user.server
    assert place is not None, "every person is of one place"
    return place


def _having_key(ctx: Context, key: str) -> Select[MailLogin]:
    return select(MailLogin).where(MailLogin.key_hash.in_(ctx.tokens.hashes(_PURPOSE, key)))


def _find(ctx: Context, session: Session, key: str, *, lock: bool = False) -> MailLogin:
    statement = _having_key(ctx, key)
    if lock:
        # What was read before the lock may be old by now.
        statement = statement.with_for_update().execution_options(populate_existing=True)
    found = session.scalars(statement).first()
    if found is None:
        raise LoginRefused("mail_login_over")
    return found


def _check(ctx: Context, link: MailLogin) -> tuple[BillingUser, Organization | Server]:
    user = link.billing_user
    if link.used_at is not None or ctx.now() >= link.expires_at:
        raise LoginRefused("mail_login_over")
    if user.deactivated_at is not None:
        raise LoginRefused("login_user_deactivated")
    # A registration that changed hands meanwhile asks for a new proof.
    if user.email_confirmed_at is None:
        raise LoginRefused("mail_login_over")
    place = _place(user)
    check_mailed_place(place)
    return user, place
