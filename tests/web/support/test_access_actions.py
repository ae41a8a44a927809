"""Acts about access, notes and mails, and the frame that all acts share: seen, confirmed, once."""

import pytest
from sqlalchemy import select
from werkzeug.test import TestResponse

from app.domain.kinds import StaffActionStatus, StaffRole
from app.models import AuditEntry, Customer, Mail, Organization, Server, StaffAction, StaffNote
from app.services.announce import announcement_params
from app.services.customers import Payer
from app.services.invoice_plan import park_customer
from app.services.outbox import record_mail
from app.services.unit_of_work import unit_of_work
from tests.support.client import CheckedClient
from tests.support.shop import Shop, words
from tests.support.staff import begin_staff_session

REASON = "asked for in ticket 7"


def address(payer: Payer, key: str) -> str:
    return f"/support/customers/{payer.uuid}/do/{key}/"


def look(desk: CheckedClient, payer: Payer, key: str, **values: str) -> TestResponse:
    """Fill the form in; the answer is the confirmation, or the form again."""
    page = desk.get(address(payer, key))
    return desk.submit(page, {"reason": REASON} | values, action=f"/do/{key}/")


def do(desk: CheckedClient, payer: Payer, key: str, **values: str) -> TestResponse:
    """Fill the form in and confirm; the answer is the redirect."""
    page = look(desk, payer, key, **values)
    assert page.status_code == 200, words(page)
    done = desk.submit(page, action="/confirm/")
    assert done.status_code == 303, words(done)
    return done


def server_of(shop: Shop) -> Payer:
    return shop.story.payer(shop.server, None)


def last_audit(shop: Shop, action: str) -> AuditEntry:
    with shop.ctx.sessions() as session:
        query = select(AuditEntry).where(AuditEntry.action == action).order_by(AuditEntry.id.desc())
        found = session.scalars(query).first()
        assert found is not None, action
        return found


@pytest.fixture
def payer(shop: Shop) -> Payer:
    """An organization with a plan and a card."""
    shop.open(people=18).has_card().buy()
    return shop.story.payer(shop.server)


def test_parked_and_tried_again_with_who_and_why(
    shop: Shop, desk: CheckedClient, payer: Payer
) -> None:
    page = look(desk, payer, "park")
    assert "No invoice is made for" in words(page)
    assert REASON in words(page)
    do(desk, payer, "park")
    entry = last_audit(shop, "customer.parked")
    assert entry.actor.startswith("staff:")
    assert entry.after == {"reason": REASON}
    assert "It is parked already." in words(desk.get(address(payer, "park")))
    do(desk, payer, "unpark")
    assert last_audit(shop, "customer.unparked").actor.startswith("staff:")
    with shop.ctx.sessions() as session:
        assert session.scalars(select(Customer.parked_at)).all() == [None]


def test_a_form_sent_twice_is_done_once(shop: Shop, desk: CheckedClient, payer: Payer) -> None:
    page = look(desk, payer, "note", text="They pay by cheque.")
    assert desk.submit(page, action="/confirm/").status_code == 303
    again = desk.submit(page, action="/confirm/")
    assert again.status_code == 303
    with shop.ctx.sessions() as session:
        assert session.scalars(select(StaffNote.text)).all() == ["They pay by cheque."]
        assert session.scalars(select(StaffAction.status)).all() == [StaffActionStatus.DONE]


def test_what_changed_since_the_page_was_loaded_is_shown(
    shop: Shop, desk: CheckedClient, payer: Payer
) -> None:
    form = desk.get(address(payer, "park"))
    with shop.ctx.sessions() as session:
        (customer_id,) = session.scalars(select(Customer.id))
    park_customer(shop.ctx, customer_id, reason="a person was quicker")
    late = desk.submit(form, {"reason": REASON}, action="/do/park/")
    assert late.status_code == 409
    assert "Parked: was none, is" in words(late)
    # The same between the confirmation and its button.
    page = look(desk, payer, "unpark")
    shop.story.staff("management", payer.uuid, "manual")
    refused = desk.submit(page, action="/confirm/", follow_redirects=True)
    assert "License management: was automatic, is manual." in refused.get_data(as_text=True)
    with shop.ctx.sessions() as session:
        assert session.scalars(select(Customer.parked_at)).one() is not None


