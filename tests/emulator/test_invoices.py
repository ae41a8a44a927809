"""Invoices from draft to paid, declined, void, written off."""

import functools
from collections.abc import Callable
from typing import Any

import pytest
import requests
import stripe

from tests.emulator.conftest import Shop


def declined(call: Callable[[], Any]) -> stripe.CardError:
    with pytest.raises(stripe.CardError) as caught:
        call()
    assert caught.value.http_status == 402
    return caught.value


def refused(call: Callable[[], Any]) -> stripe.InvalidRequestError:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        call()
    return caught.value


def test_a_purchase_by_card(shop: Shop) -> None:
    customer = shop.customer()
    invoice = shop.draft(customer.id, metadata={"invoice": "7"}, description="Basic")
    item = shop.v1.invoice_items.create(
        {
            "customer": customer.id,
            "invoice": invoice.id,
            "quantity": 18,
            "unit_amount_decimal": "350",
            "period": {"start": 1325473445, "end": 1328151845},
            "description": "Licenses",
            "metadata": {"line": "1"},
            "discountable": False,
        }
    )
    assert (item.amount, item.quantity, item.pricing.unit_amount_decimal) == (6300, 18, 350)
    shop.v1.invoice_items.create(
        {"customer": customer.id, "invoice": invoice.id, "amount": -2000, "description": "New"}
    )
    invoice = shop.v1.invoices.finalize_invoice(invoice.id)
    assert (invoice.status, invoice.total, invoice.amount_due) == ("open", 4300, 4300)
    assert invoice.created == 1325473445
    assert [line.amount for line in invoice.lines.data] == [6300, -2000]
    invoice = shop.v1.invoices.pay(
        invoice.id, {"off_session": True, "expand": ["payments.data.payment.payment_intent"]}
    )
    assert (invoice.status, invoice.amount_paid, invoice.amount_remaining) == ("paid", 4300, 0)
    payment = invoice.payments.data[0]
    assert (payment.status, payment.payment.payment_intent.status) == ("paid", "succeeded")
    types = shop.event_types()
    assert types.index("invoice.finalized") < types.index("invoice.paid")
    error = refused(lambda: shop.v1.invoices.pay(invoice.id))
    assert "already paid" in str(error)


def test_numbers_are_gapless_and_each_customers_own(shop: Shop) -> None:
    customer, other = shop.customer(), shop.customer()
    deleted = shop.draft(customer.id, 100)
    shop.v1.invoices.delete(deleted.id)
    empty = shop.draft(customer.id)
    assert refused(lambda: shop.v1.invoices.finalize_invoice(empty.id)).code == (
        "invoice_no_customer_line_items"
    )
    numbers = [shop.open(customer.id, 1000).number for _ in range(3)]
    assert [number.rpartition("-")[2] for number in numbers] == ["0001", "0002", "0003"]
    assert shop.open(other.id, 1000).number.endswith("-0001")


@pytest.mark.parametrize(
    ("card", "code", "decline_code"),
    [
        ("pm_card_chargeCustomerFail", "card_declined", "generic_decline"),
        ("pm_card_authenticationRequired", "invoice_payment_intent_requires_action", None),
    ],
)
def test_a_payment_that_fails_leaves_the_invoice_open(
    shop: Shop, card: str, code: str, decline_code: str | None
) -> None:
    customer = shop.customer(card)
    invoice = shop.open(customer.id, 4300)
    error = declined(lambda: shop.v1.invoices.pay(invoice.id, {"off_session": True}))
    assert error.code == code
    body: Any = error.json_body
    assert body["error"].get("decline_code") == decline_code
    found = shop.v1.invoices.retrieve(
        invoice.id, {"expand": ["payments.data.payment.payment_intent"]}
    )
    assert (found.status, found.amount_remaining, found.attempt_count) == ("open", 4300, 1)
    assert "invoice.payment_failed" in shop.event_types()
    good = shop.v1.payment_methods.attach("pm_card_visa", {"customer": customer.id})
    paid = shop.v1.invoices.pay(invoice.id, {"payment_method": good.id})
    assert paid.status == "paid"


def test_the_payment_intent_tells_why_it_failed(shop: Shop) -> None:
    customer = shop.customer("pm_card_chargeCustomerFail")
    invoice = shop.open(customer.id, 4300)
    declined(lambda: shop.v1.invoices.pay(invoice.id))
    payments = shop.v1.invoice_payments.list(
        {"invoice": invoice.id, "expand": ["data.payment.payment_intent"]}
    )
    intent = payments.data[0].payment.payment_intent
    assert intent.status == "requires_payment_method"
    assert intent.last_payment_error.decline_code == "generic_decline"
    intent = shop.v1.payment_intents.retrieve(intent.id, {"expand": ["latest_charge"]})
    assert (intent.latest_charge.status, intent.latest_charge.paid) == ("failed", False)


