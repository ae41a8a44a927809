"""The page of one customer: an organization or a server, whether it ever paid or not."""

from uuid import UUID

from flask import render_template
from flask.typing import ResponseReturnValue

from app.services.customers import load_payer
from app.services.staff_actions import load_facts
from app.web.access import staff
from app.web.context import get_context, get_fresh_read_session
from app.web.sessions import current_staff
from app.web.support import blueprint
from app.web.support.actions.registry import available_actions


@blueprint.get("/customers/<uuid:customer_uuid>/")
@staff()
def customer(customer_uuid: UUID) -> ResponseReturnValue:
    """Who it is, and what can be done."""
    session = get_fresh_read_session()
    payer = load_payer(session, uuid=str(customer_uuid))
    facts = load_facts(session, payer)
    person = current_staff()
    assert person is not None, "the view is for staff only"
    entries = available_actions(facts, payer, get_context().catalog, person.role)
    return render_template("support/customer.html", payer=payer, entries=entries)
