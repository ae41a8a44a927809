"""What waits for a second person: the list, one of them with its effect as of now, the decision."""

from dataclasses import dataclass
from typing import Any

from flask import abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import HiddenField, TextAreaField
from wtforms.validators import InputRequired, Length

from app.domain.errors import BillingError
from app.domain.kinds import StaffActionStatus, StaffRole
from app.services.context import Context, staff_actor
from app.services.customers import Payer, load_payer
from app.services.pages.staff_approvals import (
    ApprovalRow,
    load_approval_row,
    load_approvals_page,
)
from app.services.preview_change import ChangePreview
from app.services.staff_actions import (
    Facts,
    StoredAction,
    changed_facts,
    decide_action,
    load_action,
    load_facts,
)
from app.services.staff_change import LONGEST_REASON
from app.web.access import current_staff_actor, staff
from app.web.context import get_context, get_fresh_read_session
from app.web.flashes import flash_done, flash_problem
from app.web.forms import REFUSED, clean_text
from app.web.paging import asked_page, pages_of
from app.web.sessions import current_staff
from app.web.support import blueprint
from app.web.support.actions.framework import Action, Asked, Deed
from app.web.support.actions.registry import all_actions
from app.web.support.actions.views import CONFIRM_AGE, carry_out
from app.web.wording import message_for
from app.web.wordings.staff_actions import FactChange, describe_changes

SEEN_PURPOSE = "staff-approval-seen"


class DecisionForm(FlaskForm):
    """Why it is approved, rejected or withdrawn; `seen` is what the page showed, signed."""

    seen = HiddenField()
    reason = TextAreaField(
        _l("Your reason"),
        filters=[clean_text],
        validators=[InputRequired(), Length(max=LONGEST_REASON)],
        description=_l("Stands in the audit log. No names or addresses of people."),
        render_kw={"rows": 2},
    )


@dataclass(frozen=True, slots=True)
class ApprovalPage:
    """One act that waits or waited. `changes` are what is not as the person who asked saw it;
    `effect` and `preview` what it would do now; `refusal` why it could not be done now."""

    row: ApprovalRow
    title: str
    payer: Payer
    asked_effect: tuple[str, ...]
    changes: tuple[FactChange, ...]
    effect: tuple[str, ...]
    preview: ChangePreview[Any] | None
    refusal: str | None
    is_mine: bool
    is_tried: bool
    may_decide: bool


@blueprint.get("/approvals/")
@staff()
def approvals() -> ResponseReturnValue:
    """What waits for a second person, and what was decided."""
    page = load_approvals_page(get_fresh_read_session(), number=asked_page())
    titles = {key: str(action.title) for key, action in all_actions().items()}
    return render_template(
        "support/approvals.html",
        page=page,
        titles=titles,
        pages=pages_of("support.approvals", page.part),
    )


@blueprint.get("/approvals/<int(max=9223372036854775807):action_id>/")
@staff()
def approval(action_id: int) -> ResponseReturnValue:
    """One act: who asks for it and why, and what it was to do when it was asked for."""
    return _show(DecisionForm(), action_id)


@blueprint.post("/approvals/<int(max=9223372036854775807):action_id>/look/")
@staff(StaffRole.SUPPORT)
def approval_look(action_id: int) -> ResponseReturnValue:
    """POST tries it out as of now, and offers to approve it."""
    return _show(DecisionForm(None), action_id, tries=True)


