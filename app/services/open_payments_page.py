"""Leading a person to the provider's page with receipts and the billing address."""

import secrets

from app.domain.errors import NotFoundError
from app.models.customers import Customer
from app.services.audit import record_audit
from app.services.context import Actor, Context
from app.services.provider_words import provider_words
from app.services.unit_of_work import unit_of_work


def open_payments_page(
    ctx: Context, customer_id: int | None, *, return_url: str, actor: Actor
) -> str:
    """The address of that page for a customer whom the provider knows, with a link back to
    `return_url`. It is good for a few minutes.

    Raises NotFoundError for a customer without any payment so far, and BillingError
    `payments_unavailable` or `payments_refused`.
    """
    with unit_of_work(ctx) as work:
        customer = work.session.get(Customer, customer_id) if customer_id is not None else None
        if customer is None or customer.stripe_customer_id is None:
            raise NotFoundError("payments_page")
        known_as = customer.stripe_customer_id
    with provider_words():
        # A key of its own for each visit: under an earlier one the provider would lead to a page
        # that is over.
        key = f"payments_page:{customer_id}:{secrets.token_hex(8)}"
        url = ctx.payments.create_portal_session(known_as, return_url=return_url, key=key)
    with unit_of_work(ctx) as work:
        record_audit(work, "payments_page.opened", actor=actor, customer_id=customer_id)
        work.commit()
    return url
