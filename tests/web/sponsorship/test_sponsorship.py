"""The sponsorship page: asking, waiting, the answer, and input that makes no sense."""

from typing import Any

import pytest
from sqlalchemy import select
from werkzeug.test import TestResponse

from app.models.deals import SponsorshipRequest
from app.services.context import CLI
from app.services.decide_sponsorship import (
    approve_sponsorship,
    mark_sponsorship_pending,
    reject_sponsorship,
)
from app.web.sponsorship.forms import read_website
from tests.support.login import begin_server_session, load_known_server
from tests.support.mail import RecordingMailer
from tests.support.shop import Shop, headline, words

RIGHT = {
    "organization_type": "open_source",
    "website": "acme.test/about",
    "description": "We write free software.\r\n\r\nFor everybody.",
    "expected_users": "about 200",
    "paid_staff": "0",
    "plan_wished": "community",
}


def ask(shop: Shop, **changes: str) -> TestResponse:
    return shop.client.submit(shop.get("sponsorship"), RIGHT | changes, action="/sponsorship/")


def requests(shop: Shop) -> list[SponsorshipRequest]:
    with shop.ctx.sessions() as session:
        return list(session.scalars(select(SponsorshipRequest).order_by(SponsorshipRequest.id)))


def approve(shop: Shop) -> None:
    payer = shop.story.payer(shop.server)
    approve_sponsorship(shop.ctx, payer, until=None, reason="good", actor=CLI)


def test_from_the_question_to_the_answer(shop: Shop, mailer: RecordingMailer) -> None:
    shop.open(18)
    page = shop.get("sponsorship")
    assert headline(page) == "Tell us about your organization."
    assert "Mobile notifications without limit" in words(page)
    answer = ask(shop)
    assert (answer.status_code, answer.location) == (303, shop.page("sponsorship"))
    (request,) = requests(shop)
    assert (request.website, request.plan_wished) == ("https://acme.test/about", "community")
    assert request.description == "We write free software.\n\nFor everybody."
    (mail,) = [mail for mail in mailer.outbox if mail.template == "staff_sponsorship_requested"]
    assert mail.reply_to == "iago@acme.test"
    page = shop.get("sponsorship")
    assert headline(page) == "Your request of 2 January 2012 waits for our decision."
    assert "Open source project" in words(page) and "about 200" in words(page)
    for name in ("billing", "plans"):
        page = shop.get(name)
        assert "have asked to be sponsored" in words(page)
        assert f'href="{shop.page("sponsorship")}"' in page.text
    approve(shop)
    page = shop.get("sponsorship")
    assert headline(page) == "You are sponsored until 2 January 2013."
    assert "Send request" not in words(page)
    assert "have asked to be sponsored" not in words(shop.get("billing"))


def test_a_request_can_be_taken_back(shop: Shop) -> None:
    shop.open(18)
    ask(shop)
    answer = shop.client.submit(shop.get("sponsorship"), action="/sponsorship/withdraw/")
    assert (answer.status_code, answer.location) == (303, shop.page("sponsorship"))
    page = shop.get("sponsorship")
    assert "Your request was taken back." in page.text
    assert headline(page) == "Tell us about your organization."


def test_taking_back_what_was_decided_meanwhile_says_so(shop: Shop) -> None:
    shop.open(18)
    ask(shop)
    before = shop.get("sponsorship")
    approve(shop)
    answer = shop.client.submit(before, action="/sponsorship/withdraw/")
    assert answer.status_code == 400
    assert "There is no request for a sponsorship that waits." in words(answer)


def test_the_reason_of_a_refusal_is_shown_and_one_can_ask_again(shop: Shop) -> None:
    shop.open(18)
    ask(shop)
    payer = shop.story.payer(shop.server)
    reject_sponsorship(shop.ctx, payer, reason="It is <a business>.", actor=CLI)
    page = shop.get("sponsorship")
    assert headline(page) == "Your request was not approved on 2 January 2012."
    assert "It is <a business>." in words(page)
    assert ask(shop).status_code == 303
    assert len(requests(shop)) == 2


