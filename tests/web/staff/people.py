"""Staff with passwords and authenticators, and the login walked through by a client."""

from datetime import timedelta
from typing import TYPE_CHECKING

import pyotp

from app.domain.kinds import StaffRole
from app.models.audit import AuditEntry
from app.models.people import PersonalDetail
from app.models.staff import StaffUser
from app.services.context import CLI, Context
from app.services.staff_factor import open_secret
from app.services.staff_people import CreateStaff, create_staff
from app.services.unit_of_work import unit_of_work

if TYPE_CHECKING:
    from werkzeug.test import TestResponse

    from tests.support.client import CheckedClient

PASSWORD = "heron marble cabinet"
EMAIL = "sam@tallyport.test"


def add_person(ctx: Context, role: StaffRole = StaffRole.SUPPORT, *, email: str = EMAIL) -> int:
    """Somebody of staff with PASSWORD; our id."""
    command = CreateStaff(email, "Sam Sato", role, password=PASSWORD)
    return create_staff(ctx, command, actor=CLI).staff_user_id


def enter_password(
    client: "CheckedClient",
    *,
    email: str = EMAIL,
    password: str = PASSWORD,
    next_path: str | None = None,
) -> "TestResponse":
    """Send the first form of the login; the answer as it came."""
    query = {"next": next_path} if next_path is not None else {}
    page = client.get("/support/login/", query_string=query)
    return client.submit(page, {"email": email, "password": password}, action="/support/login/")


def load_user(ctx: Context, staff_user_id: int) -> StaffUser:
    """The row as it is now."""
    with unit_of_work(ctx) as work:
        user = work.session.get_one(StaffUser, staff_user_id)
        work.session.expunge(user)
    return user


def give_factor(ctx: Context, staff_user_id: int, secret: str) -> None:
    """Let the person have an authenticator with that secret."""
    with unit_of_work(ctx) as work:
        user = work.session.get_one(StaffUser, staff_user_id)
        user.totp_secret = ctx.tokens.encrypt("staff-totp", secret)
        user.totp_confirmed_at = work.now
        work.commit()


def code_now(ctx: Context, secret: str, *, steps: int = 0) -> str:
    """What the authenticator shows, so many steps of 30 seconds from now."""
    return pyotp.TOTP(secret).at(ctx.clock.real_now() + timedelta(seconds=30 * steps))


def secret_of(ctx: Context, staff_user_id: int) -> str | None:
    """The secret of the person's authenticator."""
    return open_secret(ctx, load_user(ctx, staff_user_id).totp_secret)


def audit_of(ctx: Context, action: str) -> list[tuple[str, object, str | None]]:
    """Actor, `after` and IP of every entry of that action, in order."""
    with ctx.sessions() as session:
        found = session.query(AuditEntry, PersonalDetail.ip).outerjoin(
            PersonalDetail, PersonalDetail.id == AuditEntry.personal_detail_id
        )
        rows = found.filter(AuditEntry.action == action).order_by(AuditEntry.id).all()
        return [(entry.actor, entry.after, ip) for entry, ip in rows]
