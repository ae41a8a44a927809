"""A message to support from the help page, and why somebody leaves."""

import json

import pytest
from sqlalchemy import select

from app.domain.kinds import CancellationReason, HelpStatus
from app.models import AuditEntry, HelpRequest, Mail, Plan
from tests.support.shop import Shop, words


def test_a_message_reaches_the_queue_and_the_mailbox(shop: Shop) -> None:
    shop.open(people=18)
    page = shop.get("help", "?from=billing")
    sent = shop.client.submit(
        page, {"message": "Why $43?\r\nWe are 18."}, action="/help/", follow_redirects=True
    )
    assert "Your message is with our support" in sent.get_data(as_text=True)
    assert "Why $43?" in words(sent)
    with shop.ctx.sessions() as session:
        asked = session.scalars(select(HelpRequest)).one()
        assert (asked.message, asked.page) == ("Why $43?\nWe are 18.", "billing")
        assert asked.status is HelpStatus.OPEN
        mail = session.scalars(select(Mail).where(Mail.template == "staff_help_requested")).one()
        assert mail.recipient == shop.ctx.catalog.brand.support_email
        entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "help.requested"))
        assert "Why" not in str(entry.one().after)
    assert "Asked support for help" in words(shop.get("activity"))


@pytest.mark.sqlite_only
def test_nothing_and_too_much_are_told(shop: Shop) -> None:
    shop.open(people=18)
    for message, told in (("  ", "Write what you need."), ("x" * 4001, "4000")):
        page = shop.client.submit(shop.get("help"), {"message": message}, action="/help/")
        assert page.status_code == 400
        assert told in words(page)
    with shop.ctx.sessions() as session:
        assert session.scalars(select(HelpRequest)).all() == []


def test_why_a_plan_ends_is_kept_until_it_is_taken_back(shop: Shop) -> None:
    shop.open(people=18).has_card().buy()
    said = {"why": "too_expensive", "comment": "We are a small club."}
    shop.client.submit(shop.get("plan/end"), said, action="/plan/end/")
    with shop.ctx.sessions() as session:
        plan = session.scalars(select(Plan)).one()
        assert plan.cancellation_reason is CancellationReason.TOO_EXPENSIVE
        assert plan.cancellation_comment == "We are a small club."
        entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "plan.set_to_end"))
        after = entry.one().after
        assert after is not None and after["said"] == "too_expensive"
        assert "club" not in str(after)
    # The flash with its undo is gone on the second look.
    shop.get("billing")
    shop.client.submit(shop.get("billing"), action="/plan/keep/")
    with shop.ctx.sessions() as session:
        assert session.scalars(select(Plan.cancellation_reason)).one() is None
    odd = shop.client.submit(shop.get("plan/end"), {"why": "spite"}, action="/plan/end/")
    assert odd.status_code == 400
    shop.client.submit(shop.get("plan/end"), action="/plan/end/")
    with shop.ctx.sessions() as session:
        assert session.scalars(select(Plan.end_date)).one() is not None


def test_everything_is_taken_along_and_that_stands_in_the_log(shop: Shop) -> None:
    shop.open(people=18).has_card().buy()
    invited = {"email": "zoe@acme.test", "role": "viewer"}
    shop.client.submit(shop.get("people"), invited, action="/people/invite/")
    file = shop.client.submit(shop.get("data"), action="/data/file/")
    assert file.headers["Content-Disposition"].startswith("attachment; filename=")
    found = json.loads(file.get_data(as_text=True))
    assert [plan["tier"] for plan in found["plans"]] == ["basic"]
    assert [person["role"] for person in found["people"]] == ["owner"]
    assert [(one["email"], one["role"]) for one in found["invitations"]] == [
        ("zoe@acme.test", "viewer")
    ]
    assert found["invoices"][0]["lines"]
    assert "Saved everything that we keep as a file" in words(shop.get("activity"))
