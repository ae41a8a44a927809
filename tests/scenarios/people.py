"""The people of a story who manage billing, and the mails that they got."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

from sqlalchemy import select

from app.jobs.notify import notify
from app.models.mails import Mail
from app.models.people import BillingUser
from app.services.unit_of_work import unit_of_work
from tests.scenarios.story import SampleServer, Story


def add_person(
    story: Story,
    server: SampleServer,
    email: str,
    *,
    organization: int | None = 0,
    confirmed: bool = True,
) -> int:
    """Somebody who manages billing of an organization, or with None of the server."""
    payer = story.payer(server, organization)
    with unit_of_work(story.ctx) as work:
        person = BillingUser(
            organization_id=payer.organization_id,
            server_id=payer.server_id if organization is None else None,
            user_uuid=None if organization is None else str(uuid4()),
            email=email,
            email_confirmed_at=work.now if confirmed else None,
            created_at=work.now,
        )
        work.session.add(person)
        work.flush()
        person_id = person.id
        work.commit()
    return person_id


def told(story: Story, template: str) -> list[str]:
    """The addresses that got a mail of that template, in order."""
    with unit_of_work(story.ctx) as work:
        found = select(Mail.recipient).where(Mail.template == template).order_by(Mail.id)
        return list(work.session.scalars(found))


def run_days_until(story: Story, when: str, *servers: SampleServer, step: int = 1) -> None:
    """Day by day up to `when`: uploads, the jobs, and the daily mails to customers."""
    end = datetime.fromisoformat(when).replace(tzinfo=UTC)
    now = story.clock.now()
    end = end.replace(hour=now.hour, minute=now.minute, second=now.second)
    while story.clock.now() < end:
        day = min(story.clock.now() + timedelta(days=step), end)
        story.run_jobs_until(day.isoformat()[:19], *servers, step=step)
        tell(story)


def tell(story: Story) -> int:
    """The daily mails; returns how many."""
    with story.app.app_context():
        counts = notify(story.ctx)
    assert counts.failed == 0
    return counts.mails
