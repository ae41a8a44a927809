"""The list of invoices, and one invoice with the reasons of each line."""

import re
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from app.domain.kinds import Collection, InvoiceStatus
from app.models.audit import AuditEntry
from app.models.customers import Customer
from app.models.invoices import Invoice
from app.models.plans import Plan
from app.services.unit_of_work import unit_of_work
from tests.support.login import begin_server_session, load_known_server
from tests.support.shop import Shop, counted_queries, headline, words


def add_invoices(shop: Shop, number: int) -> None:
    """Paid invoices of earlier months, without lines."""
    with unit_of_work(shop.ctx) as work:
        customer = work.session.scalars(select(Customer)).unique().one()
        for n in range(number):
            work.session.add(
                Invoice(
                    customer_id=customer.id,
                    boundary=work.now - timedelta(days=30 * (n + 1)),
                    group_key=f"usd|charge_automatically|cycle{n}",
                    status=InvoiceStatus.PAID,
                    currency="usd",
                    collection=Collection.CHARGE_AUTOMATICALLY,
                    total=1000 + n,
                    number=f"OLD-{n:04d}",
                    created_at=work.now,
                )
            )
        work.commit()


def test_nothing_was_charged_yet(shop: Shop) -> None:
    page = shop.open(18).get("invoices")
    assert headline(page) == "You have no invoices."
    assert "Your first invoice comes with your first plan." in words(page)


def test_a_list_with_state_period_and_amount(shop: Shop) -> None:
    shop.open(18).buy().run_until("2012-02-02")
    page = shop.get("invoices")
    said = words(page)
    assert headline(page) == "You have 2 invoices, and nothing to pay."
    assert said.index("2 February 2012 – 2 March 2012") < said.index(
        "2 January 2012 – 2 February 2012"
    )
    assert page.text.count('tag tag-good">Paid<') == 2 and said.count("$43.00") == 2


def test_a_long_list_has_pages(shop: Shop) -> None:
    shop.open(18).buy()
    add_invoices(shop, 30)
    first, second = shop.get("invoices"), shop.get("invoices", "?page=2")
    assert "1–25 of 31" in words(first) and "26–31 of 31" in words(second)
    assert 'rel="next"' in first.text and 'rel="prev"' not in first.text
    assert 'rel="prev"' in second.text and 'rel="next"' not in second.text
    for nonsense in ("abc", "-1", "0", "", "9" * 40, "²", "1.5"):
        assert "1–25 of 31" in words(shop.get("invoices", f"?page={nonsense}"))
    assert "26–31 of 31" in words(shop.get("invoices", "?page=999")), "the last there is"


def test_the_added_licenses_lead_to_their_five_audit_rows(shop: Shop) -> None:
    shop.open(18).buy()
    shop.on("2012-01-04", uploads=False)
    shop.story.upload_seats(shop.server, 19, 20, 21, 22, 23)
    shop.run_until("2012-02-02")
    page = shop.get("invoices/2")
    assert headline(page) == "$76.85, paid on 2 February 2012."
    added, _, rest = words(page).partition("Basic - renewal")
    assert "5 licenses added on 4 January 4 January 2012 – 2 February 2012" in added
    assert re.findall(r"Licenses (\d+) → (\d+)", added) == [
        (str(n), str(n + 1)) for n in range(18, 23)
    ]
    assert re.findall(r"Person added row (\d+) of your server's audit log", added) == list("23456")
    assert "23 people: 1 owner, 22 members" in added
    assert added.count("4 January 2012, 03:04:05 UTC") == 5
    assert "5 people joined on 4 January. A license for 29 of 31 days of $3.50 costs $3.27" in added
    # The renewal names the row that its people were counted from.
    renewal, _, discount = rest.partition("New customer discount")
    assert "One license for each of 23 people." in renewal
    assert "Renewed with 23 licenses" in renewal and "The plan renewed" in renewal
    assert "row 6 of your server's audit log" in renewal
    assert "−$20.00" in discount and "Total $76.85" in discount


