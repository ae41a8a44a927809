"""People of the vendor, logged in without walking through the login."""

from typing import TYPE_CHECKING

from sqlalchemy import select

from app.domain.kinds import StaffRole
from app.models.staff import StaffUser
from app.services.browser_sessions import begin_staff_session as begin_session_of_staff
from app.services.context import Context
from app.services.unit_of_work import unit_of_work
from app.web.sessions import session_cookie_name

if TYPE_CHECKING:
    from tests.support.client import CheckedClient


def add_staff(
    ctx: Context, role: StaffRole = StaffRole.SUPPORT, *, email: str | None = None, name: str = ""
) -> int:
    """Somebody of staff with that role, the same each time for the same address; our id."""
    address = email or f"{role.value}@tallyport.test"
    with unit_of_work(ctx) as work:
        found = work.session.scalars(select(StaffUser).where(StaffUser.email == address)).first()
        if found is None:
            found = StaffUser(
                email=address, full_name=name or f"Sam {role.value}", role=role, created_at=work.now
            )
            work.session.add(found)
            work.flush()
        staff_user_id = found.id
        work.commit()
    return staff_user_id


def begin_staff_session(
    client: "CheckedClient",
    ctx: Context,
    role: StaffRole = StaffRole.SUPPORT,
    *,
    email: str | None = None,
) -> int:
    """Make `client` the browser of somebody of staff; returns our id of the person."""
    staff_user_id = add_staff(ctx, role, email=email)
    with unit_of_work(ctx) as work:
        secret = begin_session_of_staff(
            work,
            staff_user_id=staff_user_id,
            ip="127.0.0.1",
            user_agent="tests",
            # As after the form of a real login: the first page makes no token any more.
            data={"csrf_token": "c" * 40},
        )
        work.commit()
    client.set_cookie(session_cookie_name(ctx.settings), secret)
    return staff_user_id
