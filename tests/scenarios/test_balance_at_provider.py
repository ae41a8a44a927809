"""Credit on the customer's balance at the provider pays for invoices when they are made final.

Rules: docs/rules/payments.md, "Credit on the balance".
"""

from app.domain.kinds import InvoiceStatus
from app.gateways.payments import RemoteInvoice
from app.services.customers import Payer, claim_payer
from app.services.provider_customer import ensure_provider_customer
from app.services.purchase_state import Outcome
from app.services.push_invoice import get_remote_invoice
from app.services.unit_of_work import unit_of_work
from tests.scenarios.story import Story
from tests.scenarios.test_purchases_by_invoice import rows, statuses


def give_credit(story: Story, payer: Payer, amount: int) -> str:
    """Put credit on the balance of a customer; returns the provider's customer."""
    with unit_of_work(story.ctx) as work:
        _, customer = claim_payer(work, payer)
        customer_id = customer.id
        work.commit()
    provider_customer = ensure_provider_customer(story.ctx, customer_id)
    story.payments.credit_balance(
        provider_customer,
        amount=amount,
        currency="usd",
        description="Unused time of Basic",
        reference="credit:1",
        key="credit:1",
    )
    return provider_customer


def remote(story: Story, invoice_id: int) -> RemoteInvoice:
    found = get_remote_invoice(story.ctx, invoice_id)
    assert found is not None
    return found


def applied(story: Story) -> list[object]:
    """What credit paid of each invoice, as we have stored it."""
    return [row["balance_applied"] for row in rows(story, "SELECT * FROM invoices ORDER BY id")]


def calls(story: Story, method: str) -> int:
    return [name for name, _ in story.payments.calls].count(method)


def test_a_purchase_that_credit_pays_charges_no_card(story: Story) -> None:
    acme = story.server(seats=(18,))
    payer = story.payer(acme)
    customer = give_credit(story, payer, 5000)
    assert story.upgrade(acme, card="declines").outcome is Outcome.PAID
    assert statuses(story, payer) == [("purchase:1", "paid")]
    assert calls(story, "pay_invoice") == 0
    found = remote(story, 1)
    assert (found.total, found.balance_applied, found.amount_paid) == (4300, 4300, 0)
    assert applied(story) == [4300]
    assert story.payments.credit_of(customer) == 700
    assert [plan["status"] for plan in story.export(payer)["plans"]] == ["active"]
    story.deliver_events()
    story.assert_nothing_left_to_do()


def test_a_card_pays_what_credit_leaves(story: Story) -> None:
    acme = story.server(seats=(18,))
    payer = story.payer(acme)
    customer = give_credit(story, payer, 5000)
    story.upgrade(acme)
    story.run_jobs_until("2012-02-03", acme)
    found = remote(story, 2)
    assert found.status is InvoiceStatus.PAID
    assert (found.balance_applied, found.amount_paid) == (700, found.total - 700)
    assert applied(story) == [4300, 700]
    assert calls(story, "pay_invoice") == 1
    assert story.payments.credit_of(customer) == 0
    story.assert_nothing_left_to_do()


def test_an_invoice_that_credit_pays_is_not_sent(story: Story) -> None:
    acme = story.server(seats=(18,))
    payer = story.payer(acme)
    give_credit(story, payer, 1_000_000)
    assert story.order(acme).outcome is Outcome.PAID
    assert calls(story, "send_invoice") == 0
    assert [plan["status"] for plan in story.export(payer)["plans"]] == ["active"]
    story.assert_nothing_left_to_do()


def test_an_answer_that_was_lost_takes_credit_once(story: Story) -> None:
    acme = story.server(seats=(18,))
    payer = story.payer(acme)
    customer = give_credit(story, payer, 5000)
    story.payments.fail("finalize_invoice", "after")
    story.upgrade(acme)
    story.on("2012-01-02 04:30:00").run_jobs()
    assert statuses(story, payer) == [("purchase:1", "paid")]
    assert calls(story, "pay_invoice") == 0
    assert story.payments.credit_of(customer) == 700
    steps = rows(story, "SELECT step, attempt FROM delivery_attempts ORDER BY id")
    assert [step["step"] for step in steps] == ["create", "lines", "finalize"]


def test_a_void_invoice_gives_its_credit_back(story: Story) -> None:
    acme = story.server(seats=(18,))
    payer = story.payer(acme)
    customer = give_credit(story, payer, 500)
    story.order(acme)
    assert story.payments.credit_of(customer) == 0
    story.order(acme, licenses=50)
    assert statuses(story, payer) == [("purchase:1", "void"), ("purchase:2", "open")]
    assert remote(story, 1).balance_applied == 0
    used = remote(story, 2).balance_applied
    assert used + story.payments.credit_of(customer) == 500
    assert applied(story) == [0, used]
