"""Buying by invoice: every sentence of "Purchase" in docs/rules/purchases.md that speaks of it.

The plan starts when the money has come, and neither before nor twice.
"""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import select, text, update

from app.domain.errors import BillingError
from app.domain.kinds import PlanStatus
from app.models.customers import Customer
from app.models.plans import Plan
from app.services.cancel_purchase import cancel_purchase
from app.services.customers import Payer
from app.services.purchase_state import Outcome, PurchaseResult
from app.services.purchases import ConfirmPurchase, confirm_purchase
from app.services.settle_purchase import check_purchase
from app.services.unit_of_work import unit_of_work
from tests.scenarios.story import BUYER, SampleServer, Story

DUE_AND_GRACE = timedelta(days=60)


def confirm(story: Story, payer: Payer, token: str) -> PurchaseResult:
    with story.app.app_context():
        return confirm_purchase(story.ctx, ConfirmPurchase(payer, token), actor=BUYER)


def statuses(story: Story, payer: Payer) -> list[tuple[str, str]]:
    return [(i["occasion"], i["status"]) for i in story.export(payer)["invoices"]]


def rows(story: Story, sql: str) -> list[dict[str, object]]:
    with unit_of_work(story.ctx) as work:
        return [dict(row._mapping) for row in work.session.execute(text(sql))]


def actions(story: Story, payer: Payer) -> list[str]:
    return [entry["action"] for entry in story.export(payer)["audit"]]


def later(story: Story, server: SampleServer, when: str) -> None:
    """Move on, with a fresh report of the server."""
    story.on(when)
    story.upload(server)


# --- the invoice ---


def test_the_invoice_is_made_final_and_sent_and_nothing_starts(story: Story) -> None:
    acme = story.server(seats=(18,))
    result = story.order(acme, licenses=40)
    assert result.outcome is Outcome.WAITING
    assert result.hosted_url
    payer = story.payer(acme)
    assert story.export(payer)["plans"] == []
    assert statuses(story, payer) == [("purchase:1", "open")]
    assert [event.type for event in story.payments.take_events()] == [
        "invoice.created",
        "invoice.finalized",
        "invoice.sent",
    ]
    (invoice,) = rows(story, "SELECT * FROM invoices")
    assert str(invoice["due_at"]).startswith("2012-02-01 03:04:05")
    (purchase,) = rows(story, "SELECT * FROM purchases")
    assert str(purchase["expires_at"]).startswith("2012-03-02 03:04:05")


def test_a_card_is_not_needed(story: Story) -> None:
    acme = story.server(seats=(18,))
    assert story.order(acme).outcome is Outcome.WAITING
    assert story.export(story.payer(acme))["customer"]["card"] is None


def test_its_lines_say_from_payment_and_have_no_period_at_the_provider(story: Story) -> None:
    acme = story.server(seats=(18,))
    result = story.order(acme, licenses=40)
    (invoice,) = story.export(story.payer(acme))["invoices"]
    assert [line["description"] for line in invoice["lines"]] == [
        "Basic, 12 months from payment",
        "New customer discount",
    ]
    remote = story.payments._state.invoice(story.invoice_at_provider(result.purchase_id))
    assert {line.period_start for line in remote.lines} == {None}


@pytest.mark.parametrize(
    ("people", "licenses", "code", "parameters"),
    [
        (18, 29, "too_few_licenses", {"minimum": 30, "people": 18}),
        (31, 30, "too_few_licenses", {"minimum": 31, "people": 31}),
        (18, 0, None, {}),
        (18, -1, "too_few_licenses", {"minimum": 30, "people": 18}),
        (18, 1001, "too_many_for_invoice", {"maximum": 1000}),
        (18, 10**9, "too_many_for_invoice", {"maximum": 1000}),
        (1001, 1001, "too_many_for_invoice", {"maximum": 1000}),
        (1001, 1000, "too_many_for_invoice", {"maximum": 1000}),
    ],
)
@pytest.mark.sqlite_only
def test_licenses_lie_between_people_or_the_least_for_invoices_and_what_support_arranges(
    story: Story, people: int, licenses: int, code: str | None, parameters: dict[str, int]
) -> None:
    acme = story.server(seats=(people,))
    if code is None:
        # Nobody has said a number: the least is offered.
        assert story.order(acme, licenses=None).outcome is Outcome.WAITING
        assert rows(story, "SELECT licenses FROM purchases") == [{"licenses": 30}]
        return
    with pytest.raises(BillingError) as caught:
        story.order(acme, licenses=licenses)
    assert (caught.value.code, dict(caught.value.params)) == (code, parameters)
    assert rows(story, "SELECT id FROM purchases") == []


