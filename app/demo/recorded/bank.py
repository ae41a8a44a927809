"""The demo's bank gets to know recorded customers, so that what they owe later can be charged.

Their past payments are ours alone; from now on they are customers at the Stripe emulator, with one
of its test cards, and the jobs go on with them as with everybody.
"""

from dataclasses import dataclass

import requests
from sqlalchemy import exists, select

from app.domain.kinds import LIVE_STATUSES, Collection
from app.models.customers import Customer
from app.models.invoices import Invoice
from app.models.plans import Plan
from app.services.context import Context
from app.services.unit_of_work import unit_of_work

CARDS = {"visa": "pm_card_visa", "mastercard": "pm_card_mastercard", "amex": "pm_card_amex"}
# Can be entered, and is declined when it is charged.
BAD_CARD = "pm_card_chargeCustomerFail"
TIMEOUT = 30


@dataclass(frozen=True, slots=True)
class _Unknown:
    """A customer whom the bank does not know yet."""

    id: int
    uuid: str
    name: str
    token: str


@dataclass(frozen=True, slots=True)
class _Known:
    """What the bank calls it, and its card."""

    customer: str
    payment_method: str
    brand: str
    last4: str


def introduce_to_bank(ctx: Context) -> int:
    """Make everybody with a card and a running plan a customer of the emulator; returns how many.

    Raises requests' errors when it does not answer.
    """
    address = ctx.settings.emulator_url
    if address is None:
        return 0
    unknown = _list_unknown(ctx)
    known: dict[int, _Known] = {}
    with requests.Session() as session:
        session.trust_env = False
        session.headers["Authorization"] = f"Bearer {ctx.settings.stripe_secret_key}"
        for one in unknown:
            known[one.id] = _introduce(ctx, session, f"{address.rstrip('/')}/v1", one)
    with unit_of_work(ctx) as work:
        rows = select(Customer).where(Customer.id.in_(known))
        for customer in work.session.scalars(rows).unique():
            bank = known[customer.id]
            customer.stripe_customer_id = bank.customer
            customer.card_payment_method = bank.payment_method
            customer.card_brand, customer.card_last4 = bank.brand, bank.last4
        work.commit()
    return len(known)


def _list_unknown(ctx: Context) -> list[_Unknown]:
    owes = exists().where(Invoice.customer_id == Customer.id, Invoice.to_deliver)
    statement = (
        select(Customer.id, Customer.uuid, Customer.display_name, Customer.card_brand, owes)
        .join(Plan, Plan.customer_id == Customer.id)
        .where(
            Plan.status.in_(LIVE_STATUSES),
            Plan.collection == Collection.CHARGE_AUTOMATICALLY,
            Customer.card_last4.is_not(None),
            Customer.stripe_customer_id.is_(None),
        )
        .order_by(Customer.id)
    )
    with unit_of_work(ctx) as work:
        found = work.session.execute(statement).all()
    return [
        _Unknown(key, uuid, name, BAD_CARD if is_bad else CARDS.get(brand or "", CARDS["visa"]))
        for key, uuid, name, brand, is_bad in found
    ]


def _introduce(ctx: Context, session: requests.Session, api: str, one: _Unknown) -> _Known:
    customer = ctx.payments.create_customer(
        reference=one.uuid, name=one.name, email=None, key=f"recorded:{one.uuid}"
    )
    attached = session.post(
        f"{api}/payment_methods/{one.token}/attach", data={"customer": customer}, timeout=TIMEOUT
    )
    attached.raise_for_status()
    method = attached.json()
    made_default = session.post(
        f"{api}/customers/{customer}",
        data={"invoice_settings[default_payment_method]": method["id"]},
        timeout=TIMEOUT,
    )
    made_default.raise_for_status()
    card = method["card"]
    return _Known(customer, method["id"], card["brand"], card["last4"])
