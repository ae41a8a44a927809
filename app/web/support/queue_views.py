"""The queues of staff: all of them with their counts, each by itself, and what is done from there."""

from dataclasses import dataclass

from flask import abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import TextAreaField
from wtforms.validators import InputRequired, Length

from app.domain.errors import BillingError
from app.domain.kinds import StaffRole
from app.services.answer_help import (
    LONGEST_ANSWER,
    close_help_request,
    close_several,
    load_help_request,
)
from app.services.late_falls import list_late_falls, resolve_late_fall
from app.services.pages.paging import PAGE_SIZE
from app.services.pages.queue_columns import What
from app.services.pages.queue_sources import Queue
from app.services.pages.queues import OURS, QueueItem, load_queue_counts, load_queue_page
from app.services.queue_work import charge_several, close_interrupted, unpark_several
from app.services.staff_change import LONGEST_REASON
from app.web.access import current_staff_actor, staff
from app.web.context import get_context, get_fresh_read_session, get_read_session
from app.web.flashes import flash_done, flash_problem
from app.web.forms import clean_lines, clean_text, form_view
from app.web.paging import asked_page, pages_of
from app.web.sessions import current_staff
from app.web.support import blueprint
from app.web.support.actions.registry import all_actions
from app.web.support.addresses import action_address, customer_address
from app.web.wording import message_for
from app.web.wordings import queues as words

ROW_ID = "int(max=9223372036854775807)"
# What can be done for several at once.
TOGETHER = frozenset({Queue.PARKED, Queue.PAYMENTS, Queue.HELP})
# The acts that usually answer what waits, where they exist.
_ACTS = {
    Queue.SPONSORSHIPS: ("sponsorship-approve", "sponsorship-reject"),
    Queue.PARKED: ("unpark",),
    Queue.VANISHED: ("move-organization", "end-now"),
    Queue.OFFERS: ("offer-withdraw",),
    Queue.PAYMENTS: ("end-now",),
}

_DEALS = {
    What.DISCOUNT: ("discount",),
    What.FIXED_PRICE: ("offer-follow-up",),
    What.LEGACY: ("legacy-extend", "legacy-schedule"),
    What.SPONSORED: ("sponsorship-approve",),
}

for word in (
    words.queue_title,
    words.queue_note,
    words.queue_headline,
    words.queues_headline,
    words.turn_word,
    words.queue_item_text,
):
    blueprint.add_app_template_filter(word)


@dataclass(frozen=True, slots=True)
class Link:
    """A way to do something about what waits."""

    text: str
    url: str


@dataclass(frozen=True, slots=True)
class Count:
    """A queue and how much waits in it."""

    queue: Queue
    count: int
    url: str
    is_ours: bool


class AnswerForm(FlaskForm):
    """The answer to a request for help."""

    answer = TextAreaField(
        _l("Answer"),
        filters=[clean_lines],
        validators=[
            InputRequired(_l("Write an answer: the person gets it by mail.")),
            Length(max=LONGEST_ANSWER),
        ],
        description=_l("It goes to the person by mail, and the request is closed."),
        render_kw={"rows": 6},
    )


class ReasonForm(FlaskForm):
    """What was done about it."""

    reason = TextAreaField(
        _l("What was done"),
        filters=[clean_text],
        validators=[
            InputRequired(_l("Say what was done; it stands in the audit log.")),
            Length(max=LONGEST_REASON),
        ],
        description=_l("Stands in the audit log. No names or addresses of people."),
        render_kw={"rows": 2},
    )


@blueprint.get("/queues/")
@staff(StaffRole.READ_ONLY)
def queues() -> ResponseReturnValue:
    """Every queue and how much waits in it."""
    ctx = get_context()
    counts = load_queue_counts(get_read_session(), catalog=ctx.catalog, now=ctx.now())
    return render_template(
        "support/queues.html",
        counts=[
            Count(queue, count, url_for("support.queue", queue_name=queue.value), queue in OURS)
            for queue, count in counts.items()
        ],
        waiting=sum(counts[queue] for queue in OURS),
    )


@blueprint.get("/queues/<string:queue_name>/")
@staff(StaffRole.READ_ONLY)
def queue(queue_name: str) -> ResponseReturnValue:
    """One queue, a page at a time."""
    return _show_queue(_named(queue_name))


def _show_queue(which: Queue, problem: str | None = None, typed: str = "") -> str:
    ctx = get_context()
    page = load_queue_page(
        get_fresh_read_session(), which, number=asked_page(), catalog=ctx.catalog, now=ctx.now()
    )
    person = current_staff()
    may_act = person is not None and person.role.may(StaffRole.SUPPORT)
    return render_template(
        "support/queue.html",
        page=page,
        rows=[(item, _links(which, item, may_act=may_act)) for item in page.items],
        pages=pages_of("support.queue", page.part, queue_name=which.value),
        together=which in TOGETHER and may_act and bool(page.items),
        says_answer=which is Queue.HELP,
        problem=problem,
        typed=typed,
        longest=LONGEST_ANSWER if which is Queue.HELP else LONGEST_REASON,
        titles={key: str(act.title) for key, act in all_actions().items()},
    )


def _named(name: str) -> Queue:
    if name not in set(Queue):
        abort(404)
    return Queue(name)


