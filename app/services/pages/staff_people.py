"""The pages about the people who may log in to the support console."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.errors import NotFoundError
from app.domain.kinds import StaffRole
from app.models.staff import StaffUser


@dataclass(frozen=True, slots=True)
class StaffRow:
    """One person. `is_bound` says whether one of the provider's accounts is theirs, `is_set_up`
    whether they have that or a password;
    `is_locked` that failures keep the login shut for a while."""

    id: int
    email: str
    full_name: str
    role: StaffRole
    is_you: bool
    is_set_up: bool
    is_bound: bool
    has_factor: bool
    is_locked: bool
    last_login_at: datetime | None
    disabled_at: datetime | None

    @property
    def name(self) -> str:
        """What others call the person."""
        return self.full_name or self.email


def list_staff(session: Session, *, you: int, now: datetime) -> list[StaffRow]:
    """Everybody, those who may log in first, by name. A vendor's staff fits on one page."""
    rows = session.scalars(select(StaffUser).order_by(StaffUser.full_name, StaffUser.email))
    found = [_row(user, you=you, now=now) for user in rows]
    return sorted(found, key=lambda row: row.disabled_at is not None)


def load_staff(session: Session, staff_user_id: int, *, you: int, now: datetime) -> StaffRow:
    """One of them. Raises NotFoundError."""
    user = session.get(StaffUser, staff_user_id)
    if user is None:
        raise NotFoundError("staff")
    return _row(user, you=you, now=now)


def _row(user: StaffUser, *, you: int, now: datetime) -> StaffRow:
    return StaffRow(
        id=user.id,
        email=user.email,
        full_name=user.full_name,
        role=user.role,
        is_you=user.id == you,
        is_set_up=user.password_hash is not None or user.oidc_subject is not None,
        is_bound=user.oidc_subject is not None,
        has_factor=user.totp_confirmed_at is not None,
        is_locked=user.locked_until is not None and now < user.locked_until,
        last_login_at=user.last_login_at,
        disabled_at=user.disabled_at,
    )
