"""What the logins have in common that begin with a mailed link and with nothing else: accepting an
invitation, and coming back later."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from app.domain.catalog import Catalog
from app.domain.errors import BillingError
from app.models.people import BillingUser
from app.models.registrations import Organization, Server
from app.services.audit import record_audit
from app.services.browser_sessions import begin_identity_session, end_session
from app.services.complete_login import CompletedLogin
from app.services.context import Actor, Context, billing_user_actor
from app.services.landing import decide_landing
from app.services.login_failures import LoginRefused
from app.services.logs import log_event
from app.services.unit_of_work import UnitOfWork, unit_of_work

# Where the sessions of such people lead when they are over.
BY_MAIL = "/login/by-mail/"


@dataclass(frozen=True, slots=True)
class Browser:
    """The browser that logs in: its session until now, which ends, the first values of the new one,
    and where it calls from."""

    replaces: str | None
    data: Mapping[str, Any]
    ip: str | None


def server_id_of(place: Organization | Server) -> int:
    """The server of a place of login."""
    return place.server_id if isinstance(place, Organization) else place.id


def name_of(place: Organization | Server) -> str:
    """The host that people know a place by."""
    return place.host if isinstance(place, Organization) else place.hostname


def check_mailed_place(place: Organization | Server) -> None:
    """Raise LoginRefused `login_server_deactivated` or `login_organization_inactive` where nobody
    may log in."""
    server = place.server if isinstance(place, Organization) else place
    if server.deactivated_at is not None:
        raise LoginRefused("login_server_deactivated")
    if isinstance(place, Organization) and (
        place.deactivated or place.locally_deleted_at is not None
    ):
        raise LoginRefused("login_organization_inactive")


def asks_tos(catalog: Catalog, accepted: str | None) -> bool:
    """Whether whoever accepted that version has to agree to the present one."""
    return accepted is None or int(accepted.split(".")[0]) < catalog.tos_major_version


def begin_mailed_session(
    work: UnitOfWork,
    user: BillingUser,
    place: Organization | Server,
    browser: Browser,
    *,
    tos_version: str | None,
    proof: Mapping[str, Any],
) -> CompletedLogin:
    """Log `user` in, whose mailed link was used up in this unit of work; `proof` names it in the
    audit log. `tos_version` is the version whose box was ticked, None when the form had no box.
    Raises BillingError `tos_not_accepted`."""
    if asks_tos(work.ctx.catalog, tos_version or user.tos_version):
        raise BillingError("tos_not_accepted")
    if tos_version is not None and tos_version != user.tos_version:
        user.tos_version, user.tos_accepted_at = tos_version, work.now
    user.last_login_at = work.now
    if browser.replaces is not None:
        end_session(work, browser.replaces)
    secret = begin_identity_session(
        work,
        billing_user_id=user.id,
        authenticated_at=work.now,
        way_back=BY_MAIL,
        data=browser.data,
    )
    record_audit(
        work,
        "login.succeeded",
        actor=billing_user_actor(
            user.id, email=user.email, full_name=user.full_name, ip=browser.ip
        ),
        server_id=server_id_of(place),
        organization_id=user.organization_id,
        after={"door": "mail", **proof},
    )
    page = decide_landing(work.session, place, next_page=None, catalog=work.ctx.catalog)
    return CompletedLogin(secret=secret, billing_user_id=user.id, page=page)


@contextmanager
def failures_recorded(
    ctx: Context, find_place: Callable[[Session], Organization | Server | None], *, ip: str | None
) -> Iterator[None]:
    """Write what refuses a login with a mailed link in here into the audit log, and pass it on.
    `find_place` is the place that the link is for, as far as one is known."""
    try:
        yield
    except BillingError as error:
        record_mailed_failure(ctx, error.code, find_place=find_place, ip=ip)
        raise


def record_mailed_failure(
    ctx: Context,
    reason: str,
    *,
    find_place: Callable[[Session], Organization | Server | None],
    ip: str | None,
) -> None:
    """Write a login with a mailed link that was refused into the audit log, with the place that the
    link is for."""
    with unit_of_work(ctx) as work:
        place = find_place(work.session)
        record_audit(
            work,
            "login.failed",
            actor=Actor("stranger", ip=ip),
            server_id=None if place is None else server_id_of(place),
            organization_id=place.id if isinstance(place, Organization) else None,
            after={"reason": reason, "door": "mail"},
        )
        work.commit()
    log_event("login.failed", door="mail", reason=reason)
