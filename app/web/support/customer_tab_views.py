"""Tabs about one customer: uploads, people, deals, mails, notes and the audit log."""

from uuid import UUID

from flask import request, url_for
from flask.typing import ResponseReturnValue

from app.services.pages.seats import SeatsRange
from app.services.pages.staff_customer_audit import load_staff_audit_page
from app.services.pages.staff_customer_deals import load_deals_page
from app.services.pages.staff_customer_people import (
    load_notes_page,
    load_staff_mails_page,
    load_staff_people_page,
)
from app.services.pages.staff_customer_uploads import StaffUploadsPage, load_staff_uploads_page
from app.web.access import staff
from app.web.charts import SeatsChart, SeatsPoint, draw_seats
from app.web.context import get_context, get_read_session
from app.web.paging import asked_page, pages_of
from app.web.support import blueprint
from app.web.support.customer_pages import Tab, frame_of, show_tab
from app.web.wordings import staff_customer_tabs as words
from app.web.wordings.charges import range_words

for word in (
    words.agreed_discount_words,
    words.area_word,
    words.audit_action_words,
    words.audit_name,
    words.audit_value,
    words.coupon_words,
    words.health_tone,
    words.health_word,
    words.invitation_tone,
    words.invitation_word,
    words.mail_state_tone,
    words.mail_state_word,
    words.mail_title,
    words.offer_tone,
    words.offer_word,
    words.pending_words,
    words.sponsorship_tone,
    words.sponsorship_word,
    words.staff_uploads_headline,
):
    blueprint.add_app_template_filter(word)


@blueprint.get("/customers/<uuid:customer_uuid>/uploads/")
@staff()
def customer_uploads(customer_uuid: UUID) -> ResponseReturnValue:
    """Whether uploads arrive, the plot of what they say, and the rows behind it."""
    frame, ctx = frame_of(customer_uuid), get_context()
    asked = request.args.get("seats", "")
    chosen = SeatsRange(asked) if asked in set(SeatsRange) else SeatsRange.CYCLE
    page = load_staff_uploads_page(
        ctx, get_read_session(), frame, number=asked_page(), chosen=chosen, now=ctx.now()
    )
    endpoint = "support.customer_uploads"
    kept = {} if page.seats is None else {"seats": page.seats.range.value}
    return show_tab(
        "support/customer_uploads.html",
        frame,
        endpoint,
        page=page,
        pages=pages_of(endpoint, page.part, customer_uuid=frame.uuid, **kept),
        chart=_draw(page),
        ranges=_ranges(page),
    )


def _draw(page: StaffUploadsPage) -> SeatsChart | None:
    """People, and the licenses of the plan if there is one; None when nothing is known."""
    seats = page.seats
    steps = seats.steps if seats is not None else page.steps
    if not steps:
        return None
    start, end = (seats.start, seats.end) if seats is not None else (page.start, page.now)
    points = [SeatsPoint(step.at, step.people, step.licenses) for step in steps]
    return draw_seats(points, start=start, end=end, now=page.now)


def _ranges(page: StaffUploadsPage) -> list[Tab]:
    """The stretches of time to choose from; none when there is only one."""
    seats = page.seats
    if seats is None or len(seats.ranges) == 1:
        return []
    address = url_for("support.customer_uploads", customer_uuid=page.frame.uuid)
    return [
        Tab(range_words(each), f"{address}?seats={each.value}#seats", each is seats.range)
        for each in seats.ranges
    ]


@blueprint.get("/customers/<uuid:customer_uuid>/people/")
@staff()
def customer_people(customer_uuid: UUID) -> ResponseReturnValue:
    """Who manages the billing, who did, and who was asked to."""
    frame, ctx = frame_of(customer_uuid), get_context()
    page = load_staff_people_page(get_read_session(), frame, number=asked_page(), now=ctx.now())
    endpoint = "support.customer_people"
    pages = pages_of(endpoint, page.part, customer_uuid=frame.uuid)
    return show_tab("support/customer_people.html", frame, endpoint, page=page, pages=pages)


@blueprint.get("/customers/<uuid:customer_uuid>/deals/")
@staff()
def customer_deals(customer_uuid: UUID) -> ResponseReturnValue:
    """What staff agreed with the customer, what waits for an answer, and what was."""
    frame = frame_of(customer_uuid)
    page = load_deals_page(get_read_session(), frame, catalog=get_context().catalog)
    return show_tab("support/customer_deals.html", frame, "support.customer_deals", page=page)


@blueprint.get("/customers/<uuid:customer_uuid>/mails/")
@staff()
def customer_mails(customer_uuid: UUID) -> ResponseReturnValue:
    """Every mail about the customer or to its people; the body only where mail is caught."""
    frame = frame_of(customer_uuid)
    page = load_staff_mails_page(get_read_session(), frame, number=asked_page())
    endpoint = "support.customer_mails"
    return show_tab(
        "support/customer_mails.html",
        frame,
        endpoint,
        page=page,
        pages=pages_of(endpoint, page.part, customer_uuid=frame.uuid),
        shows_body=get_context().settings.is_demo_like,
    )


@blueprint.get("/customers/<uuid:customer_uuid>/notes/")
@staff()
def customer_notes(customer_uuid: UUID) -> ResponseReturnValue:
    """What staff wrote down for each other."""
    frame = frame_of(customer_uuid)
    page = load_notes_page(get_read_session(), frame, number=asked_page())
    endpoint = "support.customer_notes"
    pages = pages_of(endpoint, page.part, customer_uuid=frame.uuid)
    return show_tab("support/customer_notes.html", frame, endpoint, page=page, pages=pages)


@blueprint.get("/customers/<uuid:customer_uuid>/audit/")
@staff()
def customer_audit(customer_uuid: UUID) -> ResponseReturnValue:
    """Everything that was done, by whom, and what it changed; `area` narrows it."""
    frame, ctx = frame_of(customer_uuid), get_context()
    page = load_staff_audit_page(
        get_read_session(), frame, area=request.args.get("area") or None, number=asked_page()
    )
    endpoint = "support.customer_audit"
    kept = {} if page.area is None else {"area": page.area}
    return show_tab(
        "support/customer_audit.html",
        frame,
        endpoint,
        page=page,
        pages=pages_of(endpoint, page.part, customer_uuid=frame.uuid, **kept),
        currency=ctx.catalog.currency,
    )
