"""The page on which a server leaves: each refusal, and what leaving does."""

import threading
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from app.domain.errors import BillingError
from app.domain.kinds import AtCycleEnd, Collection, InvoiceStatus, PlanStatus
from app.models.audit import AuditEntry
from app.models.customers import Customer
from app.models.invoices import Invoice
from app.models.plans import Plan
from app.models.purchases import Purchase
from app.models.registrations import Organization, Server
from app.services.context import CLI
from app.services.deactivate_server import deactivate_server
from app.services.unit_of_work import unit_of_work
from tests.support.leaving import BLOCKING, HARMLESS, add_purchase, name_of
from tests.support.login import (
    KnownServer,
    begin_server_session,
    begin_session,
    load_known_server,
    make_link,
)
from tests.support.mail import RecordingMailer
from tests.support.plans import add_customer, add_plan
from tests.support.shop import Shop, counted_queries, headline, words

HOST = "chat1.acme.test"


@pytest.fixture
def leaving(shop: Shop) -> KnownServer:
    """A server with one organization, and the browser of whoever runs it."""
    shop.open()
    server = load_known_server(shop.ctx, shop.organization.server_id)
    begin_server_session(shop.client, shop.ctx, server)
    return server


def load_server(shop: Shop) -> Server:
    with shop.ctx.sessions() as session:
        return session.get_one(Server, shop.organization.server_id)


def holder_of(shop: Shop, holder: str) -> Server | Organization:
    with shop.ctx.sessions() as session:
        if holder == "server":
            return session.get_one(Server, shop.organization.server_id)
        return session.get_one(Organization, shop.organization.id)


def leave(shop: Shop, server: KnownServer) -> Any:
    page = shop.client.get(server.page("deactivate"))
    return shop.client.submit(page, {"understood": "y"}, action="/deactivate/")


def forced(shop: Shop, server: KnownServer) -> Any:
    """The form is not shown while something stands in the way, but can be sent."""
    page = shop.client.get(server.page("people"))
    token = page.text.partition('name="csrf_token" value="')[2].partition('"')[0]
    form = {"csrf_token": token, "understood": "y"}
    return shop.client.post(server.page("deactivate"), data=form)


# --- leaving ---


def test_leaving_says_what_stops_and_then_does_it(
    shop: Shop, leaving: KnownServer, mailer: RecordingMailer
) -> None:
    page = shop.client.get(leaving.page("deactivate"))
    said = words(page)
    assert headline(page) == "This server will be unregistered."
    assert "Nothing stands in the way." in said
    assert f"Uploads of {HOST} are refused from now on." in said
    assert "switched off at once for the one organization on it, free use included" in said
    assert "nobody can log in to the billing of the server or of its organizations" in said
    assert "Invoices, plans and the log are kept." in said
    assert "Our support can undo it: write to support@tallyport.test." in said
    assert load_server(shop).deactivated_at is None, "looking changes nothing"

    answer = shop.client.submit(page, {"understood": "y"}, action="/deactivate/")
    assert (answer.status_code, answer.location) == (303, "/server/left/")
    assert load_server(shop).deactivated_at == shop.clock.now()
    done = shop.client.get(answer.location)
    assert headline(done) == f"{HOST} is unregistered."
    assert "We register it again as it was, with the same key." in words(done)
    assert "Account" not in done.text, "nobody is logged in any more"

    mail = mailer.outbox[-1]
    assert mail.recipient == "root@acme.test"
    assert mail.subject == f"{HOST} is not registered any more"
    assert "by somebody who manages its billing" in mail.text
    with shop.ctx.sessions() as session:
        entry = session.scalars(
            select(AuditEntry).where(AuditEntry.action == "server.deactivated")
        ).one()
        assert entry.actor.startswith("billing_user:") and entry.after is not None


def test_nobody_of_the_server_comes_in_afterwards(shop: Shop, leaving: KnownServer) -> None:
    admin = shop.another_browser()
    begin_session(admin, shop.ctx, shop.organization)
    link = make_link(shop.ctx, shop.organization)
    assert admin.get(shop.page("billing")).status_code == 200
    leave(shop, leaving)
    assert shop.client.get(leaving.page("billing")).status_code == 401
    assert admin.get(shop.page("billing")).status_code == 401
    assert admin.get(link, follow_redirects=True).status_code in {400, 403}


@pytest.mark.sqlite_only
def test_the_box_has_to_be_ticked(shop: Shop, leaving: KnownServer) -> None:
    answer = shop.client.submit(shop.client.get(leaving.page("deactivate")), action="/deactivate/")
    assert answer.status_code == 400
    assert words(answer).count("Tick the box to say that you understand.") == 2
    assert load_server(shop).deactivated_at is None