def test_three_d_secure_waits_for_the_person(shop: Shop) -> None:
    customer = shop.customer("pm_card_authenticationRequired")
    invoice = shop.open(customer.id, 4300)
    declined(lambda: shop.v1.invoices.pay(invoice.id))
    assert "invoice.payment_action_required" in shop.event_types()
    page = requests.get(invoice.hosted_invoice_url, timeout=10).text
    assert "Complete authentication" in page and "Fail authentication" in page
    answer = requests.post(
        invoice.hosted_invoice_url, data={"action": "fail_authentication"}, timeout=10
    )
    assert answer.status_code == 402 and "unable to authenticate" in answer.text
    assert shop.v1.invoices.retrieve(invoice.id).status == "open"
    default = shop.v1.customers.retrieve(customer.id).invoice_settings.default_payment_method
    pay = {"action": "pay", "card": default}
    page = requests.post(invoice.hosted_invoice_url, data=pay, timeout=10).text
    assert "Complete authentication" in page
    requests.post(invoice.hosted_invoice_url, data={"action": "authenticate"}, timeout=10)
    assert shop.v1.invoices.retrieve(invoice.id).status == "paid"


def test_a_line_without_a_period_shows_none(shop: Shop) -> None:
    customer = shop.customer().id
    draft = shop.draft(customer, 4300)
    period = {"start": 1328234645, "end": 1330826645}
    line = {"amount": 100, "description": "With one", "period": period}
    shop.v1.invoices.add_lines(draft.id, {"lines": [line]})
    invoice = shop.v1.invoices.finalize_invoice(draft.id)
    page = requests.get(invoice.hosted_invoice_url, timeout=10).text
    assert page.count("2012-02-03 to 2012-03-04") == 1
    assert page.count('<td class="dates"></td>') == 1
    document = requests.get(invoice.invoice_pdf, timeout=10).content
    assert document.count(b"2012-02-03 to 2012-03-04") == 1
    assert document.count(b" to ") == 2, "the other is whom it is billed to"


def test_a_zero_total_is_paid_when_it_is_final(shop: Shop) -> None:
    customer = shop.customer(card=None)
    invoice = shop.open(customer.id, 500, -500)
    assert (invoice.status, invoice.amount_due) == ("paid", 0)
    assert {"invoice.finalized", "invoice.paid"} <= set(shop.event_types())


def test_credit_is_used_and_comes_back_when_the_invoice_is_void(shop: Shop) -> None:
    customer = shop.customer()
    shop.v1.customers.balance_transactions.create(
        customer.id, {"amount": -300, "currency": "usd", "description": "Goodwill"}
    )
    invoice = shop.open(customer.id, 1000)
    assert (invoice.total, invoice.amount_due) == (1000, 700)
    assert (invoice.starting_balance, invoice.ending_balance) == (-300, 0)
    voided = shop.v1.invoices.void_invoice(invoice.id)
    assert voided.status == "void" and voided.status_transitions.voided_at == 1325473445
    assert shop.v1.customers.retrieve(customer.id).balance == -300
    kinds = [t.type for t in shop.v1.customers.balance_transactions.list(customer.id).data]
    assert kinds == ["unapplied_from_invoice", "applied_to_invoice", "adjustment"]
    negative = shop.open(customer.id, -200)
    assert (negative.status, negative.ending_balance) == ("paid", -500)


def test_an_amount_too_small_to_charge_is_carried_over(shop: Shop) -> None:
    customer = shop.customer()
    invoice = shop.open(customer.id, 12)
    assert (invoice.status, invoice.amount_due, invoice.ending_balance) == ("paid", 0, 12)
    following = shop.open(customer.id, 1000)
    assert (following.amount_due, following.ending_balance) == (1012, 0)


def test_a_balance_has_one_currency(shop: Shop) -> None:
    customer = shop.customer()
    give = shop.v1.customers.balance_transactions.create
    give(customer.id, {"amount": -300, "currency": "USD"})
    error = refused(lambda: give(customer.id, {"amount": -300, "currency": "eur"}))
    assert error.param == "currency"
    assert shop.v1.customers.retrieve(customer.id).balance == -300
    draft = shop.draft(customer.id, 1000, currency="eur")
    error = refused(lambda: shop.v1.invoices.finalize_invoice(draft.id))
    assert error.param == "currency"
    assert shop.v1.invoices.retrieve(draft.id).status == "draft"