@pytest.mark.parametrize("licenses", [30, 1000])
@pytest.mark.sqlite_only
def test_both_ends_of_the_range_can_be_bought(story: Story, licenses: int) -> None:
    acme = story.server(seats=(18,))
    assert story.order(acme, licenses=licenses).outcome is Outcome.WAITING


@pytest.mark.sqlite_only
def test_the_minimum_of_a_tier_counts_too(story: Story) -> None:
    acme = story.server(seats=(18,))
    assert story.order(acme, tier="business", schedule="monthly").outcome is Outcome.WAITING
    with unit_of_work(story.ctx) as work:
        work.claim_customer(1).minimum_licenses = 50
        work.commit()
    with pytest.raises(BillingError) as caught:
        story.order(acme, tier="business", licenses=49)
    assert dict(caught.value.params) == {"minimum": 50, "people": 18}


@pytest.mark.sqlite_only
def test_who_is_exempt_chooses_any_number_up_to_what_support_arranges(story: Story) -> None:
    acme = story.server(seats=(1200,))
    payer = story.payer(acme)
    story.give_card(payer)
    with unit_of_work(story.ctx) as work:
        work.claim_customer(1).exempt_from_license_number_check = True
        work.commit()
    with pytest.raises(BillingError) as caught:
        story.order(acme, licenses=1001)
    assert caught.value.code == "too_many_for_invoice"
    # The discount leaves nothing to pay, so the invoice is paid as soon as it is final.
    assert story.order(acme, licenses=5).outcome is Outcome.PAID
    (entry,) = story.export(payer)["ledger"]
    assert (entry["licenses"], entry["people"]) == (5, 1200)


# --- the payment ---


@pytest.mark.parametrize("how", ["webhook", "delivery job", "check now", "next confirmation"])
def test_the_plan_starts_when_the_invoice_is_paid(story: Story, how: str) -> None:
    acme = story.server(seats=(18,))
    payer = story.payer(acme)
    result = story.order(acme, licenses=40)
    later(story, acme, "2012-01-20 10:11:12")
    story.receive(result.purchase_id)
    later(story, acme, "2012-01-20 13:00:00")
    if how == "webhook":
        story.deliver_events()
    elif how == "delivery job":
        story.run_jobs()
    elif how == "check now":
        assert check_purchase(story.ctx, result.purchase_id).outcome is Outcome.PAID
    else:
        with pytest.raises(BillingError) as caught:
            story.order(acme, licenses=50)
        assert caught.value.code == "already_subscribed"
    story.deliver_events()
    # Its time begins with the payment, as the provider has it, however late we learn of it.
    story.assert_statement(payer, "by_invoice.txt")
    story.assert_nothing_left_to_do()


def test_a_monthly_plan_by_invoice_renews_by_invoice(story: Story) -> None:
    acme = story.server(seats=(18,))
    payer = story.payer(acme)
    result = story.order(acme, tier="business", schedule="monthly", licenses=30)
    story.on("2012-01-05").receive(result.purchase_id)
    story.deliver_events()
    story.run_jobs_until("2012-02-06", acme, step=1)
    story.assert_statement(payer, "by_invoice_renewed.txt")
    assert [event.type for event in story.payments.take_events()][-1] == "invoice.sent"
    (renewal,) = rows(story, "SELECT * FROM invoices WHERE group_key LIKE '%|cycle'")
    assert str(renewal["due_at"]).startswith("2012-03-06")


