"""Logins that cannot go on: the refusal itself, and its entry in the audit log."""

from app.domain.errors import BillingError
from app.domain.kinds import LoginDoor
from app.models.people import LoginLink
from app.services.audit import record_audit
from app.services.context import Actor, Context
from app.services.logs import log_event
from app.services.unit_of_work import UnitOfWork, unit_of_work


class LoginRefused(BillingError):
    """A login cannot go on: a page of its own says why and what to do, whatever form was sent.

    `door` is the one that the person came through, since the way on begins there; None when
    nothing tells.
    """

    door: LoginDoor | None

    def __init__(self, code: str, *, door: LoginDoor | None = None, **params: object) -> None:
        super().__init__(code, **params)
        self.door = door


def link_actor(link: LoginLink | None, *, ip: str | None) -> Actor:
    """The actor of a person who is not logged in yet."""
    if link is None:
        return Actor("stranger", ip=ip)
    return Actor(
        f"login_link:{link.id}",
        email=link.email or None,
        full_name=link.full_name or None,
        ip=ip,
    )


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