def test_sent_invoices_have_a_due_date(shop: Shop) -> None:
    customer = shop.customer(card=None)
    error = refused(lambda: shop.draft(customer.id, 100, collection_method="send_invoice"))
    assert error.param == "days_until_due"
    draft = shop.draft(customer.id, 5000, collection_method="send_invoice", days_until_due=30)
    sent = shop.v1.invoices.send_invoice(draft.id)
    assert (sent.status, sent.due_date) == ("open", 1325473445 + 30 * 86400)
    assert "invoice.sent" in shop.event_types()
    assert refused(lambda: shop.v1.invoices.pay(sent.id)).code == "missing"
    paid = shop.v1.invoices.pay(sent.id, {"paid_out_of_band": True})
    assert (paid.status, paid.amount_paid_off_stripe) == ("paid", 5000)
    card = shop.open(customer.id, 100)
    refused(lambda: shop.v1.invoices.send_invoice(card.id))


def test_what_is_written_off_can_still_be_paid(shop: Shop) -> None:
    customer = shop.customer()
    invoice = shop.open(customer.id, 4300)
    assert shop.v1.invoices.mark_uncollectible(invoice.id).status == "uncollectible"
    assert shop.v1.invoices.pay(invoice.id).status == "paid"


def test_a_final_invoice_changes_no_more(shop: Shop) -> None:
    customer = shop.customer()
    invoice = shop.open(customer.id, 4300)
    for call in (
        lambda: shop.v1.invoices.finalize_invoice(invoice.id),
        lambda: shop.v1.invoices.delete(invoice.id),
        lambda: shop.v1.invoices.update(invoice.id, {"description": "Other"}),
        lambda: shop.v1.invoices.add_lines(invoice.id, {"lines": [{"amount": 1}]}),
        lambda: shop.v1.invoice_items.create(
            {"customer": customer.id, "invoice": invoice.id, "amount": 1}
        ),
    ):
        assert refused(call).code == "invoice_not_editable"
    changed = shop.v1.invoices.update(invoice.id, {"metadata": {"a": "b"}})
    assert changed.metadata["a"] == "b"
    shop.v1.invoices.void_invoice(invoice.id)
    for call in (
        lambda: shop.v1.invoices.void_invoice(invoice.id),
        lambda: shop.v1.invoices.pay(invoice.id),
        lambda: shop.v1.invoices.mark_uncollectible(invoice.id),
    ):
        assert refused(call).code == "status_transition_invalid"
    draft = shop.draft(customer.id, 1)
    assert refused(lambda: shop.v1.invoices.void_invoice(draft.id)).code is not None


def test_at_most_250_items(shop: Shop) -> None:
    customer = shop.customer(card=None)
    draft = shop.draft(customer.id, *([1] * 250))
    assert draft.total == 250
    assert (len(draft.lines.data), draft.lines.has_more) == (10, True)
    lines = list(shop.v1.invoices.line_items.list(draft.id, {"limit": 100}).auto_paging_iter())
    assert len(lines) == 250
    error = refused(lambda: shop.v1.invoices.add_lines(draft.id, {"lines": [{"amount": 1}]}))
    assert "250" in str(error)
    assert shop.v1.invoices.retrieve(draft.id).total == 250


def test_add_lines_adds_all_or_none(shop: Shop) -> None:
    draft = shop.draft(shop.customer().id)
    lines = [{"amount": 1}, {"description": "An amount is missing"}]
    assert refused(lambda: shop.v1.invoices.add_lines(draft.id, {"lines": lines})).param == (
        "lines[1][amount]"
    )
    assert shop.v1.invoices.retrieve(draft.id).lines.data == []


def test_a_line_may_bring_its_own_price(shop: Shop) -> None:
    draft = shop.draft(shop.customer().id)
    price: dict[str, Any] = {
        "currency": "usd",
        "product_data": {"name": "License"},
        "unit_amount_decimal": "350",
    }

    def add(**line: Any) -> Any:
        return shop.v1.invoices.add_lines(draft.id, {"lines": [{"quantity": 18, **line}]})

    line = add(price_data=price).lines.data[0]
    assert (line.amount, line.quantity, line.pricing.unit_amount_decimal) == (6300, 18, 350)
    for wrong in (
        {"price_data": price | {"currency": "eur"}},
        {"price_data": price | {"unit_amount": 350}},
        {"price_data": price | {"unit_amount_decimal": "-1"}},
        {"price_data": price, "amount": 6300},
        {"price_data": {"currency": "usd", "unit_amount": 350}},
        {"unit_amount_decimal": "350"},
    ):
        refused(functools.partial(add, **wrong))
    assert shop.v1.invoices.retrieve(draft.id).total == 6300