@pytest.mark.sqlite_only
def test_the_token_of_the_session_is_needed(shop: Shop, leaving: KnownServer) -> None:
    assert shop.client.post(leaving.page("deactivate"), data={"understood": "y"}).status_code == 400
    assert load_server(shop).deactivated_at is None


def test_only_people_of_the_server_see_the_page(shop: Shop, leaving: KnownServer) -> None:
    other = shop.story.server(seats=(3,))
    other_known = load_known_server(shop.ctx, shop.story.payer(other).server_id)
    assert shop.client.get(other_known.page("deactivate")).status_code == 404
    shop.log_in()
    for address in (leaving.page("deactivate"), shop.page("deactivate")):
        assert shop.client.get(address).status_code == 404
    stranger = shop.another_browser()
    assert stranger.get(leaving.page("deactivate")).status_code == 401


def test_the_last_page_is_for_whoever_has_left(shop: Shop) -> None:
    assert shop.client.get("/server/left/").location == "/"


# --- what stands in the way ---


@pytest.mark.parametrize("plan", BLOCKING)
@pytest.mark.parametrize("holder", ["organization", "server"])
@pytest.mark.sqlite_only
def test_a_plan_that_is_not_set_to_end(
    shop: Shop, leaving: KnownServer, plan: dict[str, Any], holder: str
) -> None:
    held_by = holder_of(shop, holder)
    add_plan(shop.ctx, add_customer(shop.ctx, held_by), **plan)
    page = shop.client.get(leaving.page("deactivate"))
    said, whose = words(page), name_of(held_by)
    known = shop.ctx.catalog.tiers.get(plan.get("tier", "basic"))
    tier = known.title if known else "gold"
    assert headline(page) == "This server cannot be unregistered yet."
    assert "1 thing stands in the way." in said and "understood" not in page.text
    if plan.get("status") is PlanStatus.NEVER_STARTED:
        assert f"{tier} of {whose} is scheduled to start. Write to support@tallyport.test" in said
    else:
        assert f"{tier} of {whose} is paid until 2 February 2012 and then goes on." in said
        is_own = holder == "server"
        assert (leaving.page("plan/end") in page.text) is is_own
        assert (
            f"Whoever manages the billing of {whose} has to set it to end" in said
        ) is not is_own

    # Sent all the same, it is refused, with what stands in the way.
    answer = forced(shop, leaving)
    assert answer.status_code == 400
    assert f"{whose} has the plan {tier}" in words(answer)
    assert load_server(shop).deactivated_at is None
    assert shop.client.get(leaving.page("billing")).status_code == 200, "nobody was logged out"


@pytest.mark.parametrize("plan", HARMLESS)
@pytest.mark.parametrize("holder", ["organization", "server"])
@pytest.mark.sqlite_only
def test_other_plans_do_not(
    shop: Shop, leaving: KnownServer, plan: dict[str, Any], holder: str
) -> None:
    add_plan(shop.ctx, add_customer(shop.ctx, holder_of(shop, holder)), **plan)
    assert leave(shop, leaving).status_code == 303
    assert load_server(shop).deactivated_at is not None


def test_setting_the_own_plan_to_end_is_enough(shop: Shop, leaving: KnownServer) -> None:
    plan_id = add_plan(shop.ctx, add_customer(shop.ctx, holder_of(shop, "server")))
    page = shop.client.get(leaving.page("deactivate"))
    shop.client.submit(shop.client.get(leaving.page("plan/end")), action="/plan/end/")
    page = shop.client.get(leaving.page("deactivate"))
    assert headline(page) == "This server will be unregistered."
    assert f"Basic of {HOST} is set to end on 2 February 2012." in words(page)
    assert "nothing is paid back" in words(page)
    shop.client.submit(page, {"understood": "y"}, action="/deactivate/")
    with shop.ctx.sessions() as session:
        plan = session.get_one(Plan, plan_id)
        assert (plan.status, plan.at_cycle_end) == (PlanStatus.ACTIVE, AtCycleEnd.END)


@pytest.mark.parametrize("holder", ["organization", "server"])
def test_a_payment_that_is_under_way(shop: Shop, leaving: KnownServer, holder: str) -> None:
    held_by = holder_of(shop, holder)
    purchase_id = add_purchase(shop.ctx, add_customer(shop.ctx, held_by))
    page = shop.client.get(leaving.page("deactivate"))
    said = words(page)
    assert f"A payment for Basic of {name_of(held_by)} is under way." in said
    if holder == "server":
        assert f"/{purchase_id}/" in page.text and "Finish it or give it up" in said
    else:
        assert "has to finish it or give it up" in said
    answer = forced(shop, leaving)
    assert answer.status_code == 400
    assert "has a payment for the plan Basic under way" in words(answer)
    assert load_server(shop).deactivated_at is None