def test_a_payment_after_the_due_date_starts_the_plan(story: Story) -> None:
    acme = story.server(seats=(18,))
    result = story.order(acme)
    later(story, acme, "2012-02-25")
    story.run_jobs()
    story.receive(result.purchase_id)
    story.deliver_events()
    (plan,) = story.export(story.payer(acme))["plans"]
    assert (plan["status"], plan["billing_cycle_anchor"]) == ("active", "2012-02-25T03:04:05Z")


def test_learnt_after_the_first_month_each_month_is_made_up_for(story: Story) -> None:
    acme = story.server(seats=(18,))
    result = story.order(acme, tier="business", schedule="monthly", licenses=30)
    story.on("2012-01-10").receive(result.purchase_id)
    story.run_jobs_until("2012-01-10", acme)
    story.payments.take_events()
    # Nothing ran for two months, and no webhook came.
    later(story, acme, "2012-03-12")
    story.run_jobs()
    story.run_jobs()
    payer = story.payer(acme)
    assert statuses(story, payer) == [
        ("purchase:1", "paid"),
        ("cycle", "open"),
        ("cycle", "open"),
    ]
    story.assert_nothing_left_to_do()


def test_a_provider_whose_clock_is_ahead_starts_no_plan_in_the_future(story: Story) -> None:
    acme = story.server(seats=(18,))
    result = story.order(acme)
    story.on("2012-01-10 00:00:05").receive(result.purchase_id)
    story.on("2012-01-10 00:00:00").deliver_events()
    (plan,) = story.export(story.payer(acme))["plans"]
    assert plan["billing_cycle_anchor"] == "2012-01-10T00:00:00Z"


def test_the_discount_is_used_up_as_by_card(story: Story) -> None:
    acme = story.server(seats=(18,))
    result = story.order(acme, schedule="monthly")
    assert rows(story, "SELECT new_customer_months_left FROM customers") == [
        {"new_customer_months_left": None}
    ]
    story.receive(result.purchase_id)
    story.deliver_events()
    assert rows(story, "SELECT new_customer_months_left FROM customers") == [
        {"new_customer_months_left": 11}
    ]


# --- seats that grow or shrink in between ---


def test_people_who_came_are_over_by_so_many_and_nothing_more_is_billed(story: Story) -> None:
    acme = story.server(seats=(18,))
    payer = story.payer(acme)
    token = story.quote_token(payer, tier="basic", schedule="annual", by_invoice=True)
    story.upload_seats(acme, 33)
    assert confirm(story, payer, token).outcome is Outcome.WAITING, "as it was confirmed"
    story.clock.advance(days=3)
    story.upload_seats(acme, 45)
    story.receive(1)
    story.deliver_events()
    data = story.export(payer)
    assert [(i["occasion"], i["status"]) for i in data["invoices"]] == [("purchase:1", "paid")]
    (entry,) = data["ledger"]
    assert (entry["licenses"], entry["licenses_at_next_renewal"], entry["people"]) == (30, 30, 45)
    story.assert_nothing_left_to_do()


def test_people_who_left_are_charged_as_confirmed_and_staff_find_a_note(story: Story) -> None:
    acme = story.server(seats=(40,))
    payer = story.payer(acme)
    story.order(acme)
    story.clock.advance(days=3)
    story.upload_seats(acme, 12)
    story.receive(1)
    story.deliver_events()
    (entry,) = story.export(payer)["ledger"]
    assert (entry["licenses"], entry["people"]) == (40, 12)
    (note,) = [e for e in story.export(payer)["audit"] if e["action"] == "purchase.people_fell"]
    assert (note["before"], note["after"]["people"]) == ({"people": 40}, 12)


