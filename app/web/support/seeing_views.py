"""See it as the customer sees it: into the customer's own pages, and back."""

from uuid import UUID

from flask import redirect, url_for
from flask.typing import ResponseReturnValue

from app.domain.kinds import KIND_PROFILES
from app.services.see_as import begin_to_see
from app.web.access import current_staff_actor, staff
from app.web.context import get_context
from app.web.seeing import begin_seeing, stop_seeing
from app.web.support import blueprint


@blueprint.post("/customers/<uuid:customer_uuid>/see/")
@staff()
def see(customer_uuid: UUID) -> ResponseReturnValue:
    """Look at the customer's own pages, which is written down; nothing can be done there."""
    kind, uuid = begin_to_see(get_context(), str(customer_uuid), actor=current_staff_actor())
    begin_seeing(kind, uuid)
    address = url_for("portal.billing", prefix=KIND_PROFILES[kind].url_prefix, entity_uuid=uuid)
    return redirect(address, code=303)


@blueprint.post("/seeing/stop/")
@staff()
def see_stop() -> ResponseReturnValue:
    """Back to the customer's page of the console."""
    uuid = stop_seeing()
    if uuid is None:
        return redirect(url_for("support.search"), code=303)
    return redirect(url_for("support.customer", customer_uuid=uuid), code=303)
