"""Mails that delivery causes."""

from tests.scenarios.story import Story
from tests.support.mail import RecordingMailer


def test_staff_hear_once_of_a_refused_renewal(
    app, ctx, clock, payments, mailer: RecordingMailer
) -> None:
    story = Story(app, ctx, clock, payments)
    acme = story.server(seats=(18,))
    story.upgrade(acme)
    story.give_card(story.payer(acme), "declines")
    story.on("2012-02-02").upload(acme)
    story.run_jobs()
    story.run_jobs()
    (mail,) = [mail for mail in mailer.outbox if mail.template == "staff_payment_failed"]
    assert mail.recipient == ctx.catalog.brand.support_email
    assert mail.subject == "The payment of $43.00 by Acme was refused"
