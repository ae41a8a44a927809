"""Staff send a mail of a customer once more."""

from datetime import datetime

from sqlalchemy import func, select

from app.domain.errors import BillingError, NotFoundError
from app.models.customers import Customer
from app.models.mails import Mail
from app.services.audit import record_audit
from app.services.context import Actor
from app.services.customers import Payer, claim_payer
from app.services.deliver_mail import deliver_mail
from app.services.mail_params import decode_params
from app.services.outbox import record_mail
from app.services.unit_of_work import UnitOfWork


def resend_mail(
    work: UnitOfWork, payer: Payer, mail_id: int, *, actor: Actor, reason: str
) -> tuple[str, datetime]:
    """Send a mail again to the address it was for: one that failed is tried anew, one that was sent
    is sent as a mail of its own. Returns its template and when it was first written.

    Raises NotFoundError for a mail that is not this customer's, and BillingError
    `mail_holds_a_secret` for one whose login link is gone: a new link is made instead.
    """
    _, customer = claim_payer(work, payer)
    mail = _load(work, customer, mail_id)
    if mail.secret_params is None and mail.template in _WITH_LINKS:
        raise BillingError("mail_holds_a_secret")
    if mail.sent_at is None:
        mail.failed_at, mail.attempts, mail.next_attempt_at = None, 0, work.now
        mail.last_error = None
        ctx = work.ctx

        def send_now() -> None:
            deliver_mail(ctx, mail_id)

        work.after_commit(send_now)
    else:
        record_mail(
            work,
            template=mail.template,
            recipient=mail.recipient,
            params=decode_params(mail.params),
            event_key=f"again:{mail.id}:{_times_sent(work, mail.id)}",
            customer_id=mail.customer_id,
            about_money=mail.about_money,
            billing_user_id=mail.billing_user_id,
            kind=mail.kind,
        )
    record_audit(
        work,
        "mail.sent_again",
        actor=actor,
        customer_id=customer.id,
        after={"mail": mail.id, "template": mail.template, "reason": reason},
    )
    return mail.template, mail.created_at


# Mails whose only use is a link that is wiped once they have left.
_WITH_LINKS = frozenset(
    {
        "confirm_login",
        "confirm_organization_move",
        "confirm_server_login",
        "invitation",
        "mail_login",
    }
)


def _load(work: UnitOfWork, customer: Customer, mail_id: int) -> Mail:
    mail = work.session.get(Mail, mail_id)
    if mail is None or mail.customer_id != customer.id:
        raise NotFoundError("mail")
    return mail


def _times_sent(work: UnitOfWork, mail_id: int) -> int:
    again = select(func.count()).where(Mail.event_key.startswith(f"again:{mail_id}:"))
    return (work.session.scalar(again) or 0) + 1
