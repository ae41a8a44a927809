"""What happens between people, the portal and the provider in an order that nobody wants: old forms
sent again, refused confirmations, a provider that says no, a card changed while nobody answers.

Each test is named after what has to hold. Rules: docs/rules/purchases.md, docs/rules/payments.md.
"""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from sqlalchemy import select, update

from app.domain.errors import BillingError
from app.domain.kinds import AtCycleEnd, InvoiceStatus, Schedule
from app.gateways.payments import ProviderRejected
from app.models.customers import Customer
from app.models.plans import Plan
from app.services.cancel_purchase import cancel_purchase
from app.services.card_setup import begin_card_setup, check_card_setup
from app.services.purchase_state import Outcome
from app.services.settle_purchase import check_purchase, note_failure
from app.services.unit_of_work import unit_of_work
from app.services.webhook_events import receive_event
from tests.scenarios.story import BUYER, Story
from tests.scenarios.test_purchases_by_invoice import (
    actions,
    confirm,
    later,
    rows,
    start_another_plan,
    statuses,
)
from tests.support.mail import RecordingMailer


def test_an_old_form_sent_again_leaves_the_present_purchase_alone(story: Story) -> None:
    acme = story.server(seats=(18,))
    payer = story.payer(acme)
    old = story.quote_token(payer, tier="basic", by_invoice=True)
    confirm(story, payer, old)
    story.order(acme, licenses=50)
    assert confirm(story, payer, old).outcome is Outcome.VOIDED
    assert statuses(story, payer) == [("purchase:1", "void"), ("purchase:2", "open")]


@pytest.mark.parametrize("refusal", ["no_card", "quote_changed"])
def test_a_confirmation_that_is_refused_voids_nothing(story: Story, refusal: str) -> None:
    acme = story.server(seats=(18,))
    payer = story.payer(acme)
    story.order(acme)
    token = story.quote_token(payer, tier="basic", by_invoice=refusal != "no_card")
    if refusal == "quote_changed":
        with unit_of_work(story.ctx) as work:
            work.session.execute(
                update(Customer)
                .where(Customer.uuid == payer.uuid)
                .values(new_customer_months_left=3)
            )
            work.commit()
    with pytest.raises(BillingError) as caught:
        confirm(story, payer, token)
    assert caught.value.code == refusal
    assert statuses(story, payer) == [("purchase:1", "open")]


def test_one_refused_look_does_not_keep_other_purchases_from_being_settled(
    story: Story, monkeypatch
) -> None:
    first, second = story.server(seats=(18,)), story.server(seats=(18,))
    story.order(first)
    result = story.order(second)
    later(story, second, "2012-01-10")
    story.receive(result.purchase_id)
    real = story.payments.get_invoice
    odd = story.invoice_at_provider(1)

    def get_invoice(invoice_id: str):
        if invoice_id == odd:
            raise ProviderRejected("Odd.", code="invalid_request")
        return real(invoice_id)

    monkeypatch.setattr(story.payments, "get_invoice", get_invoice)
    story.run_jobs()
    assert [p["status"] for p in story.export(story.payer(second))["plans"]] == ["active"]


def test_what_was_found_to_be_in_vain_stays_so_whatever_fails_meanwhile(story: Story) -> None:
    acme = story.server(seats=(18,))
    result = story.order(acme)
    start_another_plan(story, acme)
    story.receive(result.purchase_id)
    story.payments.fail("refund_invoice", "before")
    story.deliver_events()
    note_failure(story.ctx, result.purchase_id, code="stored_failure", message="")
    assert rows(story, "SELECT failure_code FROM purchases WHERE id = 1") == [
        {"failure_code": "already_subscribed"}
    ]


def test_a_tier_that_left_the_catalogue_is_started_as_it_was_confirmed(
    story: Story, monkeypatch
) -> None:
    acme = story.server(seats=(18,))
    result = story.order(acme)
    monkeypatch.delitem(story.ctx.catalog.tiers, "basic")
    story.receive(result.purchase_id)
    story.deliver_events()
    (plan,) = story.export(story.payer(acme))["plans"]
    assert plan["status"] == "active"


def test_a_refund_whose_fault_is_kept_under_its_key_is_asked_for_anew(story: Story, mailer) -> None:
    acme = story.server(seats=(18,))
    result = story.order(acme)
    start_another_plan(story, acme)
    story.receive(result.purchase_id)
    story.payments.fail("refund_invoice", "stored")
    story.deliver_events()
    story.run_jobs()
    story.run_jobs()
    payer = story.payer(acme)
    assert actions(story, payer).count("invoice.refunded") == 1
    assert [m for m in mailer.outbox if m.template == "staff_refund_failed"] == []


def change_card(story: Story, payer, kind: str) -> None:
    with unit_of_work(story.ctx) as work:
        cid = work.session.scalars(select(Customer.id).where(Customer.uuid == payer.uuid)).one()
    url = begin_card_setup(
        story.ctx, cid, return_url="http://x/{SESSION_ID}", cancel_url="http://x/", actor=BUYER
    )
    session = url.rpartition("/")[2]
    story.payments.complete_card_setup(session, kind)
    check_card_setup(story.ctx, session, customer_id=cid, actor=BUYER)


