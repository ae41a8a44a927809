"""What happened about this customer, out of the audit log."""

from flask import render_template, request
from flask.typing import ResponseReturnValue

from app.services.identity import CustomerRef
from app.services.pages.activity import load_activity_page
from app.services.pages.activity_actions import ActivityKind
from app.web.access import CUSTOMER, billing_user
from app.web.account import blueprint
from app.web.context import get_context, get_read_session
from app.web.paging import asked_page, pages_of


@blueprint.get(f"{CUSTOMER}/activity/")
@billing_user()
def activity(ref: CustomerRef) -> ResponseReturnValue:
    """The log, newest first; `kind` in the address narrows it, a kind that is none does not."""
    asked = request.args.get("kind", "")
    kind = ActivityKind(asked) if asked in set(ActivityKind) else None
    page = load_activity_page(
        get_read_session(), ref, catalog=get_context().catalog, kind=kind, number=asked_page()
    )
    kept = {} if kind is None else {"kind": kind.value}
    pages = pages_of("account.activity", page.part, entity_uuid=ref.uuid, **kept)
    return render_template(
        "account/activity.html", ref=ref, page=page, pages=pages, kinds=tuple(ActivityKind)
    )