def test_the_first_invoice_says_how_many_were_counted(shop: Shop) -> None:
    shop.open(18).buy()
    said = words(shop.get("invoices/1"))
    assert "Plan started with 18 licenses" in said
    assert "Chosen by somebody who manages your billing" in said
    assert "18 people: 1 owner, 17 members" in said


def test_what_was_agreed_otherwise_is_not_explained_by_guessing(shop: Shop) -> None:
    shop.open(18).buy().on("2012-01-04", uploads=False)
    shop.story.upload_seats(shop.server, 19)
    shop.run_until("2012-02-02")
    assert "A license for 29 of 31 days of $3.50" in words(shop.get("invoices/2"))
    with unit_of_work(shop.ctx) as work:
        work.session.execute(update(Plan).values(price_per_license=400))
        work.commit()
    said = words(shop.get("invoices/2"))
    assert "1 person joined on 4 January." not in said and "A license for" not in said


def test_licenses_chosen_by_hand_say_so(shop: Shop) -> None:
    shop.open(18).buy(licenses=20)
    shop.on("2012-01-04")
    form = shop.get("plan/licenses")
    shop.client.submit(form, {"now-licenses": "22"}, action="/plan/licenses/")
    shop.run_until("2012-02-02")
    said = words(shop.get("invoices/2"))
    assert "2 licenses added on 4 January" in said and "Licenses 20 → 22" in said
    assert "2 licenses more were chosen on 4 January. A license for 29 of 31 days" in said
    assert "One license for each" not in said
    assert "Chosen by somebody who manages your billing" in said


def test_an_open_invoice_can_be_paid(shop: Shop) -> None:
    shop.open(18).buy().has_card("declines").run_until("2012-02-02")
    page = shop.get("invoices/2")
    assert headline(page) == "$43.00, to be paid."
    assert "The card was not accepted Your card was declined." in words(page)
    assert 'href="https://invoice.fake.test/' in page.text


def test_an_invoice_before_it_is_charged_is_an_estimate(shop: Shop) -> None:
    shop.open(18).buy()
    with unit_of_work(shop.ctx) as work:
        invoice = work.session.scalars(select(Invoice)).one()
        invoice.status, invoice.number = InvoiceStatus.DRAFT, None
        invoice.boundary = work.now + timedelta(days=3)
        invoice_id = invoice.id
        work.commit()
    page = shop.get(f"invoices/{invoice_id}")
    assert headline(page) == "$43.00, will be charged on 5 January 2012."
    assert "This is an estimate until it is charged" in words(page)
    assert "Draft" in words(shop.get("invoices"))


@pytest.mark.parametrize("status", [InvoiceStatus.VOID, InvoiceStatus.UNCOLLECTIBLE])
def test_an_invoice_that_is_over(shop: Shop, status: InvoiceStatus) -> None:
    shop.open(18).buy()
    with unit_of_work(shop.ctx) as work:
        invoice = work.session.scalars(select(Invoice)).one()
        invoice.status, invoice.paid_at = status, None
        invoice.voided_at = work.now if status is InvoiceStatus.VOID else None
        invoice_id = invoice.id
        work.commit()
    told = headline(shop.get(f"invoices/{invoice_id}"))
    assert told in {"$43.00, void: nothing was charged.", "$43.00, written off."}


def change_invoice(shop: Shop, **values: Any) -> int:
    """Give the one invoice there is other values; its id."""
    with unit_of_work(shop.ctx) as work:
        invoice = work.session.scalars(select(Invoice)).one()
        for name, value in values.items():
            setattr(invoice, name, value)
        invoice_id = invoice.id
        work.commit()
    return invoice_id


def test_a_payment_that_went_back(shop: Shop) -> None:
    shop.open(18).buy()
    invoice_id = change_invoice(shop, refunded_at=shop.clock.now() + timedelta(days=1))
    page = shop.get(f"invoices/{invoice_id}")
    assert headline(page) == "$43.00, paid and paid back on 3 January 2012."
    assert "the whole of it went back" in words(page)
    assert 'tag tag-neutral">Refunded<' in shop.get("invoices").text


