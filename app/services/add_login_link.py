"""The row behind every login link, whichever door it is for."""

from collections.abc import Mapping
from typing import Any

from app.domain.kinds import LoginDoor
from app.models.people import LoginLink
from app.services.audit import record_audit
from app.services.context import Actor
from app.services.login_links import LINK_LIVES
from app.services.unit_of_work import UnitOfWork


def add_login_link(
    work: UnitOfWork,
    *,
    door: LoginDoor,
    server_id: int,
    next_page: str | None,
    actor: Actor,
    organization_id: int | None = None,
    user_uuid: str | None = None,
    email: str = "",
    full_name: str = "",
    uri_scheme: str = "",
    details: Mapping[str, Any] | None = None,
) -> LoginLink:
    """Make a link for one login through that door, beginning now. The server must be claimed.

    `details` are added to the audit entry.
    """
    link = LoginLink(
        nonce=work.ctx.tokens.new_secret(),
        door=door,
        server_id=server_id,
        organization_id=organization_id,
        user_uuid=user_uuid,
        email=email,
        full_name=full_name,
        uri_scheme=uri_scheme,
        next_page=next_page,
        authenticated_at=work.now,
        expires_at=work.now + LINK_LIVES[door],
    )
    work.session.add(link)
    work.flush()
    record_audit(
        work,
        "login_link.created",
        actor=actor,
        server_id=server_id,
        organization_id=organization_id,
        after={"link": link.id, "door": door.value, **(details or {})},
    )
    return link
