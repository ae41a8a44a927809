"""What all pages about one customer share: the header with its tabs."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from flask import current_app, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from app.domain.kinds import StaffRole
from app.services.pages.staff_customer_frame import CustomerFrame, load_frame
from app.web.context import get_context, get_fresh_read_session
from app.web.sessions import current_staff
from app.web.support.stripe_links import stripe_url


@dataclass(frozen=True, slots=True)
class Tab:
    """One page about a customer."""

    label: str
    url: str
    is_current: bool


def frame_of(customer_uuid: UUID) -> CustomerFrame:
    """The customer of the address. NotFoundError becomes the page for it."""
    return load_frame(get_fresh_read_session(), str(customer_uuid))


def show_tab(
    template: str, frame: CustomerFrame, endpoint: str, **values: Any
) -> ResponseReturnValue:
    """A page about a customer, with the tabs above it."""
    person = current_staff()
    assert person is not None, "the view is for staff only"
    return render_template(
        template,
        frame=frame,
        tabs=_tabs(frame, endpoint),
        may_act=person.role.may(StaffRole.SUPPORT),
        stripe_customer_url=stripe_url(
            get_context().settings, "customers", frame.stripe_customer_id
        ),
        **values,
    )


def _tabs(frame: CustomerFrame, current: str) -> list[Tab]:
    places = (
        ("support.customer", gettext("Overview")),
        ("support.customer_billing", gettext("Billing")),
        ("support.customer_ledger", gettext("Ledger")),
        ("support.customer_uploads", gettext("Uploads")),
        ("support.customer_people", gettext("People")),
        ("support.customer_deals", gettext("Deals")),
        ("support.customer_mails", gettext("Mails")),
        ("support.customer_notes", gettext("Notes")),
        ("support.customer_audit", gettext("Audit")),
        ("support.customer_organizations", gettext("Organizations")),
    )
    return [
        Tab(label, url_for(endpoint, customer_uuid=frame.uuid), endpoint == current)
        for endpoint, label in places
        if endpoint in current_app.view_functions
    ]
