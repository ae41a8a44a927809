"""The demo's own pages. They exist in demo and testing only, and only for this machine."""

from flask import Response, abort, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from flask_wtf import FlaskForm

from app.demo.desk import (
    DEMO_PASSWORD,
    DEMO_STAFF,
    CannotMove,
    PortalProblem,
    ask_for_billing,
    load_coupon,
    load_customers,
    load_time,
    load_trial_switch,
    own_server_address,
    start_move,
    switch_trials,
)
from app.services.caught_mails import list_caught_mails, load_caught_mail
from app.services.mail_choices import unsubscribe_address
from app.web.access import demo_only
from app.web.context import get_context, get_read_session
from app.web.demo import blueprint
from app.web.demo.forms import MoveForm
from app.web.demo.mail_text import split_links
from app.web.demo.words import NOTES, coupon_words, distance_from_real_time, what_happened
from app.web.flashes import flash_done, flash_problem
from app.web.forms import form_view
from app.web.security import allow_frames_of_ours, isolate


@blueprint.get("/demo/")
@demo_only
def overview() -> ResponseReturnValue:
    """Where everything is, and the sample customers."""
    ctx = get_context()
    return render_template(
        "demo/overview.html",
        customers=load_customers(ctx.settings),
        notes=NOTES,
        settings=ctx.settings,
        own_server=own_server_address(ctx.settings),
        trials=load_trial_switch(ctx.settings, ctx.catalog),
        coupon=coupon_words(load_coupon(get_read_session())),
        now=ctx.now(),
        staff_people=DEMO_STAFF,
        staff_password=DEMO_PASSWORD,
    )


@blueprint.post("/demo/trials/<any(on, off):state>/")
@demo_only
def trials(state: str) -> ResponseReturnValue:
    """Sell with a free trial from now on, or without."""
    ctx = get_context()
    try:
        switch_trials(ctx.settings, on=state == "on")
    except LookupError:
        abort(404)
    if state == "on":
        flash_done(gettext("Free trials are on for whoever never had a plan."))
    else:
        flash_done(gettext("Free trials are off. Those that run go on."))
    return redirect(url_for(".overview"), code=303)


@blueprint.post("/demo/customers/<string:name>/open/")
@demo_only
def open_billing(name: str) -> ResponseReturnValue:
    """Come to the billing of a sample customer, as its owner does from the gear menu or, for a
    server, by a link of our support."""
    try:
        return redirect(ask_for_billing(get_context(), name), code=303)
    except LookupError:
        abort(404)
    except PortalProblem as problem:
        flash_problem(gettext("The server could not get a link: %(code)s", code=problem.code))
        return redirect(url_for(".overview"), code=303)


@blueprint.get("/demo/mail/")
@demo_only
def mails() -> ResponseReturnValue:
    """Caught mails, newest first."""
    number = request.args.get("page", 1, type=int)
    page = list_caught_mails(get_read_session(), page=min(max(number, 1), 1_000_000))
    return render_template("demo/mails.html", page=page)


@blueprint.get("/demo/mail/<int:mail_id>/")
@demo_only
def mail(mail_id: int) -> ResponseReturnValue:
    """One mail: its text with our links, and its HTML in a frame."""
    content = load_caught_mail(get_read_session(), mail_id)
    allow_frames_of_ours()
    parts = split_links(content.text, base_url=get_context().settings.base_url)
    stop_url = None
    if content.kind is not None and content.billing_user_id is not None:
        stop_url = unsubscribe_address(get_context(), content.billing_user_id, content.kind)
    return render_template("demo/mail.html", mail=content.mail, parts=parts, stop_url=stop_url)


@blueprint.get("/demo/mail/<int:mail_id>/html/")
@demo_only
def mail_html(mail_id: int) -> Response:
    """The HTML part as it was made, for the frame."""
    content = load_caught_mail(get_read_session(), mail_id)
    return isolate(make_response(content.html))


def _make_move_form() -> FlaskForm:
    return MoveForm()


def _show_time(form: MoveForm) -> ResponseReturnValue:
    ctx = get_context()
    present = load_time(ctx.settings, ctx.clock)
    return render_template(
        "demo/time.html",
        form=form,
        time=present,
        distance=distance_from_real_time(present),
        happened=what_happened(present),
    )


@blueprint.route("/demo/time/", methods=["GET", "POST"])
@demo_only
@form_view(_make_move_form, _show_time)
def time(form: MoveForm) -> ResponseReturnValue:
    """What time it is here; POST moves it, which may take a minute and shows how far it is."""
    ctx = get_context()
    try:
        start_move(ctx.settings, ctx.clock, amount=form.amount.data or 1, unit=form.unit.data)
    except CannotMove:
        flash_problem(
            gettext("Time was not moved. Perhaps it is being moved already, or nothing of it runs.")
        )
    return redirect(url_for(".time"), code=303)
