"""The second factor of staff: codes of an authenticator, and codes for the day it is lost."""

import hmac
import secrets

import pyotp
from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from app.models.staff import StaffRecoveryCode, StaffUser
from app.services.context import Context
from app.services.unit_of_work import UnitOfWork

STEP_SECONDS = 30
# Clocks of phones go wrong; a code of the step before or after counts too.
STEPS_AROUND = (0, -1, 1)
RECOVERY_CODES = 10
# Without letters and digits that look alike.
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
_GROUPS, _GROUP_LENGTH = 4, 4
_SECRET_PURPOSE = "staff-totp"
_RECOVERY_PURPOSE = "staff-recovery"


def new_sealed_secret(ctx: Context) -> str:
    """A new secret for an authenticator, encrypted."""
    return ctx.tokens.encrypt(_SECRET_PURPOSE, pyotp.random_base32())


def open_secret(ctx: Context, sealed: str | None) -> str | None:
    """The secret as the authenticator is told it; None when it cannot be read."""
    return ctx.tokens.decrypt(_SECRET_PURPOSE, sealed) if sealed else None


def enrollment_address(ctx: Context, secret: str, *, email: str) -> str:
    """What the QR code says."""
    issuer = f"{ctx.catalog.brand.product} support"
    return pyotp.TOTP(secret).provisioning_uri(name=email, issuer_name=issuer)


def matching_step(ctx: Context, sealed: str | None, code: str) -> int | None:
    """The step of 30 seconds, by real time, whose code this is; None when it is none of those
    around now. The phones of people know no other time than the real one."""
    secret = open_secret(ctx, sealed)
    if secret is None or not (code.isascii() and code.isdigit()):
        return None
    now = int(ctx.clock.real_now().timestamp()) // STEP_SECONDS
    generator = pyotp.TOTP(secret)
    return next(
        (
            now + around
            for around in STEPS_AROUND
            if hmac.compare_digest(generator.generate_otp(now + around), code)
        ),
        None,
    )


def use_code(work: UnitOfWork, user: StaffUser, code: str) -> bool:
    """Use a code of the authenticator. Each is good once: the step of the last one is kept."""
    step = matching_step(work.ctx, user.totp_secret, clean_code(code))
    if step is None or user.totp_confirmed_at is None:
        return False
    statement = (
        update(StaffUser)
        .where(StaffUser.id == user.id, func.coalesce(StaffUser.totp_last_step, -1) < step)
        .values(totp_last_step=step)
        .returning(StaffUser.id)
        .execution_options(synchronize_session=False)
    )
    return work.session.execute(statement).first() is not None


def use_recovery_code(work: UnitOfWork, user: StaffUser, code: str) -> bool:
    """Use one of the codes for the day the authenticator is lost; it is gone then."""
    statement = (
        update(StaffRecoveryCode)
        .where(
            StaffRecoveryCode.staff_user_id == user.id,
            StaffRecoveryCode.code_hash.in_(
                work.ctx.tokens.hashes(_RECOVERY_PURPOSE, clean_code(code))
            ),
            StaffRecoveryCode.used_at.is_(None),
        )
        .values(used_at=work.now)
        .returning(StaffRecoveryCode.id)
        .execution_options(synchronize_session=False)
    )
    return work.session.execute(statement).first() is not None


def clean_code(code: str) -> str:
    """A code without the blanks and hyphens that make it readable."""
    return "".join(code.split()).replace("-", "").lower()[:64]


def confirm_secret(work: UnitOfWork, user: StaffUser, *, sealed: str, step: int) -> None:
    """Let the secret count from now on, in place of any before."""
    user.totp_secret = sealed
    user.totp_confirmed_at = work.now
    user.totp_last_step = step


def replace_recovery_codes(work: UnitOfWork, user: StaffUser) -> list[str]:
    """New codes in place of all before; they are told once and kept as hashes."""
    forget_recovery_codes(work, user)
    codes = ["-".join(_group() for _ in range(_GROUPS)) for _ in range(RECOVERY_CODES)]
    for code in codes:
        hashed = work.ctx.tokens.hash_secret(_RECOVERY_PURPOSE, clean_code(code))
        work.session.add(StaffRecoveryCode(staff_user_id=user.id, code_hash=hashed))
    return codes


def forget_recovery_codes(work: UnitOfWork, user: StaffUser) -> None:
    """None of the codes lets anybody in any more."""
    work.session.execute(
        delete(StaffRecoveryCode)
        .where(StaffRecoveryCode.staff_user_id == user.id)
        .execution_options(synchronize_session=False)
    )


def forget_factor(work: UnitOfWork, user: StaffUser) -> None:
    """No second factor any more."""
    user.totp_secret = user.totp_confirmed_at = user.totp_last_step = None
    forget_recovery_codes(work, user)


def count_recovery_codes(session: Session, staff_user_id: int) -> int:
    """How many codes are left."""
    statement = select(func.count()).where(
        StaffRecoveryCode.staff_user_id == staff_user_id, StaffRecoveryCode.used_at.is_(None)
    )
    return session.scalar(statement) or 0


def _group() -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(_GROUP_LENGTH))
