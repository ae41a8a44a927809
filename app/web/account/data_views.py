"""Everything we keep about a customer, as a file for its own people."""

import json

from flask import Response, render_template
from flask.typing import ResponseReturnValue

from app.services.export_own_data import export_own_data
from app.services.identity import CustomerRef
from app.web.access import CUSTOMER, billing_user, current_actor
from app.web.account import blueprint
from app.web.context import get_context
from app.web.csv_files import csv_name


@blueprint.get(f"{CUSTOMER}/data/")
@billing_user()
def data(ref: CustomerRef) -> ResponseReturnValue:
    """What is in the file, and the button that makes it."""
    return render_template("account/data.html", ref=ref)


@blueprint.post(f"{CUSTOMER}/data/file/")
@billing_user()
def data_file(ref: CustomerRef) -> ResponseReturnValue:
    """POST makes the file, and notes in the log who took it."""
    ctx = get_context()
    found = export_own_data(ctx, ref, actor=current_actor())
    name = csv_name("billing-data", ref.host, ctx.now()).removesuffix(".csv")
    response = Response(
        json.dumps(found, indent=2, ensure_ascii=False), mimetype="application/json"
    )
    response.headers["Content-Disposition"] = f'attachment; filename="{name}.json"'
    response.headers["Cache-Control"] = "no-store"
    return response
