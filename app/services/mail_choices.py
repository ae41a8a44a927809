"""Which mails a person wants: what can be stopped, by a signed address that needs no login.

Mails about money owed and about logins always go. Rules: docs/rules/mails.md.
"""

from dataclasses import dataclass
from datetime import timedelta

from app.domain.errors import BillingError, NotFoundError
from app.domain.kinds import MailKind
from app.models.people import BillingUser
from app.services.audit import record_audit
from app.services.context import Actor, Context
from app.services.unit_of_work import unit_of_work

PURPOSE = "mail-unsubscribe"
# Mails are kept for long, and whoever finds one must still be able to stop them.
MAX_AGE = timedelta(days=730)
# The column of a person's answer for each kind.
WANTS = {
    MailKind.RENEWALS: "wants_renewal_mails",
    MailKind.USAGE: "wants_usage_mails",
    MailKind.ANNOUNCEMENTS: "wants_announcement_mails",
}


@dataclass(frozen=True, slots=True)
class StoppableMails:
    """What an address of this kind is about: whose mails, of which kind, and whether they still
    come."""

    billing_user_id: int
    kind: MailKind
    email: str
    is_wanted: bool


def wants(person: BillingUser, kind: MailKind) -> bool:
    """Whether `person` wants mails of that kind."""
    return bool(getattr(person, WANTS[kind]))


def unsubscribe_address(ctx: Context, billing_user_id: int, kind: MailKind) -> str:
    """The address at which mails of `kind` to that person are stopped, without a login."""
    token = ctx.tokens.sign(PURPOSE, [billing_user_id, kind.value])
    return f"{ctx.settings.base_url}/mail/unsubscribe/{token}/"


def load_stoppable_mails(ctx: Context, token: str) -> StoppableMails:
    """What the token of such an address is about. Raises BillingError `token_invalid` or
    `token_expired`; NotFoundError when the person is gone."""
    person_id, kind = _read(ctx, token)
    with unit_of_work(ctx) as work:
        person = work.session.get(BillingUser, person_id)
        if person is None:
            raise NotFoundError("person")
        return StoppableMails(person.id, kind, person.email, wants(person, kind))


def stop_mails(ctx: Context, token: str, *, ip: str | None = None) -> StoppableMails:
    """Stop the mails that the token is about; safe to repeat. Raises what
    `load_stoppable_mails` raises."""
    person_id, kind = _read(ctx, token)
    with unit_of_work(ctx) as work:
        person = work.session.get(BillingUser, person_id, with_for_update=True)
        if person is None:
            raise NotFoundError("person")
        if wants(person, kind):
            setattr(person, WANTS[kind], False)
            record_audit(
                work,
                "billing_user.mails_stopped",
                actor=Actor(f"billing_user:{person.id}", ip=ip),
                server_id=person.server_id,
                organization_id=person.organization_id,
                before={f"{kind.value}_mails": True},
                after={f"{kind.value}_mails": False, "billing_user": person.id},
            )
            work.commit()
        return StoppableMails(person.id, kind, person.email, is_wanted=False)


def _read(ctx: Context, token: str) -> tuple[int, MailKind]:
    value, _signed_at = ctx.tokens.read(PURPOSE, token, max_age=MAX_AGE)
    try:
        person_id, kind = value
        return int(person_id), MailKind(kind)
    except (TypeError, ValueError):
        raise BillingError("token_invalid", purpose=PURPOSE) from None