@pytest.mark.parametrize("fault", ["before", "after"])
def test_a_new_card_is_charged_even_if_the_old_ones_charge_was_not_answered(
    story: Story, fault: str
) -> None:
    acme = story.server(seats=(18,))
    payer = story.payer(acme)
    story.upgrade(acme)
    story.give_card(payer, "declines")
    later(story, acme, "2012-02-02")
    story.payments.fail("pay_invoice", fault)
    story.run_jobs()
    change_card(story, payer, "mastercard")
    story.deliver_events()
    story.clock.advance(hours=1)
    story.upload(acme)
    story.run_jobs()
    assert statuses(story, payer)[-1] == ("cycle", "paid")


def test_a_late_row_does_not_bill_the_server_for_what_an_organization_paid_itself(
    story: Story,
) -> None:
    acme = story.server(seats=(18, 10))
    story.upgrade(acme, organization=1)
    later(story, acme, "2012-01-12")
    story.upgrade(acme, organization=None)
    with unit_of_work(story.ctx) as work:
        work.session.execute(
            update(Plan)
            .where(Plan.id == 1)
            .values(at_cycle_end=AtCycleEnd.END, end_date=datetime(2012, 2, 2, 3, 4, 5, tzinfo=UTC))
        )
        work.commit()
    story.run_jobs_until("2012-02-05", acme, step=1)
    server = story.payer(acme, None)
    for people, day in ((18, 20), (19, 25)):
        story.set_people(acme, people, at=datetime(2012, 1, day, tzinfo=UTC))
        story.set_people(
            acme, 10, organization=1, at=datetime(2012, 1, day, tzinfo=UTC), event_type=202
        )
        story.upload(acme)
        story.run_jobs()
    found = {(e["event_time"][:10], e["licenses"]) for e in story.export(server)["ledger"]}
    assert found == {("2012-01-12", 18), ("2012-01-25", 19), ("2012-02-02", 28), ("2012-02-02", 29)}
    # 10 x floor(350 x 10 days / 31 + 1/2) for the second organization, from its plan's end on.
    story.run_jobs_until("2012-02-13", acme)
    lines = story.export(server)["invoices"][-1]["lines"]
    assert [(line["quantity"], line["unit_amount"]) for line in lines] == [
        (1, 205),
        (10, 113),
        (29, 350),
        (1, -2000),
    ]


# --- odd states at the provider ---


def set_at_provider(story: Story, purchase_id: int, **values: object) -> None:
    """Somebody did something in the provider's dashboard."""
    found = story.payments._state.invoice(story.invoice_at_provider(purchase_id))
    for name, value in values.items():
        setattr(found, name, value)


def looks(story: Story) -> int:
    return [name for name, _ in story.payments.calls].count("get_invoice")


def test_written_off_it_may_still_be_paid_and_is_asked_about_once_an_hour(story: Story) -> None:
    acme = story.server(seats=(18,))
    payer = story.payer(acme)
    result = story.order(acme)
    set_at_provider(story, result.purchase_id, status=InvoiceStatus.UNCOLLECTIBLE)
    later(story, acme, "2012-01-20")
    story.run_jobs()
    assert statuses(story, payer) == [("purchase:1", "uncollectible")]
    before = looks(story)
    story.clock.advance(minutes=10)
    story.run_jobs()
    assert looks(story) == before
    story.receive(result.purchase_id)
    story.deliver_events()
    (plan,) = story.export(payer)["plans"]
    assert plan["status"] == "active"


def test_written_off_and_never_paid_it_is_void_in_the_end(story: Story) -> None:
    acme = story.server(seats=(18,))
    result = story.order(acme)
    set_at_provider(story, result.purchase_id, status=InvoiceStatus.UNCOLLECTIBLE)
    later(story, acme, "2012-03-10")
    story.run_jobs()
    assert statuses(story, story.payer(acme)) == [("purchase:1", "void")]


@pytest.mark.parametrize("how", ["expiry", "giving up", "buying otherwise"])
def test_what_is_paid_in_part_is_never_voided_and_staff_are_told_once(
    story: Story, how: str, mailer: RecordingMailer
) -> None:
    acme = story.server(seats=(18,))
    payer = story.payer(acme)
    result = story.order(acme)
    set_at_provider(story, result.purchase_id, paid_in_part=50_000)
    if how == "expiry":
        later(story, acme, "2012-03-10")
    elif how == "giving up":
        assert cancel_purchase(story.ctx, payer, 1, actor=BUYER).outcome is Outcome.WAITING
    else:
        with pytest.raises(BillingError) as caught:
            story.order(acme, licenses=50)
        assert caught.value.code == "earlier_purchase_open"
    for _ in range(2):
        story.run_jobs()
        story.clock.advance(hours=1)
        story.upload(acme)
    assert statuses(story, payer) == [("purchase:1", "open")]
    mails = [mail for mail in mailer.outbox if mail.template == "staff_paid_in_part"]
    assert len(mails) == 1
    assert "$500.00" in mails[0].text and "$1,020.00" in mails[0].text
    # The rest starts the plan, however late it is.
    story.receive(result.purchase_id)
    story.deliver_events()
    assert [plan["status"] for plan in story.export(payer)["plans"]] == ["active"]


