"""The pages of one customer: an organization or a server, whether it ever paid or not."""

import json
from uuid import UUID

from flask import Response
from flask.typing import ResponseReturnValue

from app.services.export_customer import export_customer
from app.services.pages.staff_customer import (
    load_organizations_page,
    load_staff_customer_page,
)
from app.services.pages.staff_customer_billing import (
    load_staff_billing_page,
    load_staff_invoice_page,
)
from app.services.pages.staff_customer_ledger import load_ledger_page
from app.services.pages.staff_customer_plans import load_plans_over_time
from app.services.staff_actions import load_facts
from app.web.access import staff
from app.web.context import get_context, get_read_session
from app.web.csv_files import csv_name
from app.web.paging import asked_page, pages_of
from app.web.sessions import current_staff
from app.web.support import blueprint
from app.web.support.actions.framework import ActionGroup
from app.web.support.actions.registry import available_actions
from app.web.support.customer_pages import frame_of, show_tab
from app.web.support.stripe_links import stripe_url
from app.web.support.timeline import draw_timeline
from app.web.wordings import staff_customer as words
from app.web.wordings import staff_customer_plans as plan_words

for word in (
    words.actor_words,
    words.delivery_outcome_word,
    words.delivery_step_word,
    words.delivery_words,
    words.end_words,
    words.next_invoice_words,
    words.next_plan_words,
    words.pays_words,
    words.people_words,
    words.plan_words,
    words.problem_words,
    words.row_amount,
    words.staff_customer_headline,
    words.staff_kind_word,
    plan_words.end_reason_words,
    plan_words.span_price,
    plan_words.span_words,
):
    blueprint.add_app_template_filter(word)


@blueprint.get("/customers/<uuid:customer_uuid>/")
@staff()
def customer(customer_uuid: UUID) -> ResponseReturnValue:
    """Who it is, what they pay, what comes, what is wrong, and what can be done."""
    frame = frame_of(customer_uuid)
    ctx, session = get_context(), get_read_session()
    person = current_staff()
    assert person is not None, "the view is for staff only"
    page = load_staff_customer_page(ctx, session, frame, now=ctx.now())
    plans = load_plans_over_time(session, frame, catalog=ctx.catalog, now=page.now)
    facts = load_facts(session, frame.payer)
    entries = available_actions(facts, frame.payer, ctx.catalog, person.role)
    menu = [
        (group, members)
        for group in ActionGroup
        if (members := [entry for entry in entries if entry.group is group])
    ]
    return show_tab(
        "support/customer.html",
        frame,
        "support.customer",
        page=page,
        menu=menu,
        plans=draw_timeline(plans) if plans is not None else None,
    )


@blueprint.get("/customers/<uuid:customer_uuid>/export.json")
@staff()
def customer_export(customer_uuid: UUID) -> ResponseReturnValue:
    """The same JSON that `flask billing export` prints."""
    frame, ctx = frame_of(customer_uuid), get_context()
    found = export_customer(get_read_session(), uuid=frame.uuid, now=ctx.now())
    name = csv_name("export", frame.host, ctx.now()).removesuffix(".csv")
    response = Response(json.dumps(found, indent=2) + "\n", mimetype="application/json")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}.json"'
    return response


@blueprint.get("/customers/<uuid:customer_uuid>/organizations/")
@staff()
def customer_organizations(customer_uuid: UUID) -> ResponseReturnValue:
    """Every organization of the customer's server."""
    frame, ctx = frame_of(customer_uuid), get_context()
    page = load_organizations_page(
        get_read_session(), frame, catalog=ctx.catalog, number=asked_page(), now=ctx.now()
    )
    endpoint = "support.customer_organizations"
    pages = pages_of(endpoint, page.part, customer_uuid=frame.uuid)
    return show_tab("support/customer_organizations.html", frame, endpoint, page=page, pages=pages)


@blueprint.get("/customers/<uuid:customer_uuid>/billing/")
@staff()
def customer_billing(customer_uuid: UUID) -> ResponseReturnValue:
    """Invoices and how each came to be paid, or not."""
    frame, ctx = frame_of(customer_uuid), get_context()
    page = load_staff_billing_page(get_read_session(), frame, number=asked_page(), now=ctx.now())
    urls = {
        key: stripe_url(ctx.settings, "invoices", delivery.stripe_invoice_id)
        for key, delivery in page.deliveries.items()
    }
    endpoint = "support.customer_billing"
    pages = pages_of(endpoint, page.list.part, customer_uuid=frame.uuid)
    return show_tab(
        "support/customer_billing.html", frame, endpoint, page=page, pages=pages, stripe_urls=urls
    )


@blueprint.get("/customers/<uuid:customer_uuid>/billing/<int(max=9223372036854775807):invoice_id>/")
@staff()
def customer_invoice(customer_uuid: UUID, invoice_id: int) -> ResponseReturnValue:
    """One invoice: why each line, and every attempt at it."""
    frame, ctx = frame_of(customer_uuid), get_context()
    page = load_staff_invoice_page(ctx, get_read_session(), frame, invoice_id, now=ctx.now())
    url = stripe_url(ctx.settings, "invoices", page.delivery.stripe_invoice_id)
    return show_tab(
        "support/customer_invoice.html",
        frame,
        "support.customer_billing",
        page=page,
        stripe_invoice_url=url,
    )


@blueprint.get("/customers/<uuid:customer_uuid>/ledger/")
@staff()
def customer_ledger(customer_uuid: UUID) -> ResponseReturnValue:
    """Every change of licenses, with what caused it."""
    frame = frame_of(customer_uuid)
    page = load_ledger_page(
        get_read_session(), frame, catalog=get_context().catalog, number=asked_page()
    )
    endpoint = "support.customer_ledger"
    pages = pages_of(endpoint, page.part, customer_uuid=frame.uuid)
    return show_tab("support/customer_ledger.html", frame, endpoint, page=page, pages=pages)
