"""The pages of the queues, and what is done from them."""

from datetime import timedelta
from uuid import uuid4

import pytest
from flask import Flask

from app.domain.kinds import (
    Collection,
    CustomerKind,
    HelpStatus,
    InvoiceStatus,
    StaffActionStatus,
    StaffRole,
)
from app.models.audit import AuditEntry
from app.models.base import Base
from app.models.charges import LateFall
from app.models.customers import Customer
from app.models.invoices import Invoice
from app.models.people import BillingUser
from app.models.registrations import Organization
from app.models.staff import HelpRequest, StaffAction
from app.services.context import Context
from app.services.invoice_plan import park_customer
from app.services.pages.queue_sources import Queue
from app.services.unit_of_work import unit_of_work
from tests.support.client import CheckedClient
from tests.support.customers import load_customer, make_customer
from tests.support.mail import RecordingMailer
from tests.support.plans import add_plan
from tests.support.shop import headline
from tests.support.staff import add_staff, begin_staff_session

pytestmark = pytest.mark.sqlite_only


@pytest.fixture
def desk(client: CheckedClient, ctx: Context) -> CheckedClient:
    """The browser of somebody of the role support."""
    begin_staff_session(client, ctx, StaffRole.SUPPORT)
    return client


def add(ctx: Context, row: Base) -> int:
    with unit_of_work(ctx) as work:
        work.session.add(row)
        work.flush()
        key = int(row.id)  # type: ignore[attr-defined]  # every table of ours has one
        work.commit()
    return key


def ask_for_help(ctx: Context, message: str, *, email: str = "ann@acme.test") -> int:
    """Somebody of an organization asks; returns the request's id."""
    customer = load_customer(ctx, make_customer(ctx, email=email))
    with unit_of_work(ctx) as work:
        organization = work.session.get_one(Organization, customer.organization_id)
        person = work.session.query(BillingUser).filter_by(email=email).one()
        ids = organization.server_id, organization.id, person.id
    return add(
        ctx,
        HelpRequest(
            server_id=ids[0],
            organization_id=ids[1],
            billing_user_id=ids[2],
            page="billing",
            message=message,
            status=HelpStatus.OPEN,
            created_at=ctx.now(),
        ),
    )


def test_every_queue_has_a_page_with_nothing_in_it(desk: CheckedClient) -> None:
    assert headline(desk.get("/support/queues/")) == "Nothing waits for us"
    for queue in Queue:
        page = desk.get(f"/support/queues/{queue.value}/")
        assert page.status_code == 200 and headline(page).endswith("nothing waits")
    assert desk.get("/support/queues/nonsense/").status_code == 404


def test_several_parked_customers_are_tried_again(desk: CheckedClient, ctx: Context) -> None:
    ids = [make_customer(ctx) for _ in range(3)]
    for key in ids[:2]:
        park_customer(ctx, key, reason="no card")
    page = desk.get("/support/queues/parked/")
    assert headline(page) == "Parked customers: 2" and page.text.count("no card") == 2
    assert "/do/unpark/" in page.text and 'class="place-count">2<' in page.text
    address = "/support/queues/parked/"
    send = {"csrf_token": page.text.split('csrf_token" value="')[1].partition('"')[0]}
    nothing = desk.post(address, data=send | {"said": "mended"})
    assert nothing.status_code == 400 and "Choose at least one" in nothing.text
    keys = {"key": [*map(str, ids), "x", str(10**30)]}
    silent = desk.post(address, data=send | keys)
    assert silent.status_code == 400 and load_customer(ctx, ids[0]).parked_at is not None
    done = desk.post(address, data=send | keys | {"said": "mended"}, follow_redirects=True)
    assert "2 customers are tried again by the next run. 1 was left alone" in done.text
    assert load_customer(ctx, ids[0]).parked_at is None
    again = desk.post(address, data=send | keys | {"said": "mended"}, follow_redirects=True)
    assert "0 customers" in again.text


def test_cards_are_charged_again_and_sent_invoices_left_alone(
    desk: CheckedClient, ctx: Context
) -> None:
    customer = make_customer(ctx)
    plan = add_plan(ctx, customer)
    with unit_of_work(ctx) as work:
        work.session.get_one(Customer, customer).card_payment_method = "pm_1"
        work.commit()
    ids = [
        add(
            ctx,
            Invoice(
                customer_id=customer,
                plan_id=plan,
                boundary=ctx.now(),
                group_key=f"g{n}",
                status=InvoiceStatus.OPEN,
                currency="usd",
                collection=collection,
                total=4300,
                number=f"N-{n}",
                failure_message="Your card was declined.",
                created_at=ctx.now(),
            ),
        )
        for n, collection in enumerate(Collection)
    ]
    page = desk.get("/support/queues/failed-payments/")
    assert "$43.00 · N-0 · Your card was declined." in page.text
    values = {"key": [str(key) for key in ids], "said": "card was mended"}
    token = page.text.split('csrf_token" value="')[1].partition('"')[0]
    done = desk.post(
        "/support/queues/failed-payments/",
        data=values | {"csrf_token": token},
        follow_redirects=True,
    )
    assert "1 invoice is charged again" in done.text and "1 was left alone" in done.text
    with unit_of_work(ctx) as work:
        marked = {row.id: row.to_deliver for row in work.session.query(Invoice)}
        by_card = work.session.get_one(Invoice, ids[0]).collection
        entry = work.session.query(AuditEntry).filter_by(action="customer.charge_asked").one()
        assert (
            entry.after is not None
            and entry.after["reason"] == "card was mended"
            and entry.actor.startswith("staff:")
        )
    is_first = by_card is Collection.CHARGE_AUTOMATICALLY
    assert marked == {ids[0]: is_first, ids[1]: not is_first}