def test_a_server_that_fell_silent_starts_its_plan_all_the_same(story: Story) -> None:
    acme = story.server(seats=(18,))
    story.order(acme)
    story.clock.advance(days=10)
    story.receive(1)
    story.deliver_events()
    (entry,) = story.export(story.payer(acme))["ledger"]
    assert (entry["licenses"], entry["people"]) == (30, 18)


# --- one open purchase, and its end ---


@pytest.mark.parametrize("then", ["card", "invoice"])
def test_buying_otherwise_voids_it(story: Story, then: str) -> None:
    acme = story.server(seats=(18,))
    payer = story.payer(acme)
    story.order(acme)
    result = story.upgrade(acme) if then == "card" else story.order(acme, licenses=50)
    assert result.outcome is (Outcome.PAID if then == "card" else Outcome.WAITING)
    state = "paid" if then == "card" else "open"
    assert statuses(story, payer) == [("purchase:1", "void"), ("purchase:2", state)]
    assert len(story.export(payer)["plans"]) == (1 if then == "card" else 0)


def test_a_form_sent_twice_makes_one_invoice(story: Story) -> None:
    acme = story.server(seats=(18,))
    payer = story.payer(acme)
    token = story.quote_token(payer, tier="basic", by_invoice=True)
    results = [confirm(story, payer, token) for _ in range(2)]
    assert [result.outcome for result in results] == [Outcome.WAITING] * 2
    assert statuses(story, payer) == [("purchase:1", "open")]
    assert [e.type for e in story.payments.take_events()].count("invoice.sent") == 1


def test_giving_up_voids_it(story: Story) -> None:
    acme = story.server(seats=(18,))
    payer = story.payer(acme)
    result = story.order(acme)
    given_up = cancel_purchase(story.ctx, payer, result.purchase_id, actor=BUYER)
    assert given_up.outcome is Outcome.VOIDED
    assert statuses(story, payer) == [("purchase:1", "void")]
    assert "purchase.given_up" in actions(story, payer)
    story.assert_nothing_left_to_do()


def test_giving_up_what_was_paid_meanwhile_starts_the_plan(story: Story) -> None:
    acme = story.server(seats=(18,))
    payer = story.payer(acme)
    result = story.order(acme)
    story.receive(result.purchase_id)
    given_up = cancel_purchase(story.ctx, payer, result.purchase_id, actor=BUYER)
    assert given_up.outcome is Outcome.PAID
    assert [plan["status"] for plan in story.export(payer)["plans"]] == ["active"]


def test_what_nobody_pays_is_void_thirty_days_after_it_was_due(story: Story) -> None:
    acme = story.server(seats=(18,))
    payer = story.payer(acme)
    story.order(acme)
    story.clock.advance(seconds=(DUE_AND_GRACE - timedelta(seconds=1)).total_seconds())
    story.run_jobs()
    assert statuses(story, payer) == [("purchase:1", "open")]
    story.clock.advance(hours=2)
    story.run_jobs()
    assert statuses(story, payer) == [("purchase:1", "void")]
    assert story.export(payer)["plans"] == []
    story.assert_nothing_left_to_do()


def test_what_is_paid_while_it_expires_starts_the_plan(story: Story) -> None:
    acme = story.server(seats=(18,))
    story.order(acme)
    story.clock.advance(seconds=(DUE_AND_GRACE + timedelta(hours=2)).total_seconds())
    story.upload(acme)
    story.receive(1)
    story.run_jobs()
    assert [plan["status"] for plan in story.export(story.payer(acme))["plans"]] == ["active"]


def test_a_dashboard_that_voids_it_ends_the_purchase(story: Story) -> None:
    acme = story.server(seats=(18,))
    payer = story.payer(acme)
    result = story.order(acme)
    story.ctx.payments.void_invoice(story.invoice_at_provider(result.purchase_id), key="dashboard")
    story.deliver_events()
    assert statuses(story, payer) == [("purchase:1", "void")]
    assert check_purchase(story.ctx, result.purchase_id).outcome is Outcome.VOIDED


