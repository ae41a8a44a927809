"""Customers and invoices at a provider, for tests that begin with them."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from app.domain.kinds import Collection
from app.gateways.payments import RemoteInvoice, RemoteLine
from tests.gateways.worlds import World, unique

START = datetime(2012, 1, 2, 3, 4, 5, tzinfo=UTC)
PURCHASE = ((18, 350), (1, -2000))


def a_customer(world: World) -> str:
    return world.gateway.create_customer(
        reference=unique(), name="Acme", email="billing@acme.test", key=unique()
    )


def a_draft(
    world: World,
    customer_id: str,
    *,
    reference: str | None = None,
    collection: Collection = Collection.CHARGE_AUTOMATICALLY,
) -> RemoteInvoice:
    return world.gateway.create_invoice(
        customer_id,
        reference=reference or unique(),
        currency="usd",
        collection=collection,
        days_until_due=30 if collection is Collection.SEND_INVOICE else None,
        key=unique(),
    )


def some_lines(parts: Sequence[tuple[int, int]]) -> list[RemoteLine]:
    """Lines of (quantity, unit amount)."""
    return [
        RemoteLine(
            reference=f"line-{number}",
            description=f"Line {number}",
            quantity=quantity,
            unit_amount=unit,
            amount=quantity * unit,
            period_start=START,
            period_end=START + timedelta(days=31),
        )
        for number, (quantity, unit) in enumerate(parts)
    ]


def an_open_invoice(
    world: World,
    customer_id: str,
    *parts: tuple[int, int],
    reference: str | None = None,
    collection: Collection = Collection.CHARGE_AUTOMATICALLY,
) -> RemoteInvoice:
    draft = a_draft(world, customer_id, reference=reference, collection=collection)
    lines = some_lines(parts or PURCHASE)
    world.gateway.add_lines(draft.id, lines, currency="usd", key=unique())
    return world.gateway.finalize_invoice(draft.id, key=unique())