def test_items_can_be_taken_off_a_draft(shop: Shop) -> None:
    customer = shop.customer()
    draft = shop.draft(customer.id, 100, 200)
    items = shop.v1.invoice_items.list({"invoice": draft.id}).data
    assert [item.amount for item in items] == [200, 100]
    assert shop.v1.invoice_items.delete(items[0].id).deleted is True
    found = shop.v1.invoices.retrieve(draft.id)
    assert (found.total, [line.amount for line in found.lines.data]) == (100, [100])
    assert shop.v1.invoice_items.retrieve(items[1].id).invoice == draft.id


def test_half_a_cent_is_rounded_away_from_zero(shop: Shop) -> None:
    customer = shop.customer()
    draft = shop.draft(customer.id)
    for unit, amount in (("0.5", 1), ("-0.5", -1), ("1.4", 1), ("33.333333333333", 33)):
        item = shop.v1.invoice_items.create(
            {"customer": customer.id, "invoice": draft.id, "unit_amount_decimal": unit}
        )
        assert item.amount == amount


def test_lists_are_filtered_and_paged(shop: Shop, clock: Callable[[str], None]) -> None:
    customer, other = shop.customer(), shop.customer()
    first = shop.open(customer.id, 1000)
    clock("2012-02-02T03:04:05Z")
    second = shop.open(customer.id, 1000)
    third = shop.draft(customer.id, 1000)
    shop.draft(other.id, 1000)
    shop.v1.invoices.pay(second.id)
    every = shop.v1.invoices.list({"customer": customer.id})
    assert [invoice.id for invoice in every.data] == [third.id, second.id, first.id]
    paid = shop.v1.invoices.list({"customer": customer.id, "status": "paid"})
    assert [invoice.id for invoice in paid.data] == [second.id]
    early = shop.v1.invoices.list({"created": {"lt": 1328151845}, "customer": customer.id})
    assert [invoice.id for invoice in early.data] == [first.id]
    page = shop.v1.invoices.list({"customer": customer.id, "limit": 1})
    assert page.has_more and [invoice.id for invoice in page.auto_paging_iter()] == [
        third.id,
        second.id,
        first.id,
    ]
    before = shop.v1.invoices.list({"customer": customer.id, "ending_before": first.id, "limit": 1})
    assert ([invoice.id for invoice in before.data], before.has_more) == ([second.id], True)


def test_refunds_are_capped(shop: Shop) -> None:
    customer = shop.customer()
    invoice = shop.open(customer.id, 4300)
    invoice = shop.v1.invoices.pay(invoice.id, {"expand": ["payments"]})
    intent = invoice.payments.data[0].payment.payment_intent
    refund = shop.v1.refunds.create(
        {"payment_intent": intent, "amount": 1300, "reason": "requested_by_customer"}
    )
    assert (refund.amount, refund.status) == (1300, "succeeded")
    assert refused(lambda: shop.v1.refunds.create({"payment_intent": intent, "amount": 3001}))
    rest = shop.v1.refunds.create({"charge": refund.charge})
    assert rest.amount == 3000
    again = refused(lambda: shop.v1.refunds.create({"charge": refund.charge}))
    assert again.code == "charge_already_refunded"
    assert shop.v1.charges.retrieve(refund.charge).refunded is True
    found = shop.v1.refunds.list({"charge": refund.charge})
    assert [item.id for item in found.data] == [rest.id, refund.id]
    assert shop.v1.refunds.retrieve(refund.id).amount == 1300
    assert shop.event_types().count("charge.refunded") == 2


def test_what_is_not_imitated_is_refused(shop: Shop) -> None:
    customer = shop.customer()
    for params in (
        {"automatic_tax": {"enabled": True}},
        {"auto_advance": True},
    ):
        error = refused(functools.partial(shop.draft, customer.id, **params))
        assert "emulator does not support" in str(error)
    assert shop.draft(customer.id, automatic_tax={"enabled": False}).automatic_tax.enabled is False
    assert refused(
        lambda: shop.v1.invoice_items.create({"customer": customer.id, "amount": 1})
    ).param == ("invoice")