def test_a_sent_invoice_says_until_when_it_can_be_paid(shop: Shop) -> None:
    shop.open(18).buy()
    due_at = shop.clock.now() + timedelta(days=30)
    values = {"collection": Collection.SEND_INVOICE, "status": InvoiceStatus.OPEN}
    invoice_id = change_invoice(shop, due_at=due_at, paid_at=None, **values)
    page = shop.get(f"invoices/{invoice_id}")
    assert headline(page) == "$43.00, to be paid by 1 February 2012."
    assert "How it is paid Invoice" in words(page)
    assert "due 1 February 2012" in words(shop.get("invoices"))
    shop.on("2012-02-05")
    page = shop.get(f"invoices/{invoice_id}")
    assert headline(page) == "$43.00, due since 1 February 2012 and not paid."
    assert 'tag tag-bad">Overdue<' in page.text and "The time to pay is over" in words(page)
    assert 'tag tag-bad">Overdue<' in shop.get("invoices").text


def test_what_a_credit_leaves_is_told_with_its_sign(shop: Shop) -> None:
    shop.open(18).buy()
    said = words(shop.get("invoices/1"))
    assert "New customer discount" in said and "1 −$20.00 −$20.00" in said


# --- choosing some ---


def test_a_list_is_narrowed_by_state_and_year(shop: Shop) -> None:
    shop.open(18).buy()
    add_invoices(shop, 5)
    with unit_of_work(shop.ctx) as work:
        work.session.execute(
            update(Invoice).where(Invoice.number == "OLD-0002").values(status=InvoiceStatus.VOID)
        )
        work.commit()
    assert "OLD-0002" in words(shop.get("invoices", "?state=void"))
    assert "OLD-0001" not in words(shop.get("invoices", "?state=void"))
    assert "1 of 6 invoices." in words(shop.get("invoices", "?state=void"))
    said = words(shop.get("invoices", "?year=2011"))
    assert "5 of 6 invoices." in said and "OLD-0004" in said and "$43.00" not in said
    page = shop.get("invoices", "?state=paid&year=2011")
    assert "4 of 6 invoices." in words(page)
    assert '<option value="paid" selected>' in page.text
    assert '<option value="2011" selected>' in page.text
    # The file holds what the list shows.
    assert "/invoices.csv?state=paid&amp;year=2011" in page.text


def test_a_choice_is_kept_while_pages_are_turned(shop: Shop) -> None:
    shop.open(18).buy()
    add_invoices(shop, 60)
    page = shop.get("invoices", "?state=paid&page=2")
    assert "26–50 of 61" in words(page)
    assert "state=paid&amp;page=1" in page.text and "state=paid&amp;page=3" in page.text


def test_nothing_that_fits_leads_back_to_all(shop: Shop) -> None:
    shop.open(18).buy()
    page = shop.get("invoices", "?state=to-pay&year=1999")
    said = words(page)
    assert "No invoice fits this choice" in said and "You have 1 invoice in all." in said
    assert "Show all invoices" in said and "Save" not in said
    assert '<option value="1999" selected>' in page.text


@pytest.mark.parametrize(
    "query", ["?state=open", "?state=%00", "?year=99999", "?year=1e3", "?year=²012", "?year=-200"]
)
def test_a_choice_that_means_nothing_narrows_nothing(shop: Shop, query: str) -> None:
    shop.open(18).buy()
    page = shop.get("invoices", query)
    assert "Save all as CSV" in words(page) and "$43.00" in words(page)


def test_several_open_invoices_are_added_up(shop: Shop) -> None:
    shop.open(18).buy()
    add_invoices(shop, 3)
    with unit_of_work(shop.ctx) as work:
        work.session.execute(
            update(Invoice).where(Invoice.number.like("OLD-%")).values(status=InvoiceStatus.OPEN)
        )
        work.commit()
    page = shop.get("invoices")
    assert headline(page) == "3 invoices wait for their payment: $30.03."
    assert "Show what is to be paid" in words(page)
    page = shop.get("invoices", "?state=to-pay")
    assert "3 of 4 invoices." in words(page) and "Show what is to be paid" not in words(page)