def test_an_invoice_that_waits_is_asked_about_once_an_hour(story: Story) -> None:
    acme = story.server(seats=(18,))
    story.order(acme)
    for minutes, asked in ((10, 0), (30, 0), (30, 1), (10, 0)):
        story.clock.advance(minutes=minutes)
        before = [name for name, _ in story.payments.calls].count("get_invoice")
        story.run_jobs()
        calls = [name for name, _ in story.payments.calls].count("get_invoice") - before
        assert bool(calls) == bool(asked), minutes


# --- a provider that fails ---


@pytest.mark.parametrize("kind", ["before", "after"])
@pytest.mark.parametrize(
    "method", ["create_invoice", "add_lines", "finalize_invoice", "send_invoice"]
)
def test_a_provider_that_fails_is_asked_again_by_the_delivery_job(
    story: Story, method: str, kind: str
) -> None:
    acme = story.server(seats=(18,))
    payer = story.payer(acme)
    story.payments.fail(method, kind)
    assert story.order(acme).outcome is Outcome.UNKNOWN
    story.run_jobs()
    assert statuses(story, payer) == [("purchase:1", "open")]
    types = [event.type for event in story.payments.take_events()]
    assert types == ["invoice.created", "invoice.finalized", "invoice.sent"]
    story.receive(1)
    story.deliver_events()
    assert [plan["status"] for plan in story.export(payer)["plans"]] == ["active"]
    story.assert_nothing_left_to_do()


def test_an_invoice_the_provider_refuses_leaves_nothing(story: Story) -> None:
    acme = story.server(seats=(18,))
    payer = story.payer(acme)
    # The key holds a fault from now on: a definite answer, once it is asked for again.
    story.payments.fail("send_invoice", "stored")
    assert story.order(acme).outcome is Outcome.UNKNOWN
    story.run_jobs()
    assert statuses(story, payer) == [("purchase:1", "void")]
    assert story.export(payer)["plans"] == []


# --- money for which there is no plan ---


def start_another_plan(story: Story, acme: SampleServer) -> None:
    """A plan that came into being while an invoice was on its way, as staff can make one."""
    other = story.server(seats=(20,))
    story.upgrade(other)
    uuid = story.payer(acme).uuid
    with unit_of_work(story.ctx) as work:
        mine = work.session.scalars(select(Customer.id).where(Customer.uuid == uuid)).one()
        work.session.execute(update(Plan).values(customer_id=mine))
        work.commit()


@pytest.mark.parametrize("how", ["webhook", "delivery job"])
def test_paid_after_another_plan_began_the_money_goes_back(story: Story, how: str) -> None:
    acme = story.server(seats=(18,))
    payer = story.payer(acme)
    result = story.order(acme)
    start_another_plan(story, acme)
    story.receive(result.purchase_id)
    story.clock.advance(hours=2)
    story.upload(acme)
    story.deliver_events() if how == "webhook" else story.run_jobs()
    assert story.payments.is_refunded(story.invoice_at_provider(result.purchase_id))
    assert len(story.export(payer)["plans"]) == 1
    assert rows(
        story,
        "SELECT status, refunded_at IS NOT NULL AS back FROM invoices "
        "WHERE group_key LIKE '%|purchase:1'",
    ) == [{"status": "paid", "back": 1}]
    told = check_purchase(story.ctx, result.purchase_id)
    assert (told.outcome, told.reason) == (Outcome.REFUNDED, "already_subscribed")
    found = actions(story, payer)
    assert found.count("purchase.paid_without_plan") == found.count("invoice.refunded") == 1
    # The same told again, and jobs again, give nothing more back.
    story.deliver_events()
    story.run_jobs()
    assert [name for name, _ in story.payments.calls].count("refund_invoice") == 1
    # And nothing starts once the other plan is gone.
    with unit_of_work(story.ctx) as work:
        work.session.execute(update(Plan).values(status=PlanStatus.ENDED))
        work.commit()
    story.run_jobs()
    assert [plan["status"] for plan in story.export(payer)["plans"]] == ["ended"]