def _links(which: Queue, item: QueueItem, *, may_act: bool) -> list[Link]:
    """Where something is done about it; nothing for who only reads."""
    if which is Queue.APPROVALS:
        return [Link(gettext("Look at it"), url_for("support.approval", action_id=item.key))]
    if not may_act:
        return []
    if which is Queue.HELP:
        return [Link(gettext("Answer"), url_for("support.help_answer", request_id=item.key))]
    if which is Queue.LATE_FALLS:
        return [Link(gettext("Resolve"), url_for("support.late_fall", fall_id=item.key))]
    if which is Queue.UNFINISHED:
        return [
            Link(gettext("Audit trail"), customer_address(item.uuid, "audit")),
            Link(gettext("Close"), url_for("support.unfinished_act", action_id=item.key)),
        ]
    acts = all_actions()
    keys = _ACTS.get(which, ()) if item.what is None else _DEALS.get(item.what, ())
    return [
        Link(str(acts[key].title), action_address(item.uuid, key)) for key in keys if key in acts
    ]


@blueprint.post("/queues/<string:queue_name>/")
@staff(StaffRole.SUPPORT)
def queue_together(queue_name: str) -> ResponseReturnValue:
    """POST does the same for several that were chosen."""
    which = _named(queue_name)
    if which not in TOGETHER:
        abort(404)
    keys = [int(key) for key in request.form.getlist("key") if key.isascii() and key.isdigit()]
    said = request.form.get("said", "")
    said = clean_lines(said) if which is Queue.HELP else clean_text(said)
    if not keys:
        return _show_queue(which, gettext("Choose at least one."), said), 400
    try:
        done, skipped = _do_together(which, [key for key in keys if key < 2**63][:PAGE_SIZE], said)
    except BillingError as error:
        return _show_queue(which, message_for(error), said), 400
    (flash_done if done else flash_problem)(words.together_said(which, done, skipped))
    return redirect(url_for("support.queue", queue_name=which.value), code=303)


def _do_together(which: Queue, keys: list[int], said: str) -> tuple[int, int]:
    ctx, actor, person = get_context(), current_staff_actor(), current_staff()
    assert person is not None, "the view is for staff only"
    if which is Queue.HELP:
        closed = close_several(
            ctx, keys, answer=said, staff_user_id=person.staff_user_id, actor=actor
        )
        return closed, len(keys) - closed
    do = unpark_several if which is Queue.PARKED else charge_several
    result = do(ctx, keys, reason=said, actor=actor)
    return result.done, result.skipped


# --- one by one ---


def _make_answer(request_id: int) -> FlaskForm:
    return AnswerForm()


def _show_help(form: FlaskForm, request_id: int) -> ResponseReturnValue:
    asked = load_help_request(get_fresh_read_session(), request_id)
    return render_template("support/help_request.html", form=form, asked=asked)


@blueprint.route(f"/queues/help/<{ROW_ID}:request_id>/", methods=["GET", "POST"])
@staff(StaffRole.SUPPORT)
@form_view(_make_answer, _show_help, fields={"help_answer_empty": "answer"})
def help_answer(form: AnswerForm, request_id: int) -> ResponseReturnValue:
    """Answer a request for help, which closes it."""
    person = current_staff()
    assert person is not None, "the view is for staff only"
    close_help_request(
        get_context(),
        request_id,
        answer=str(form.answer.data),
        staff_user_id=person.staff_user_id,
        actor=current_staff_actor(),
    )
    flash_done(gettext("The answer is on its way, and the request is closed."))
    return redirect(url_for("support.queue", queue_name=Queue.HELP.value), code=303)


def _make_reason(**_ids: int) -> FlaskForm:
    return ReasonForm()


def _show_fall(form: FlaskForm, fall_id: int) -> ResponseReturnValue:
    falls = list_late_falls(get_fresh_read_session(), everything=True)
    found = next((fall for fall in falls if fall.id == fall_id), None)
    if found is None:
        abort(404)
    tier = get_context().catalog.tiers.get(found.tier)
    return render_template(
        "support/late_fall.html",
        form=form,
        fall=found,
        tier_title=found.tier if tier is None else tier.title,
    )


@blueprint.route(f"/queues/late-falls/<{ROW_ID}:fall_id>/", methods=["GET", "POST"])
@staff(StaffRole.SUPPORT)
@form_view(_make_reason, _show_fall)
def late_fall(form: ReasonForm, fall_id: int) -> ResponseReturnValue:
    """Say what was done about a late fall."""
    resolve_late_fall(
        get_context(), fall_id, reason=str(form.reason.data), actor=current_staff_actor()
    )
    flash_done(gettext("The late fall is resolved."))
    return redirect(url_for("support.queue", queue_name=Queue.LATE_FALLS.value), code=303)


def _show_unfinished(form: FlaskForm, action_id: int) -> ResponseReturnValue:
    ctx = get_context()
    page = load_queue_page(
        get_fresh_read_session(), Queue.UNFINISHED, number=1, catalog=ctx.catalog, now=ctx.now()
    )
    found = next((item for item in page.items if item.key == action_id), None)
    if found is None:
        abort(404)
    act = all_actions().get(found.text or "")
    return render_template(
        "support/unfinished_act.html",
        form=form,
        item=found,
        title=str(act.title) if act is not None else found.text,
        trail_url=customer_address(found.uuid, "audit"),
    )


@blueprint.route(f"/queues/unfinished-acts/<{ROW_ID}:action_id>/", methods=["GET", "POST"])
@staff(StaffRole.SUPPORT)
@form_view(_make_reason, _show_unfinished)
def unfinished_act(form: ReasonForm, action_id: int) -> ResponseReturnValue:
    """Say what became of an act that was interrupted."""
    close_interrupted(
        get_context(), action_id, reason=str(form.reason.data), actor=current_staff_actor()
    )
    flash_done(gettext("The act is closed."))
    return redirect(url_for("support.queue", queue_name=Queue.UNFINISHED.value), code=303)
