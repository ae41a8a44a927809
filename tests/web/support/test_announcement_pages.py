"""Announcements from the console: writing, looking, a test to oneself, sending, going on."""

from typing import Any

import pytest

from app.domain.kinds import StaffRole
from app.models.customers import Customer
from app.models.people import BillingUser
from app.services.announce import Chosen, begin_announcement
from app.services.context import CLI, Context
from app.services.unit_of_work import unit_of_work
from app.web.support import announcement_views
from tests.support.client import CheckedClient
from tests.support.customers import make_customer
from tests.support.mail import RecordingMailer
from tests.support.plans import add_plan
from tests.support.shop import counted_queries, headline
from tests.support.staff import begin_staff_session

pytestmark = pytest.mark.sqlite_only

NEW = "/support/announcements/new/"
TEXT = {
    "subject": "Prices change",
    "body": "From March on\nBasic costs $4.00.\n\nNothing changes before.",
    "reason": "prices change in March",
}


@pytest.fixture
def desk(client: CheckedClient, ctx: Context) -> CheckedClient:
    """The browser of somebody of the role support."""
    begin_staff_session(client, ctx, StaffRole.SUPPORT)
    return client


def add_reader(ctx: Context, name: str, *, country: str | None = None) -> int:
    """A customer with one person who wants such mails; its id."""
    customer_id = make_customer(ctx, email=f"{name}@acme.test")
    with unit_of_work(ctx) as work:
        work.session.get_one(Customer, customer_id).address_country = country
        person = work.session.query(BillingUser).filter_by(email=f"{name}@acme.test").one()
        person.email_confirmed_at = work.now
        work.commit()
    return customer_id


def test_from_the_words_to_everybody_once(
    desk: CheckedClient, ctx: Context, mailer: RecordingMailer
) -> None:
    add_plan(ctx, add_reader(ctx, "ann", country="DE"))
    add_plan(ctx, add_reader(ctx, "bob", country="DE"), tier="business")
    add_plan(ctx, add_reader(ctx, "cleo", country="FR"))
    add_plan(ctx, make_customer(ctx))
    assert "Nothing was announced yet" in desk.get("/support/announcements/").text
    form = desk.get(NEW)
    assert desk.submit(form, {}, action=NEW).status_code == 400
    nobody = desk.submit(form, TEXT | {"tiers": "legacy"}, action=NEW)
    assert nobody.status_code == 400 and "nobody to write to" in nobody.text

    look = desk.submit(form, TEXT | {"tiers": "basic", "country": "DE"}, action=NEW)
    assert headline(look) == "It goes to 1 person of 1 customer"
    assert "on Basic · in Germany" in look.text and "Prices change" in look.text
    assert len(mailer.outbox) == 0
    edit = desk.submit(look, {"step": "edit"}, action=NEW)
    assert 'value="basic" checked' in edit.text and "Nothing changes before." in edit.text

    look = desk.submit(edit, {"country": "", "tiers": ["basic", "business"]}, action=NEW)
    assert headline(look) == "It goes to 3 people of 4 customers"
    tested = desk.submit(look, {"step": "test"}, action=NEW)
    assert [mail.recipient for mail in mailer.outbox] == ["support@tallyport.test"]
    assert "A test mail is on its way" in tested.text
    sent = desk.submit(tested, {"step": "send"}, action=NEW)
    assert sent.status_code == 303
    told = sorted(mail.recipient for mail in mailer.outbox[1:])
    assert told == ["ann@acme.test", "bob@acme.test", "cleo@acme.test"]
    assert headline(desk.get(sent.location)) == "Sent to 3 people"
    # The same page sent again is the same announcement.
    again = desk.submit(tested, {"step": "send"}, action=NEW)
    assert again.location == sent.location and len(mailer.outbox) == 4
    assert "Prices change" in desk.get("/support/announcements/").text


def test_one_that_was_interrupted_goes_on(
    desk: CheckedClient, ctx: Context, mailer: RecordingMailer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(announcement_views, "AT_ONCE", 2)
    for n in range(5):
        add_reader(ctx, f"p{n}")
    words: dict[str, Any] = {"subject": TEXT["subject"], "body": TEXT["body"]}
    begun = begin_announcement(ctx, **words, chosen=Chosen(), reason="why", actor=CLI)
    address = f"/support/announcements/{begun}/"
    page = desk.get(address)
    assert headline(page) == "0 of 5 customers reached"
    for reached in (2, 4):
        page = desk.submit(page, {}, action=f"{address}send/", follow_redirects=True)
        assert headline(page) == f"{reached} of 5 customers reached"
    # The same words are not begun a second time.
    look = desk.submit(desk.get(NEW), TEXT, action=NEW)
    assert desk.submit(look, {"step": "send"}, action=NEW).location == address
    page = desk.submit(page, {}, action=f"{address}send/", follow_redirects=True)
    assert headline(page) == "Sent to 5 people" and len(mailer.outbox) == 5
    assert desk.get("/support/announcements/99/").status_code == 404


def test_queries_do_not_grow_with_the_list(desk: CheckedClient, ctx: Context) -> None:
    def queries() -> int:
        look = desk.get(NEW)
        with counted_queries() as found:
            assert desk.submit(look, TEXT, action=NEW).status_code == 200
        return len(found)

    add_reader(ctx, "first")
    few = queries()
    for n in range(6):
        add_reader(ctx, f"p{n}")
    assert queries() == few


def test_who_only_reads_finds_none_of_it(client: CheckedClient, ctx: Context) -> None:
    begin_staff_session(client, ctx, StaffRole.READ_ONLY)
    for address in ("/support/announcements/", NEW, "/support/announcements/1/"):
        assert client.get(address).status_code == 404
    assert "/support/announcements/" not in client.get("/support/").text