def test_two_at_once_ask_once(shop: Shop) -> None:
    shop.open(18)
    page = shop.get("sponsorship")
    assert ask(shop).status_code == 303
    answer = shop.client.submit(page, RIGHT, action="/sponsorship/")
    assert answer.status_code == 400
    assert "was asked for already" in words(answer)
    assert len(requests(shop)) == 1


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("organization_type", "", "Choose what kind of organization it is."),
        ("organization_type", "pirates", "Choose one of the options."),
        ("website", "javascript:alert(1)", "Enter a web address"),
        ("website", "https://user:secret@acme.test", "Enter a web address"),
        ("website", "ftp://acme.test", "Enter a web address"),
        ("website", "https://[::1", "Enter a web address"),
        ("website", "not a website", "Enter a web address"),
        ("website", "a." * 100 + "example", "at most 200 characters"),
        ("description", "", "Say in a few sentences"),
        ("description", "we do", "Say a little more"),
        ("description", "x" * 2001, "At most 2,000 characters"),
        ("description", "\x00\x07", "Say in a few sentences"),
        ("expected_users", "", "Say about how many people will use it."),
        ("expected_users", "9" * 61, "At most 60 characters"),
        ("paid_staff", " \t ", "Say about how many of them are paid"),
        ("plan_wished", "free", "Choose one of the options."),
    ],
)
@pytest.mark.sqlite_only
def test_what_makes_no_sense_stays_on_the_form(
    shop: Shop, field: str, value: str, said: str
) -> None:
    shop.open(18)
    answer = ask(shop, **{field: value})
    assert answer.status_code == 400
    assert said in words(answer)
    assert "There is a problem" in words(answer)
    if field != "expected_users":
        assert "about 200" in answer.text
    assert requests(shop) == []


@pytest.mark.parametrize(
    "odd",
    ["Zoë 🎉 \u202e gpj.exe", "<script>alert(1)</script> and more", "'; DROP TABLE plans; --"],
)
def test_odd_words_are_kept_as_words(shop: Shop, odd: str) -> None:
    shop.open(18)
    assert ask(shop, description=odd).status_code == 303
    page = shop.get("sponsorship")
    assert "<script>alert" not in page.text


def test_a_server_asks_for_all_of_its_organizations(shop: Shop, mailer: RecordingMailer) -> None:
    shop.open(18)
    server = load_known_server(shop.ctx, shop.organization.server_id)
    other = shop.another_browser()
    begin_server_session(other, shop.ctx, server)
    page = other.get(server.page("sponsorship"))
    assert other.submit(page, RIGHT, action="/sponsorship/").status_code == 303
    payer = shop.story.payer(shop.server, None)
    approve_sponsorship(shop.ctx, payer, until=None, reason="good", actor=CLI)
    assert headline(other.get(server.page("sponsorship"))).startswith("You are sponsored until")
    page = shop.get("sponsorship")
    assert headline(page) == "Your organization is sponsored together with its server."
    assert "Send request" not in words(page)


def test_who_has_a_paid_plan_is_told_what_has_to_happen(shop: Shop) -> None:
    shop.open(18).buy()
    assert "You have the plan Basic now." in words(shop.get("sponsorship"))
    assert ask(shop).status_code == 303


def test_what_support_noted_is_shown_without_their_words(shop: Shop) -> None:
    shop.open(18)
    payer = shop.story.payer(shop.server)
    mark_sponsorship_pending(shop.ctx, payer, reason="a long story", actor=CLI)
    said = words(shop.get("sponsorship"))
    assert "Support noted it for you." in said
    assert "a long story" not in said


def test_another_term_can_be_asked_for_in_the_last_month(shop: Shop) -> None:
    shop.open(18)
    approve(shop)
    shop.on("2012-12-20")
    page = shop.get("sponsorship")
    assert headline(page) == "You are sponsored until 2 January 2013."
    assert ask(shop).status_code == 303


def test_somebody_elses_page_is_not_there(shop: Shop) -> None:
    shop.open(18)
    address = shop.page("sponsorship").replace(shop.organization.uuid, shop.server.uuid)
    assert shop.client.get(address).status_code == 404
    assert shop.another_browser().get(shop.page("sponsorship")).status_code == 401


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("acme.org", "https://acme.org"),
        ("http://acme.org:8080/x?y#z", "http://acme.org:8080/x?y#z"),
        ("https://über.example", "https://über.example"),
        ("", None),
        ("localhost", None),
        ("http://", None),
        ("https://acme.org:99999", None),
        ("data:text/html,hello", None),
        ("//acme.org", None),
        ("https://acme .org", None),
    ],
)
def test_web_addresses(typed: str, kept: Any) -> None:
    assert read_website(typed) == kept
