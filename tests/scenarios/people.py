"""The people of a story who manage billing, and the mails that they got."""

from uuid import uuid4

from sqlalchemy import select

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