def test_the_refund_is_asked_for_until_it_is_answered(story: Story) -> None:
    acme = story.server(seats=(18,))
    payer = story.payer(acme)
    result = story.order(acme)
    start_another_plan(story, acme)
    story.receive(result.purchase_id)
    story.payments.fail("refund_invoice", "after")
    story.deliver_events()
    assert check_purchase(story.ctx, result.purchase_id).outcome is Outcome.REFUNDED
    story.run_jobs()
    assert story.payments.is_refunded(story.invoice_at_provider(result.purchase_id))
    assert actions(story, payer).count("invoice.refunded") == 1
    keys = {key for name, key in story.payments.calls if name == "refund_invoice"}
    assert len(keys) == 1, "one attempt, repeated with its key"


def test_what_came_another_way_is_paid_back_by_people(story: Story, mailer) -> None:
    acme = story.server(seats=(18,))
    payer = story.payer(acme)
    result = story.order(acme)
    start_another_plan(story, acme)
    story.payments.pay_elsewhere(story.invoice_at_provider(result.purchase_id))
    story.deliver_events()
    story.run_jobs()
    assert "invoice.refund_failed" in actions(story, payer)
    (mail,) = [mail for mail in mailer.outbox if mail.template == "staff_refund_failed"]
    assert "$1,020.00" in mail.subject
    assert rows(story, "SELECT status FROM purchases WHERE id = 1") == [{"status": "voided"}]


def test_paid_when_the_server_pays_for_everybody_the_money_goes_back(story: Story) -> None:
    acme = story.server(seats=(18, 7))
    result = story.order(acme)
    story.upgrade(acme, organization=None)
    story.receive(result.purchase_id)
    story.deliver_events()
    told = check_purchase(story.ctx, result.purchase_id)
    assert (told.outcome, told.reason) == (Outcome.REFUNDED, "covered_by_server")
    assert story.export(story.payer(acme))["plans"] == []


def test_paid_when_the_server_has_left_the_money_goes_back(story: Story) -> None:
    acme = story.server(seats=(18,))
    result = story.order(acme)
    with unit_of_work(story.ctx) as work:
        work.claim_server(1).deactivated_at = work.now
        work.commit()
    story.receive(result.purchase_id)
    story.deliver_events()
    assert check_purchase(story.ctx, result.purchase_id).reason == "server_deactivated"


# --- two buyers at once ---


def confirm_at_once(story: Story, payer: Payer, tokens: list[str]) -> list[str]:
    """Several people press their button in the same instant; what each is told."""
    together = threading.Barrier(len(tokens))

    def press(token: str) -> str:
        together.wait()
        try:
            return confirm(story, payer, token).outcome
        except BillingError as error:
            return error.code

    with ThreadPoolExecutor(len(tokens)) as people:
        return list(people.map(press, tokens))


@pytest.mark.parametrize("ways", ["invoice invoice", "invoice card", "card card card"])
@pytest.mark.parametrize("number", range(3))
def test_two_buyers_at_once_end_with_exactly_one_plan(story: Story, ways: str, number: int) -> None:
    acme = story.server(seats=(18,))
    payer = story.payer(acme)
    story.give_card(payer)
    tokens = [
        story.quote_token(payer, tier="basic", by_invoice=way == "invoice") for way in ways.split()
    ]
    told = confirm_at_once(story, payer, tokens)
    lost = {"already_subscribed", "purchase_in_progress", "earlier_purchase_open"}
    assert set(told) <= lost | {"paid", "waiting", "voided"}, told
    data = story.export(payer)
    assert sum(i["status"] in {"paid", "open"} for i in data["invoices"]) == 1, told
    # Whatever can be paid is paid, and whatever is told is told twice.
    story.run_jobs()
    story.receive_whatever_is_open()
    story.deliver_events()
    story.run_jobs()
    data = story.export(payer)
    assert len(data["plans"]) == 1
    assert sum(i["status"] == "paid" for i in data["invoices"]) == 1
    story.assert_nothing_left_to_do()