def test_the_one_open_invoice_can_be_paid_from_any_choice(shop: Shop) -> None:
    shop.open(18).buy().has_card("declines").run_until("2012-02-02")
    page = shop.get("invoices", "?state=paid")
    assert headline(page) == "1 invoice waits for its payment: $43.00."
    assert "Pay $43.00" in words(page) and 'tag tag-bad">Payment failed<' not in page.text
    assert f'action="{shop.page("invoices/2/pay")}"' in page.text
    assert 'tag tag-bad">Payment failed<' in shop.get("invoices").text


def test_a_server_has_invoices_too(shop: Shop) -> None:
    shop.open(18)
    shop.story.upgrade(shop.server, organization=None)
    known = load_known_server(shop.ctx, shop.organization.server_id)
    begin_server_session(shop.client, shop.ctx, known)
    page = shop.client.get(known.page("invoices"))
    assert headline(page) == "You have 1 invoice, and nothing to pay."
    assert f"/server/{known.uuid}/invoices.csv" in page.text
    assert shop.client.get(known.page("invoices/1")).status_code == 200


# --- receipts ---


def test_receipts_are_on_the_providers_page(shop: Shop) -> None:
    shop.open(18).buy()
    answer = shop.client.submit(shop.get("invoices"), action="/payments-page/")
    assert answer.status_code == 303
    assert answer.location.startswith("https://billing.fake.test/")
    with unit_of_work(shop.ctx) as work:
        opened = AuditEntry.action == "payments_page.opened"
        actor = work.session.scalars(select(AuditEntry.actor).where(opened)).one()
    assert actor.startswith("billing_user:")
    policy = shop.get("invoices").headers["Content-Security-Policy"]
    assert "https://billing.stripe.com" in policy.partition("form-action")[2].partition(";")[0]


def test_without_any_payment_there_are_no_receipts(shop: Shop) -> None:
    page = shop.open(18).get("invoices")
    assert "Receipts" not in words(page)
    found = re.search(r'name="csrf_token" value="([^"]+)"', shop.get("billing").text)
    assert found is not None
    answer = shop.client.post(shop.page("payments-page"), data={"csrf_token": found[1]})
    assert answer.status_code == 404


def test_a_provider_that_does_not_answer_leads_back(shop: Shop) -> None:
    shop.open(18).buy()
    shop.payments.fail("create_portal_session")
    answer = shop.client.submit(shop.get("invoices"), action="/payments-page/")
    assert (answer.status_code, answer.location) == (303, shop.page("invoices"))
    assert "does not answer right now" in words(shop.get("invoices"))


def test_what_is_not_yours_is_not_there(shop: Shop) -> None:
    shop.open(18).buy()
    other = shop.story.server(seats=(30,))
    shop.story.upgrade(other)
    for number in (2, 3, 999_999, 10**30):
        assert shop.get(f"invoices/{number}").status_code == 404
    for page in ("billing", "plans", "invoices", "invoices/2", "upgrade", "plan/end"):
        assert shop.client.get(shop.known(other).page(page)).status_code == 404


@pytest.mark.parametrize("changes", [2, 60])
def test_the_number_of_queries_does_not_grow(shop: Shop, changes: int) -> None:
    shop.open(18).buy()
    add_invoices(shop, changes)
    for n in range(changes):
        # Every other hour, so that there are many lines and many entries.
        shop.story.on(shop.clock.now() + timedelta(hours=2))
        shop.story.set_people(shop.server, 19 + n)
    shop.story.upload(shop.server)
    shop.run_until("2012-02-02")
    shop.get("billing")
    for name, most in (("invoices", 4), (f"invoices/{changes + 2}", 6), ("billing", 6)):
        with counted_queries() as queries:
            assert shop.get(name).status_code == 200
        assert len(queries) <= most, "\n".join([name, *queries])


def test_very_many_entries_behind_a_line_are_counted_not_listed(shop: Shop) -> None:
    shop.open(18).buy()
    shop.on("2012-01-04", uploads=False)
    shop.story.upload_seats(shop.server, *range(19, 139))
    assert "20 more changes are not shown." in words(shop.get("billing"))
    shop.run_until("2012-02-02")
    said = words(shop.get("invoices/2"))
    assert "120 licenses added on 4 January" in said
    assert "20 more changes are not shown." in said