def test_many_obstacles_are_counted(shop: Shop) -> None:
    shop.server = shop.story.server(seats=(1,) * 27)
    shop.organization = shop.known(shop.server)
    server = load_known_server(shop.ctx, shop.organization.server_id)
    begin_server_session(shop.client, shop.ctx, server)
    with shop.ctx.sessions() as session:
        organizations = session.scalars(select(Organization)).all()
    for organization in organizations:
        add_plan(shop.ctx, add_customer(shop.ctx, organization))
    with counted_queries() as queries:
        page = shop.client.get(server.page("deactivate"))
    assert "27 things stand in the way." in words(page) and "And 2 more." in words(page)
    # The ninth is for what is owed, which every page says.
    assert len(queries) <= 9, "\n".join(queries)


def test_open_invoices_are_told_and_stay(shop: Shop, leaving: KnownServer) -> None:
    for holder, number in (("server", 1), ("server", 2), ("organization", 3)):
        add_invoice(shop, holder_of(shop, holder), number)
    page = shop.client.get(leaving.page("deactivate"))
    said = words(page)
    assert "2 invoices wait for their payment: $86.00" in said
    assert "They stay to be paid afterwards" in said and leaving.page("invoices") in page.text
    assert "An organization of this server has 1 invoice to pay." in said
    assert leave(shop, leaving).status_code == 303
    with shop.ctx.sessions() as session:
        assert set(session.scalars(select(Invoice.status))) == {InvoiceStatus.OPEN}


def add_invoice(shop: Shop, holder: Server | Organization, number: int) -> None:
    with shop.ctx.sessions() as session:
        known = session.scalars(select(Customer.id).where(Customer.uuid == holder.uuid)).first()
    customer_id = known or add_customer(shop.ctx, holder)
    with unit_of_work(shop.ctx) as work:
        work.session.add(
            Invoice(
                customer_id=customer_id,
                boundary=work.now - timedelta(days=number),
                group_key=f"usd|charge_automatically|cycle{number}",
                status=InvoiceStatus.OPEN,
                currency="usd",
                collection=Collection.CHARGE_AUTOMATICALLY,
                total=4300,
                number=f"OPEN-{number}",
                created_at=work.now,
            )
        )
        work.commit()


# --- two at once ---


def test_a_second_click_is_told_what_happened(shop: Shop, leaving: KnownServer) -> None:
    page = shop.client.get(leaving.page("deactivate"))
    deactivate_server(shop.ctx, leaving.id, actor=CLI, reason="asked for by phone")
    answer = shop.client.submit(page, {"understood": "y"}, action="/deactivate/")
    assert answer.status_code in {400, 401}, "the session ended with the registration"


def test_a_session_that_began_meanwhile_is_told(shop: Shop, leaving: KnownServer) -> None:
    deactivate_server(shop.ctx, leaving.id, actor=CLI, reason="asked for by phone")
    begin_server_session(shop.client, shop.ctx, leaving)
    page = shop.client.get(leaving.page("deactivate"))
    assert headline(page) == f"{HOST} is not registered any more."
    answer = forced(shop, leaving)
    assert answer.status_code == 400
    assert "The registration of this server has been deactivated." in words(answer)


def in_threads(*acts: Any) -> None:
    barrier = threading.Barrier(len(acts))

    def run(act: Any) -> None:
        barrier.wait()
        act()

    threads = [threading.Thread(target=run, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)


def test_two_at_once_leave_once(shop: Shop, leaving: KnownServer, mailer: RecordingMailer) -> None:
    browsers = [shop.another_browser() for _ in range(2)]
    pages = []
    for browser in browsers:
        begin_server_session(browser, shop.ctx, leaving)
        pages.append(browser.get(leaving.page("deactivate")))
    statuses: list[int] = []

    def press(browser: Any, page: Any) -> None:
        answer = browser.submit(page, {"understood": "y"}, action="/deactivate/")
        statuses.append(answer.status_code)

    in_threads(*(lambda b=b, p=p: press(b, p) for b, p in zip(browsers, pages, strict=True)))
    assert sorted(statuses)[0] == 303 and sorted(statuses)[1] in {400, 401}
    assert len(mailer.outbox) == 1


def test_a_purchase_at_the_same_moment(shop: Shop, leaving: KnownServer) -> None:
    """Either the server leaves and nothing is bought, or the purchase keeps it."""
    shop.has_card()
    refused: list[str] = []

    def safely(act: Any) -> None:
        try:
            act()
        except BillingError as error:
            refused.append(error.code)

    in_threads(
        lambda: safely(lambda: shop.story.upgrade(shop.server)),
        lambda: safely(lambda: deactivate_server(shop.ctx, leaving.id, actor=CLI)),
    )
    with shop.ctx.sessions() as session:
        bought = session.scalars(select(Purchase.id)).all()
    has_left = load_server(shop).deactivated_at is not None
    assert has_left == (not bought)
    assert refused == ["server_deactivated" if has_left else "deactivation_refused"]
