"""Leading a person to the provider's card page, also one whose organization has bought nothing."""

from app.services.card_setup import begin_card_setup
from app.services.context import Actor, Context
from app.services.customers import Payer, claim_payer
from app.services.unit_of_work import unit_of_work


def open_card_page(
    ctx: Context, payer: Payer, *, return_url: str, cancel_url: str, actor: Actor
) -> str:
    """The address of a card page for `payer`; makes its customer row if there is none.

    `{SESSION_ID}` in `return_url` becomes the id of the visit. Raises BillingError
    `payments_unavailable` or `payments_refused`.
    """
    with unit_of_work(ctx) as work:
        _, customer = claim_payer(work, payer)
        customer_id = customer.id
        work.commit()
    return begin_card_setup(
        ctx, customer_id, return_url=return_url, cancel_url=cancel_url, actor=actor
    )
