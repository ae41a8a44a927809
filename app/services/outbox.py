"""The outbox: a mail is recorded in the transaction that causes it and leaves after the commit."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite

from app.domain.kinds import MailKind
from app.models.mails import Mail
from app.services.deliver_mail import deliver_mail
from app.services.mail_params import encode_params
from app.services.unit_of_work import UnitOfWork


def record_mail(
    work: UnitOfWork,
    *,
    template: str,
    recipient: str,
    params: Mapping[str, Any],
    event_key: str,
    customer_id: int | None = None,
    about_money: bool = False,
    secret_params: Mapping[str, Any] | None = None,
    billing_user_id: int | None = None,
    kind: MailKind | None = None,
) -> Mail:
    """Put one mail into the outbox of this unit of work; it is sent once that has committed.

    `event_key` names the event ("invoice.paid:17"): recorded twice, there is one mail, and the
    row that was there first is returned. `params` hold JSON values and aware datetimes for the
    templates of `templates/emails/<template>/`; `secret_params` are added to them and wiped once
    the mail has left. A mail `about_money` is sent again when a run dies between sending and
    recording it, so it may come twice; any other is marked first, so it may get lost.
    A mail of a `kind` is one that its person (`billing_user_id`) may stop: it carries the way to do
    that. When it cannot be sent right away, the row stays and `deliver_due_mails` tries again.
    """
    values = {
        "event_key": event_key,
        "customer_id": customer_id,
        "template": template,
        "recipient": recipient,
        "params": encode_params(params),
        "about_money": about_money,
        "billing_user_id": billing_user_id,
        "kind": kind,
        "created_at": work.now,
        "next_attempt_at": work.now,
        "attempts": 0,
    }
    if secret_params is not None:
        values["secret_params"] = encode_params(secret_params)
    is_new = _insert_once(work, values)
    mail = work.session.scalars(select(Mail).where(Mail.event_key == event_key)).one()
    if is_new:
        ctx, mail_id = work.ctx, mail.id

        def send_now() -> None:
            deliver_mail(ctx, mail_id)

        work.after_commit(send_now)
    return mail


def _insert_once(work: UnitOfWork, values: dict[str, Any]) -> bool:
    """Insert unless the event has its mail already; False when it has.

    The unique index decides, so of two units of work at once only one inserts.
    """
    insert = postgresql.insert if work.session.get_bind().dialect.name == "postgresql" else None
    statement = (insert or sqlite.insert)(Mail).values(**values)
    once = statement.on_conflict_do_nothing(index_elements=["event_key"]).returning(Mail.id)
    return work.session.execute(once).first() is not None
