"""A login link that our support makes for the contact of a server (login flow, "on behalf")."""

from app.domain.errors import BillingError
from app.domain.kinds import LoginDoor
from app.services.add_login_link import add_login_link
from app.services.context import Actor, Context
from app.services.login_links import LINK_PURPOSES, NEXT_PAGES
from app.services.servers import load_server_id
from app.services.unit_of_work import unit_of_work


def create_link_on_behalf(
    ctx: Context, server_uuid: str, *, next_page: str | None, actor: Actor, reason: str
) -> str:
    """The address that logs the server's contact in, for 24 hours and one login.

    It is bound to `contact_email` as it is now; whoever made it and why is in the audit log.
    `next_page` is a name out of NEXT_PAGES, or None for the page that fits the plan.
    Raises NotFoundError, or BillingError `server_deactivated` or `field_not_choice`.
    """
    if next_page is not None and next_page not in NEXT_PAGES:
        choices = ", ".join(NEXT_PAGES)
        raise BillingError("field_not_choice", field="next_page", choices=choices)
    with unit_of_work(ctx) as work:
        server = work.claim_server(load_server_id(work.session, uuid=server_uuid))
        if server.deactivated_at is not None:
            raise BillingError("server_deactivated")
        link = add_login_link(
            work,
            door=LoginDoor.ON_BEHALF,
            server_id=server.id,
            email=server.contact_email,
            next_page=next_page,
            actor=actor,
            details={"reason": reason, "next_page": next_page},
        )
        nonce = link.nonce
        work.commit()
    token = ctx.tokens.sign(LINK_PURPOSES[LoginDoor.ON_BEHALF], nonce)
    return f"{ctx.settings.base_url}/remote-billing-login/server/{token}"