def test_help_is_answered_by_mail_once(
    desk: CheckedClient, ctx: Context, mailer: RecordingMailer
) -> None:
    key = ask_for_help(ctx, "What is <b>this</b> charge?")
    queue = desk.get("/support/queues/help/")
    assert "What is &lt;b&gt;this&lt;/b&gt; charge?" in queue.text
    page = desk.get(f"/support/queues/help/{key}/")
    assert "ann@acme.test" in page.text
    action = f"/support/queues/help/{key}/"
    assert desk.submit(page, {"answer": "  "}, action=action).status_code == 400
    answered = desk.submit(page, {"answer": "It is for two people.\n\nAnn & Bo."}, action=action)
    assert answered.status_code == 303
    assert mailer.outbox[-1].recipient == "ann@acme.test"
    assert "It is for two people." in mailer.outbox[-1].text
    assert "Ann &amp; Bo." in mailer.outbox[-1].html
    late = desk.submit(page, {"answer": "Twice"}, action=action)
    assert late.status_code == 400 and "closed this already" in late.text
    assert "It is closed, with this answer" in desk.get(action).text
    assert len(mailer.outbox) == 1 and desk.get("/support/queues/help/9/").status_code == 404

    ids = [ask_for_help(ctx, "Hm?", email=f"p{n}@acme.test") for n in range(2)]
    page = desk.get("/support/queues/help/")
    token = page.text.split('csrf_token" value="')[1].partition('"')[0]
    together = desk.post(
        "/support/queues/help/",
        data={"key": [key, *ids], "said": "It was a wrong\nalarm.", "csrf_token": token},
        follow_redirects=True,
    )
    assert "2 requests are closed. 1 was left alone" in together.text
    assert len(mailer.outbox) == 3


def test_a_late_fall_is_resolved_once(desk: CheckedClient, ctx: Context) -> None:
    customer = make_customer(ctx)
    plan = add_plan(ctx, customer)
    fall = add(
        ctx,
        LateFall(
            customer_id=customer,
            plan_id=plan,
            cycle_start=ctx.now(),
            cycle_end=ctx.now() + timedelta(days=31),
            billed_licenses=14,
            licenses=11,
            audit_row_id=1,
            found_at=ctx.now(),
        ),
    )
    address = f"/support/queues/late-falls/{fall}/"
    assert address in desk.get("/support/queues/late-falls/").text
    page = desk.get(address)
    assert desk.submit(page, {"reason": ""}, action=address).status_code == 400
    assert desk.submit(page, {"reason": "credited"}, action=address).status_code == 303
    assert desk.submit(page, {"reason": "twice"}, action=address).status_code == 400
    assert "credited" in desk.get(address).text
    assert desk.get("/support/queues/late-falls/99/").status_code == 404


def test_an_interrupted_act_is_closed(desk: CheckedClient, ctx: Context) -> None:
    customer = load_customer(ctx, make_customer(ctx))
    key = add(
        ctx,
        StaffAction(
            nonce=uuid4().hex,
            action="park",
            payer_kind=CustomerKind.ORGANIZATION,
            payer_uuid=customer.uuid,
            customer_id=customer.id,
            command={},
            facts={},
            effect=[],
            reason="why not",
            status=StaffActionStatus.RUNNING,
            asked_by=add_staff(ctx),
            created_at=ctx.now() - timedelta(hours=1),
        ),
    )
    address = f"/support/queues/unfinished-acts/{key}/"
    queue = desk.get("/support/queues/unfinished-acts/")
    assert "Park: no runs until somebody looks" in queue.text and address in queue.text
    page = desk.get(address)
    assert desk.submit(page, {"reason": "it was done"}, action=address).status_code == 303
    assert desk.submit(page, {"reason": "it was done"}, action=address).status_code == 404
    assert desk.get(address).status_code == 404


def test_who_only_reads_sees_and_does_nothing(
    app: Flask, client: CheckedClient, ctx: Context
) -> None:
    key = ask_for_help(ctx, "What is this?")
    begin_staff_session(client, ctx, StaffRole.READ_ONLY)
    page = client.get("/support/queues/help/")
    assert "What is this?" in page.text and "Answer" not in page.text
    assert client.get("/support/queues/").status_code == 200
    for address in (
        f"/support/queues/help/{key}/",
        "/support/queues/late-falls/1/",
        "/support/queues/unfinished-acts/1/",
    ):
        assert client.get(address).status_code == 404
    assert client.post("/support/queues/parked/").status_code in {400, 404}