# --- a server and its organization buy at the same time ---


@pytest.mark.parametrize("first", ["server", "organization"])
def test_each_order_of_payments_leaves_one_payer_for_each_organization(
    story: Story, first: str
) -> None:
    acme = story.server(seats=(18, 40))
    mine, everybody = story.payer(acme), story.payer(acme, None)
    ids = {
        "organization": story.order(acme, licenses=30).purchase_id,
        "server": story.order(acme, organization=None, licenses=60).purchase_id,
    }
    second = "organization" if first == "server" else "server"
    later(story, acme, "2012-01-20")
    story.receive(ids[first])
    story.deliver_events()
    later(story, acme, "2012-02-03")
    story.receive(ids[second])
    story.deliver_events()
    story.run_jobs()
    assert len(story.export(everybody)["plans"]) == 1
    assert len(story.export(mine)["plans"]) == (0 if first == "server" else 1)
    is_back = story.payments.is_refunded(story.invoice_at_provider(ids["organization"]))
    assert is_back is (first == "server")
    (entry,) = story.export(everybody)["ledger"]
    assert (entry["licenses"], entry["people"]) == (60, 58 if first == "server" else 40)
    story.assert_nothing_left_to_do()


def test_both_paid_in_the_same_instant_leave_one_payer(story: Story) -> None:
    acme = story.server(seats=(18, 40))
    mine, everybody = story.payer(acme), story.payer(acme, None)
    ids = [
        story.order(acme, licenses=30).purchase_id,
        story.order(acme, organization=None, licenses=60).purchase_id,
    ]
    for purchase_id in ids:
        story.receive(purchase_id)
    together = threading.Barrier(4)

    def learn(purchase_id: int) -> str:
        together.wait()
        return check_purchase(story.ctx, purchase_id).outcome

    with ThreadPoolExecutor(4) as people:
        list(people.map(learn, ids * 2))
    story.deliver_events()
    story.run_jobs()
    # Whoever was second: the server leaves out who pays already, the organization is paid for.
    assert len(story.export(everybody)["plans"]) == 1
    is_back = story.payments.is_refunded(story.invoice_at_provider(ids[0]))
    assert len(story.export(mine)["plans"]) == (0 if is_back else 1)
    assert [name for name, _ in story.payments.calls].count("refund_invoice") == int(is_back)
    story.assert_nothing_left_to_do()


def test_the_discount_of_a_voided_purchase_is_not_used_up(story: Story) -> None:
    acme = story.server(seats=(18,))
    payer = story.payer(acme)
    story.order(acme, schedule="monthly")
    story.order(acme, schedule="annual")
    story.receive(2)
    story.deliver_events()
    # The events of the first one come again, and late.
    story.payments._state.tell("invoice.voided", story.invoice_at_provider(1))
    story.payments._state.tell("invoice.paid", story.invoice_at_provider(2))
    story.deliver_events()
    with unit_of_work(story.ctx) as work:
        left = work.session.scalars(
            select(Customer.new_customer_months_left).where(Customer.uuid == payer.uuid)
        ).one()
    assert left == 0
    assert statuses(story, payer) == [("purchase:1", "void"), ("purchase:2", "paid")]


def test_a_price_that_changes_before_the_payment_is_charged_as_confirmed(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    acme = story.server(seats=(18,))
    payer = story.payer(acme)
    result = story.order(acme, schedule="monthly", licenses=30)
    basic = story.ctx.catalog.tiers["basic"]
    dearer = replace(
        basic,
        prices={("usd", Schedule.MONTHLY): 999, ("usd", Schedule.ANNUAL): 9999},
        minimum_licenses=77,
    )
    monkeypatch.setitem(story.ctx.catalog.tiers, "basic", dearer)
    later(story, acme, "2012-01-10")
    story.receive(result.purchase_id)
    story.deliver_events()
    story.run_jobs_until("2012-02-11", acme)
    totals = [invoice["total"] for invoice in story.export(payer)["invoices"]]
    assert totals == [30 * 350 - 2000] * 2


def test_events_lost_repeated_and_out_of_order_end_the_same(story: Story) -> None:
    acme = story.server(seats=(18,))
    payer = story.payer(acme)
    result = story.order(acme)
    story.receive(result.purchase_id)
    events = story.payments.take_events()
    for event in [*reversed(events), *events]:
        payload, signature = story.payments.sign(event)
        with story.app.app_context():
            assert receive_event(story.ctx, payload, signature=signature)
    assert len(story.export(payer)["plans"]) == 1
    assert actions(story, payer).count("plan.started") == 1
    story.assert_nothing_left_to_do()