@blueprint.post(
    "/approvals/<int(max=9223372036854775807):action_id>/<any(approve, reject, withdraw):decision>/"
)
@staff(StaffRole.SUPPORT)
def approval_decide(action_id: int, decision: str) -> ResponseReturnValue:
    """POST approves it, and does it at once; or rejects it; or takes it back."""
    ctx = get_context()
    stored, act, payer, facts = _look(ctx, action_id)
    form = DecisionForm()
    if not form.validate():
        return _show(form, action_id, tries=decision == "approve"), REFUSED
    if decision == "approve" and changed_facts(_seen(ctx, form, stored), facts):
        flash_problem(
            gettext("Nothing was done: the customer has changed since you looked. Look again.")
        )
        return _back(action_id)
    person = current_staff()
    assert person is not None, "the view is for staff only"
    statuses = {
        "approve": StaffActionStatus.RUNNING,
        "reject": StaffActionStatus.REJECTED,
        "withdraw": StaffActionStatus.WITHDRAWN,
    }
    try:
        decided = decide_action(
            ctx,
            payer,
            action_id,
            decided_by=person.staff_user_id,
            status=statuses[decision],
            reason=str(form.reason.data),
            actor=current_staff_actor(),
        )
    except BillingError as error:
        form.form_errors.append(message_for(error))
        return _show(form, action_id, tries=decision == "approve"), REFUSED
    if decision != "approve":
        flash_done(
            gettext("It was rejected.") if decision == "reject" else gettext("It was taken back.")
        )
        return _back(action_id)
    # Whoever asked for it does it; the audit log has the approval beside it.
    deed = Deed(staff_actor(stored.asked_by, ip=request.remote_addr), decided.reason)
    return carry_out(act, ctx, payer, act.load(stored.command), facts, action_id, deed)


def _look(ctx: Context, action_id: int) -> tuple[StoredAction, Action[Any], Payer, Facts]:
    session = get_fresh_read_session()
    stored = load_action(session, action_id)
    act = all_actions().get(stored.action)
    if act is None:
        abort(404)
    payer = load_payer(session, uuid=stored.payer_uuid)
    return stored, act, payer, load_facts(session, payer)


def _show(form: DecisionForm, action_id: int, *, tries: bool = False) -> str:
    ctx = get_context()
    stored, act, payer, facts = _look(ctx, action_id)
    row = load_approval_row(get_fresh_read_session(), action_id)
    person = current_staff()
    assert row is not None and person is not None, "both were just found"
    effect, preview, refusal = (
        _try_out(ctx, act, payer, stored, facts) if tries else ((), None, None)
    )
    waits = row.status is StaffActionStatus.WAITING
    form.seen.data = ctx.tokens.sign(SEEN_PURPOSE, {"id": action_id, "facts": dict(facts)})
    page = ApprovalPage(
        row=row,
        title=str(act.title),
        payer=payer,
        asked_effect=stored.effect,
        changes=describe_changes(ctx, changed_facts(stored.facts, facts)) if waits else (),
        effect=effect,
        preview=preview,
        refusal=refusal,
        is_mine=stored.asked_by == person.staff_user_id,
        is_tried=tries and waits,
        may_decide=waits and person.role.may(act.least),
    )
    return render_template("support/approval.html", page=page, form=form)


def _try_out(
    ctx: Context, act: Action[Any], payer: Payer, stored: StoredAction, facts: Facts
) -> tuple[tuple[str, ...], ChangePreview[Any] | None, str | None]:
    if stored.status is not StaffActionStatus.WAITING:
        return (), None, None
    command = act.load(stored.command)
    deed = Deed(staff_actor(stored.asked_by), stored.reason)
    try:
        preview = act.try_out(ctx, payer, command, deed)
    except BillingError as error:
        return (), None, message_for(error)
    effect = act.sentences(Asked(ctx, payer, command, facts, preview.result, preview))
    return effect, preview if act.previews and not act.asks_provider else None, None


def _seen(ctx: Context, form: DecisionForm, stored: StoredAction) -> Facts:
    """The facts that the page showed; those of whoever asked when the form does not say."""
    try:
        value, _ = ctx.tokens.read(SEEN_PURPOSE, str(form.seen.data or ""), max_age=CONFIRM_AGE)
    except BillingError:
        return stored.facts
    return dict(value["facts"]) if value["id"] == stored.id else stored.facts


def _back(action_id: int) -> ResponseReturnValue:
    return redirect(url_for("support.approval", action_id=action_id), code=303)
