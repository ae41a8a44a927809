"""The outbox: one mail for one event, sent after the commit, tried again, never held in a
transaction."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, text

from app.clock import FixedClock
from app.gateways.mail import MailError
from app.models import Mail
from app.services.context import Context
from app.services.deliver_mail import (
    MAX_ATTEMPTS,
    DeliveryCounts,
    DeliveryOutcome,
    deliver_due_mails,
    deliver_mail,
)
from app.services.outbox import record_mail
from app.services.unit_of_work import UnitOfWork, is_transaction_open, unit_of_work
from tests.support.mail import RecordingMailer

EXPIRES = datetime(2012, 1, 3, 3, 4, 5, tzinfo=UTC)


def add(
    work: UnitOfWork, key: str = "test:1", *, about_money: bool = False, template: str | None = None
) -> Mail:
    return record_mail(
        work,
        template=template or "confirm_login",
        recipient="iago@acme.test",
        params={"host": "acme.test", "expires_at": EXPIRES},
        secret_params={"url": "http://localhost/secret"},
        event_key=key,
        about_money=about_money,
    )


def record(ctx: Context, key: str = "test:1", *, about_money: bool = False) -> int:
    with unit_of_work(ctx) as work:
        mail_id = add(work, key, about_money=about_money).id
        work.commit()
    return mail_id


def load(ctx: Context, mail_id: int) -> Mail:
    with ctx.sessions() as session:
        return session.get_one(Mail, mail_id)


def test_a_mail_leaves_after_the_commit(ctx: Context, mailer: RecordingMailer) -> None:
    with unit_of_work(ctx) as work:
        mail_id = add(work).id
        work.commit()
        assert mailer.outbox == [], "not before everything is kept"
    (sent,) = mailer.outbox
    assert sent.recipient == "iago@acme.test"
    assert sent.params["expires_at"] == EXPIRES, "an instant stays an instant"
    assert "http://localhost/secret" in sent.text
    mail = load(ctx, mail_id)
    assert mail.sent_at == ctx.now() and mail.claimed_by is None
    assert "secret" not in str(mail.params)


def test_secrets_are_wiped_once_the_mail_has_left(ctx: Context) -> None:
    mail_id = record(ctx)
    with ctx.sessions() as session:
        wiped = text("SELECT secret_params IS NULL FROM mails WHERE id = :id")
        assert session.scalar(wiped, {"id": mail_id})


def test_without_a_commit_there_is_no_mail(ctx: Context, mailer: RecordingMailer) -> None:
    with unit_of_work(ctx) as work:
        add(work)
    with ctx.sessions() as session:
        assert session.scalars(select(Mail)).all() == []
    assert mailer.outbox == []


def test_one_mail_for_one_event(ctx: Context, mailer: RecordingMailer) -> None:
    with unit_of_work(ctx) as work:
        first, second = add(work), add(work)
        assert first.id == second.id
        work.commit()
    assert record(ctx) == first.id
    assert record(ctx, "test:2") != first.id
    assert len(mailer.outbox) == 2


def test_two_at_once_record_one_mail(ctx: Context, mailer: RecordingMailer) -> None:
    start = threading.Barrier(2)
    found: list[int] = []

    def work_once() -> None:
        start.wait(10)
        found.append(record(ctx))

    threads = [threading.Thread(target=work_once) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(found) == 2 and len(set(found)) == 1
    assert len(mailer.outbox) == 1


def test_a_mail_server_that_is_down_stops_nothing(
    ctx: Context, mailer: RecordingMailer, clock: FixedClock
) -> None:
    mailer.failing = True
    mail_id = record(ctx)
    mail = load(ctx, mail_id)
    assert (mail.sent_at, mail.attempts, mail.claimed_by) == (None, 1, None)
    assert mail.last_error is not None
    assert mail.secret_params == {"url": "http://localhost/secret"}
    mailer.failing = False
    assert deliver_due_mails(ctx) == DeliveryCounts(), "it waits before it tries again"
    clock.advance(minutes=1)
    assert deliver_due_mails(ctx) == DeliveryCounts(sent=1)
    assert deliver_due_mails(ctx) == DeliveryCounts()
    assert load(ctx, mail_id).attempts == 2
    assert len(mailer.outbox) == 1
    assert "/secret" in mailer.outbox[0].text


def test_the_waits_grow_and_end(ctx: Context, mailer: RecordingMailer, clock: FixedClock) -> None:
    mailer.failing = True
    mail_id = record(ctx)
    waits = []
    while (mail := load(ctx, mail_id)).failed_at is None:
        waits.append(mail.next_attempt_at - clock.now())
        clock.set(mail.next_attempt_at)
        deliver_due_mails(ctx)
    assert mail.attempts == MAX_ATTEMPTS
    minutes = [wait // timedelta(minutes=1) for wait in waits]
    assert minutes == [1, 2, 4, 8, 16, 32, 64, 128, 240, 240, 240, 240]
    assert mail.secret_params is None
    mailer.failing = False
    clock.advance(days=30)
    assert deliver_due_mails(ctx) == DeliveryCounts()


def test_a_mail_that_is_refused_for_good_is_given_up(
    ctx: Context, mailer: RecordingMailer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_args: object, **_kwargs: object) -> None:
        raise MailError("SMTPRecipientsRefused [550]", permanent=True)

    monkeypatch.setattr(RecordingMailer, "send", refuse)
    mail = load(ctx, record(ctx))
    assert mail.failed_at == ctx.now() and mail.sent_at is None
    assert mail.last_error == "SMTPRecipientsRefused [550]"
    assert mail.secret_params is None


def test_a_broken_template_is_not_swallowed_and_stops_no_others(
    ctx: Context, mailer: RecordingMailer, clock: FixedClock
) -> None:
    with pytest.raises(Exception, match="no_such_template"), unit_of_work(ctx) as work:
        broken = add(work, "test:broken", template="no_such_template").id
        work.commit()
    mail = load(ctx, broken)
    assert (mail.sent_at, mail.attempts, mail.last_error) == (None, 1, "TemplateNotFound")
    mailer.failing = True
    record(ctx, "test:good")
    mailer.failing = False
    clock.advance(minutes=1)
    assert deliver_due_mails(ctx) == DeliveryCounts(sent=1, postponed=1)
    assert [sent.template for sent in mailer.outbox] == ["confirm_login"]


class Killed(BaseException):
    """Stands in for the end of the process: nothing of ours catches it."""


def kill(*_args: object, **_kwargs: object) -> None:
    raise Killed


@pytest.mark.parametrize("about_money", [False, True])
def test_a_run_that_dies_while_sending(
    ctx: Context,
    mailer: RecordingMailer,
    clock: FixedClock,
    monkeypatch: pytest.MonkeyPatch,
    about_money: bool,
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(RecordingMailer, "send", kill)
        with pytest.raises(Killed), unit_of_work(ctx) as work:
            mail_id = add(work, about_money=about_money).id
            work.commit()
    # While the lease lasts nobody touches it; afterwards money is asked for again.
    assert deliver_mail(ctx, mail_id) is DeliveryOutcome.NOT_DUE
    clock.advance(minutes=6)
    sent = deliver_due_mails(ctx).sent
    assert sent == len(mailer.outbox) == (1 if about_money else 0)
    assert load(ctx, mail_id).secret_params is None
    assert deliver_due_mails(ctx) == DeliveryCounts()


def test_a_mail_in_other_hands_is_left_alone(
    ctx: Context, mailer: RecordingMailer, clock: FixedClock
) -> None:
    mailer.failing = True
    mail_id = record(ctx)
    mailer.failing = False
    clock.advance(minutes=1)
    with unit_of_work(ctx) as work:
        mail = work.session.get_one(Mail, mail_id)
        mail.claimed_by = "another-machine/1:77:abc.1"
        mail.claimed_until = work.now + timedelta(minutes=5)
        work.commit()
    assert deliver_due_mails(ctx) == DeliveryCounts()
    assert deliver_mail(ctx, mail_id) is DeliveryOutcome.NOT_DUE
    clock.advance(minutes=5)
    assert deliver_due_mails(ctx) == DeliveryCounts(sent=1)


def test_nothing_is_sent_inside_a_transaction(ctx: Context, mailer: RecordingMailer) -> None:
    mailer.failing = True
    mail_id = record(ctx)
    with unit_of_work(ctx):
        assert is_transaction_open()
        with pytest.raises(RuntimeError, match="inside a transaction"):
            deliver_mail(ctx, mail_id)


def test_caught_mail_is_kept_to_be_looked_at(ctx: Context, mailer: RecordingMailer) -> None:
    mailer.catches = True
    mail = load(ctx, record(ctx))
    assert mail.caught_subject == "Confirm your email address for billing of acme.test"
    assert mail.caught_text is not None and "http://localhost/secret" in mail.caught_text
    assert mail.caught_html is not None and "http://localhost/secret" in mail.caught_html


def test_the_id_of_a_mail_stays_the_same(
    ctx: Context, mailer: RecordingMailer, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids: list[str] = []

    def refuse(*_args: object, message_id: str, **_kwargs: object) -> None:
        ids.append(message_id)
        raise MailError("down")

    monkeypatch.setattr(RecordingMailer, "send", refuse)
    record(ctx)
    clock.advance(minutes=1)
    deliver_due_mails(ctx)
    assert len(ids) == 2 and len(set(ids)) == 1
    assert ids[0].startswith("<mail-") and ids[0].endswith("@localhost>")


def test_naive_times_are_refused(ctx: Context) -> None:
    with pytest.raises(ValueError, match="naive"), unit_of_work(ctx) as work:
        record_mail(
            work,
            template="confirm_login",
            recipient="iago@acme.test",
            params={"expires_at": EXPIRES.replace(tzinfo=None)},
            event_key="test:naive",
        )
