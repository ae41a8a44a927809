"""The billing page with its file, and the page for missing uploads. Nothing here writes."""

from collections.abc import Iterator

from flask import Response, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from app.services.identity import CustomerRef
from app.services.pages.billing import load_billing_page
from app.services.pages.seats import load_seats_by_day
from app.services.pages.uploads import UploadsState, load_uploads_page
from app.web.access import CUSTOMER, billing_user
from app.web.context import get_context, get_read_session
from app.web.csv_files import Cell, csv_name, csv_response
from app.web.portal import blueprint
from app.web.portal.charts import asked_range, draw_billing_chart, range_choices


@blueprint.get(f"{CUSTOMER}/billing/")
@billing_user()
def billing(ref: CustomerRef) -> ResponseReturnValue:
    """The plan, the next charge line by line, people and licenses, the card, what is owed."""
    ctx = get_context()
    page = load_billing_page(
        ctx, get_read_session(), ref.payer, now=ctx.now(), chosen=asked_range()
    )
    return render_template(
        "portal/billing.html",
        ref=ref,
        page=page,
        chart=draw_billing_chart(page),
        ranges=range_choices(ref, page),
    )


@blueprint.get(f"{CUSTOMER}/seats.csv")
@billing_user()
def seats_file(ref: CustomerRef) -> Response:
    """People and licenses at the end of each UTC day of the plan, as a file."""
    now = get_context().now()

    def read_rows() -> Iterator[tuple[Cell, ...]]:
        session = get_read_session()
        for each in load_seats_by_day(session, ref.payer, chosen=asked_range(), now=now):
            yield each.day, each.people, each.licenses

    name = csv_name("seats", ref.host, now)
    return csv_response(("date", "people", "licenses"), read_rows, file_name=name)


@blueprint.get(f"{CUSTOMER}/missing-data/")
@billing_user()
def missing_data(ref: CustomerRef) -> ResponseReturnValue:
    """How to get a server to upload again; billing when it does."""
    ctx = get_context()
    page = load_uploads_page(ctx, get_read_session(), ref.payer, now=ctx.now())
    if page.state is UploadsState.FRESH:
        return redirect(url_for(".billing", entity_uuid=ref.uuid))
    return render_template("portal/missing_data.html", page=page)