@pytest.mark.sqlite_only
def test_nonsense_is_told_and_keeps_nothing(shop: Shop, desk: CheckedClient, payer: Payer) -> None:
    page = desk.get(address(payer, "park"))
    assert "Say why" in words(desk.submit(page, {"reason": " "}, action="/do/park/"))
    assert "300" in words(desk.submit(page, {"reason": "x" * 301}, action="/do/park/"))
    confirm = look(desk, payer, "park")
    for token in ("", "nonsense"):
        told = desk.submit(confirm, {"token": token}, action="/confirm/")
        assert told.status_code == 303
    # What one person confirmed is nothing for another, and nothing for another customer or act.
    other = shop.another_browser()
    begin_staff_session(other, shop.ctx, StaffRole.SUPPORT, email="other@tallyport.test")
    html = confirm.get_data(as_text=True)
    token = html.partition('name="token" value="')[2].partition('"')[0]
    theirs = look(other, payer, "park")
    assert other.submit(theirs, {"token": token}, action="/confirm/").status_code == 303
    elsewhere = look(desk, server_of(shop), "note", text="hello")
    assert desk.submit(elsewhere, {"token": token}, action="/confirm/").status_code == 303
    shop.clock.advance(hours=1, minutes=1)
    begin_staff_session(desk, shop.ctx)
    fresh = look(desk, payer, "park")
    assert desk.submit(fresh, {"token": token}, action="/confirm/").status_code == 303
    with shop.ctx.sessions() as session:
        assert session.scalars(select(StaffAction)).all() == []
        assert session.scalars(select(Customer.parked_at)).one() is None
    assert desk.get(address(payer, "no-such-act")).status_code == 404
    assert (
        desk.get(f"/support/customers/{'0' * 8}-0000-0000-0000-{'0' * 12}/do/park/").status_code
        == 404
    )


@pytest.mark.sqlite_only
def test_only_staff_who_act_may_act(shop: Shop, payer: Payer) -> None:
    reader = shop.another_browser()
    begin_staff_session(reader, shop.ctx, StaffRole.READ_ONLY)
    assert reader.get(address(payer, "park")).status_code == 404
    assert shop.client.get(address(payer, "park")).status_code == 404
    stranger = shop.another_browser()
    assert stranger.get(address(payer, "park")).headers["Location"].startswith("/support/login/")


def test_notes_and_mails(shop: Shop, desk: CheckedClient, payer: Payer) -> None:
    do(desk, payer, "note", text="Ask for Ada.\r\nShe knows.")
    page = desk.get(address(payer, "note-remove"))
    assert "Ask for Ada." in words(page)
    with shop.ctx.sessions() as session:
        note = session.scalars(select(StaffNote)).one()
        assert note.text == "Ask for Ada.\nShe knows."
    do(desk, payer, "note-remove", row=str(note.id))
    with shop.ctx.sessions() as session:
        assert session.scalars(select(StaffNote.removed_at)).one() is not None
        (customer_id,) = session.scalars(select(Customer.id))
    with unit_of_work(shop.ctx) as work:
        record_mail(
            work,
            template="announcement",
            recipient="ada@acme.test",
            params=announcement_params("News", "There is news."),
            event_key="news:1",
            customer_id=customer_id,
        )
        work.commit()
    with shop.ctx.sessions() as session:
        mail = session.scalars(select(Mail).where(Mail.customer_id.is_not(None))).one()
        before = len(session.scalars(select(Mail)).all())
    do(desk, payer, "mail-again", row=str(mail.id))
    with shop.ctx.sessions() as session:
        assert len(session.scalars(select(Mail)).all()) == before + 1
    assert last_audit(shop, "mail.sent_again").after["mail"] == mail.id  # type: ignore[index]  # it has one


def test_registrations(shop: Shop, desk: CheckedClient, payer: Payer) -> None:
    server = server_of(shop)
    link = desk.submit(look(desk, server, "login-link"), action="/confirm/")
    assert link.status_code == 303
    assert last_audit(shop, "login_link.created").actor.startswith("staff:")
    do(desk, server, "rewind-ids", audit_rows="0")
    with shop.ctx.sessions() as session:
        assert session.scalars(select(Server.last_audit_remote_id)).all() == [0]
    too_high = look(desk, server, "rewind-ids", audit_rows="99999")
    assert too_high.status_code == 400
    refused = look(desk, server, "deactivate-server")
    assert refused.status_code == 400
    shop.story.staff("end", payer.uuid, "--now")
    do(desk, server, "deactivate-server")
    assert "deactivated" in words(desk.get(address(server, "login-link")))
    do(desk, server, "reactivate-server")
    with shop.ctx.sessions() as session:
        assert session.scalars(select(Server.deactivated_at)).all() == [None]


def test_moves(shop: Shop, desk: CheckedClient, payer: Payer) -> None:
    server = server_of(shop)
    page = look(desk, payer, "move-plan", uuid=server.uuid)
    assert "Nothing is billed again." in words(page)
    desk.submit(page, action="/confirm/")
    with shop.ctx.sessions() as session:
        assert server.uuid in session.scalars(select(Customer.uuid)).all()
    do(desk, server, "move-plan", uuid=payer.uuid)
    other = shop.story.server(seats=(3,))
    target = shop.story.payer(other, None)
    do(desk, payer, "move-organization", uuid=target.uuid)
    with shop.ctx.sessions() as session:
        home = select(Organization.server_id).where(Organization.uuid == payer.uuid)
        assert session.scalars(home).one() == target.server_id
    assert look(desk, shop.story.payer(shop.server, None), "note", text="x").status_code == 200
