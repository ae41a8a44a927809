"""A server asks for a link by which one of its admins logs in to the billing of an organization."""

from dataclasses import dataclass

from app.domain.errors import BillingError
from app.domain.kinds import LoginDoor
from app.services.add_login_link import add_login_link
from app.services.context import Actor, Context
from app.services.entitlement import load_organization_of
from app.services.login_links import LINK_PURPOSES
from app.services.unit_of_work import unit_of_work


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateBillingLink:
    """Who wants to log in where. `next_page` is a name of the wire protocol's list, or None;
    `key_hash` is that of the key by which the server proved itself, None when it did not have to.
    """

    server_id: int
    key_hash: str | None = None
    organization_uuid: str
    user_uuid: str
    email: str
    full_name: str
    uri_scheme: str
    next_page: str | None


def create_billing_link(ctx: Context, command: CreateBillingLink, *, actor: Actor) -> str:
    """The address on the portal that the browser is sent to; it carries nothing but a signed
    number that means the row made here.

    Raises BillingError `organization_unknown` (the server uploads and asks again),
    `organization_of_other_server`, `server_deactivated` or `server_credentials`.
    """
    with unit_of_work(ctx) as work:
        server = work.claim_server(command.server_id)
        if server.deactivated_at is not None:
            raise BillingError("server_deactivated")
        if command.key_hash not in (None, server.key_hash):
            # The registration changed hands since the key was looked at: all links ended then, and
            # whoever has the old key may not make another one.
            raise BillingError("server_credentials", uuid=server.uuid)
        organization = load_organization_of(
            work.session, ctx.catalog, server, uuid=command.organization_uuid
        )
        if organization.locally_deleted_at is not None or organization.deactivated:
            # Since somebody logs in there, our knowledge is old: an upload brings it up to date.
            raise BillingError("organization_unknown")
        link = add_login_link(
            work,
            door=LoginDoor.PRODUCT,
            server_id=server.id,
            organization_id=organization.id,
            user_uuid=command.user_uuid,
            email=command.email,
            full_name=command.full_name,
            uri_scheme=command.uri_scheme,
            next_page=command.next_page,
            actor=actor,
        )
        nonce = link.nonce
        work.commit()
    token = ctx.tokens.sign(LINK_PURPOSES[LoginDoor.PRODUCT], nonce)
    return f"{ctx.settings.base_url}/remote-billing-login/{token}"
