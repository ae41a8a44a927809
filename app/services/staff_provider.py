"""The login of staff by the vendor's identity provider.

The provider proves who somebody is; it never decides who of staff there is. Whoever comes the first
time is known by an address that the provider has verified, and from then on by the provider's own
name for the account, which outlives addresses and is given to nobody else.
"""

from dataclasses import dataclass

from sqlalchemy import select

from app.domain.errors import BillingError, NotFoundError
from app.gateways.oidc import LoginProvider, ProvenPerson, ProviderAttempt, new_attempt
from app.models.staff import StaffUser
from app.services.audit import record_audit
from app.services.context import Context, staff_actor
from app.services.logs import log_event
from app.services.staff_login import PROVIDER_DOOR, HalfStaff, note_failure, stamp_of, why_not
from app.services.unit_of_work import UnitOfWork, unit_of_work

RETURN_PATH = "/support/login/provider/return/"


@dataclass(frozen=True, slots=True)
class BegunLogin:
    """Where the browser goes, and what its session keeps until it comes back."""

    url: str
    attempt: ProviderAttempt


def begin_provider_login(ctx: Context) -> BegunLogin:
    """Another attempt. Raises NotFoundError without a provider, or BillingError
    `staff_provider_unreachable` or `staff_provider_broken`."""
    provider, attempt = _provider(ctx), new_attempt()
    try:
        url = provider.authorization_url(attempt, redirect_uri=_return_address(ctx))
    except BillingError as error:
        _log(error)
        raise
    return BegunLogin(url, attempt)


def finish_provider_login(
    ctx: Context, attempt: ProviderAttempt, code: str, *, ip: str | None
) -> HalfStaff:
    """The login of the person who came back with `code`; nothing more is asked of them.

    Raises NotFoundError without a provider, BillingError those of `LoginProvider.identify`, and
    `staff_provider_unknown` for whoever is nobody here, disabled, or bound to another account
    alike.
    """
    provider, address = _provider(ctx), _return_address(ctx)
    try:
        proven = provider.identify(attempt, code, redirect_uri=address, now=ctx.clock.real_now())
    except BillingError as error:
        _log(error)
        note_provider_refusal(ctx, error.code, ip=ip)
        raise
    with unit_of_work(ctx) as work:
        half = _let_in(work, proven, ip=ip)
        work.commit()
    if half is None:
        raise BillingError("staff_provider_unknown")
    return half


def note_provider_refusal(ctx: Context, code: str, *, ip: str | None) -> None:
    """Write a login that came to nothing before anybody was named into the audit log."""
    with unit_of_work(ctx) as work:
        note_failure(work, None, code, ip=ip, counts=False)
        work.commit()


def _let_in(work: UnitOfWork, proven: ProvenPerson, *, ip: str | None) -> HalfStaff | None:
    """The login of this person, None when there is nobody whom it lets in."""
    user, reason = _known(work, proven), None
    if user is None:
        user = _of_address(work, proven)
        reason = _why_not_bound(user, proven)
    reason = reason or why_not(work.ctx, user, door=PROVIDER_DOOR)
    if user is None or reason is not None:
        # It does not count: nobody guesses anything here.
        note_failure(work, user, f"provider: {reason}", ip=ip, counts=False)
        return None
    if user.oidc_subject is None:
        _bind(work, user, proven, ip=ip)
    return HalfStaff(user.id, stamp_of(work.ctx, user), PROVIDER_DOOR)


def _log(error: BillingError) -> None:
    """For whoever runs the portal: people are only told that it did not work."""
    reason = error.params.get("reason")
    log_event("staff.provider_failed", code=error.code, reason=str(reason) if reason else None)


def _provider(ctx: Context) -> LoginProvider:
    if ctx.login_provider is None:
        raise NotFoundError("login provider")
    return ctx.login_provider


def _return_address(ctx: Context) -> str:
    return f"{ctx.settings.base_url}{RETURN_PATH}"


def _known(work: UnitOfWork, proven: ProvenPerson) -> StaffUser | None:
    """Who has come with this account before, locked for this unit of work."""
    statement = select(StaffUser).where(
        StaffUser.oidc_issuer == proven.issuer, StaffUser.oidc_subject == proven.subject
    )
    return work.session.scalars(statement.with_for_update()).first()


def _of_address(work: UnitOfWork, proven: ProvenPerson) -> StaffUser | None:
    """Who has the verified address, locked for this unit of work."""
    if proven.verified_email is None:
        return None
    email = proven.verified_email.strip()
    # Outside of ASCII letters exist whose small form is an ASCII one: another address.
    address = email.lower() if email.isascii() else email
    statement = select(StaffUser).where(StaffUser.email == address)
    return work.session.scalars(statement.with_for_update()).first()


def _why_not_bound(user: StaffUser | None, proven: ProvenPerson) -> str | None:
    """Why this account does not become the person's, as the audit log says it."""
    if proven.verified_email is None:
        return "unverified"
    if user is None:
        return "unknown"
    # Two logins at once may both come the first time.
    is_same = (user.oidc_issuer, user.oidc_subject) == (proven.issuer, proven.subject)
    return "bound" if user.oidc_subject is not None and not is_same else None


def _bind(work: UnitOfWork, user: StaffUser, proven: ProvenPerson, *, ip: str | None) -> None:
    user.oidc_issuer, user.oidc_subject = proven.issuer, proven.subject
    actor = staff_actor(user.id, email=user.email, full_name=user.full_name, ip=ip)
    after = {"staff": user.id, "issuer": proven.issuer}
    record_audit(work, "staff.provider_bound", actor=actor, after=after)
