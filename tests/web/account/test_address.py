"""The name and address on invoices: entered, kept, told to the provider, told again."""

import pytest
from sqlalchemy import select

from app.jobs.deliver import deliver
from app.models import AuditEntry, Customer
from tests.support.shop import Shop, headline, words

RIGHT = {
    "name": "Acme Ltd",
    "email": "books@acme.test",
    "line1": "1 High Street",
    "city": "Leeds",
    "postal_code": "LS1 1AA",
    "country": "GB",
}


def enter(shop: Shop, **values: str) -> str:
    page = shop.client.submit(
        shop.get("billing-address"),
        RIGHT | values,
        action="/billing-address/",
        follow_redirects=True,
    )
    return words(page)


def test_it_reaches_the_provider_at_once_or_with_the_next_delivery(shop: Shop) -> None:
    shop.open(people=18)
    assert headline(shop.get("billing-address")) == "Say who invoices are made out to."
    enter(shop)
    with shop.ctx.sessions() as session:
        customer = session.scalars(select(Customer)).one()
        assert (customer.billing_name, customer.address_country) == ("Acme Ltd", "GB")
        assert customer.billing_pushed_at is None, "the provider does not know it yet"
    shop.has_card().buy()
    deliver(shop.ctx)
    with shop.ctx.sessions() as session:
        customer = session.scalars(select(Customer)).one()
        assert customer.billing_pushed_at == customer.billing_entered_at
    enter(shop, city="York")
    with shop.ctx.sessions() as session:
        customer = session.scalars(select(Customer)).one()
        assert customer.billing_pushed_at == customer.billing_entered_at
        found = session.scalars(
            select(AuditEntry)
            .where(AuditEntry.action == "customer.billing_details_changed")
            .order_by(AuditEntry.id.desc())
        ).first()
        assert found is not None and found.after == {"parts": ["city"]}
    assert headline(shop.get("billing-address")) == "Invoices are made out to Acme Ltd."


@pytest.mark.sqlite_only
@pytest.mark.parametrize("fault", ["before", "after", "stored"])
def test_a_provider_that_does_not_answer_is_told_later(shop: Shop, fault: str) -> None:
    shop.open(people=18).has_card().buy()
    shop.payments.fail("update_customer", fault)
    said = enter(shop)
    assert "We tell it again by ourselves" in said
    deliver(shop.ctx)
    assert "We tell it again" not in words(shop.get("billing-address"))
    with shop.ctx.sessions() as session:
        customer = session.scalars(select(Customer)).one()
        assert customer.billing_pushed_at == customer.billing_entered_at


@pytest.mark.sqlite_only
@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"name": " "}, "Enter the name"),
        ({"email": "nobody"}, "complete email address"),
        ({"line1": "x" * 201}, "There is a problem"),
        ({"country": "ZZZ"}, "Choose one of the options."),
    ],
)
def test_what_is_no_address_is_told(shop: Shop, values: dict[str, str], told: str) -> None:
    shop.open(people=18)
    assert told in enter(shop, **values)
    with shop.ctx.sessions() as session:
        assert session.scalars(select(Customer.billing_entered_at)).all() in ([], [None])
