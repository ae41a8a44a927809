"""The pages of every act: its form, its confirmation, and what waits for a second person."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from flask import abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from app.domain.errors import BillingError
from app.domain.kinds import StaffRole
from app.services.context import Context
from app.services.customers import Payer, load_payer
from app.services.preview_change import ChangePreview
from app.services.staff_actions import (
    ConfirmedAction,
    Facts,
    changed_facts,
    finish_action,
    load_facts,
    record_confirmed,
)
from app.services.staff_change import checked_reason
from app.web.access import current_staff_actor, staff
from app.web.context import get_context, get_fresh_read_session
from app.web.flashes import flash_done, flash_problem, flash_with_link
from app.web.forms import REFUSED
from app.web.sessions import current_staff
from app.web.support import blueprint
from app.web.support.actions.forms import ActionForm
from app.web.support.actions.framework import Action, Asked, Deed
from app.web.support.actions.registry import all_actions
from app.web.wording import message_for
from app.web.wordings.staff_actions import FactChange, describe_changes

SEEN_PURPOSE = "staff-action-seen"
CONFIRM_PURPOSE = "staff-action"
# What was looked at longer ago is looked at again before anything is done.
CONFIRM_AGE = timedelta(hours=1)
STALE = 409


@dataclass(frozen=True, slots=True)
class ActionPage:
    """The form of an act: for whom, and what changed since the person looked."""

    key: str
    title: str
    payer: Payer
    changes: tuple[FactChange, ...] = ()


@dataclass(frozen=True, slots=True)
class ConfirmPage:
    """The confirmation: what will happen, the next invoices without it and with it."""

    key: str
    title: str
    payer: Payer
    effect: tuple[str, ...]
    preview: ChangePreview[Any] | None
    reason: str
    needs_second: bool
    is_dangerous: bool
    token: str


def load_action_of(key: str) -> Action[Any]:
    """The act of that key for the person who is logged in; 404 for what is not theirs."""
    action = all_actions().get(key)
    person = current_staff()
    if action is None or person is None or not person.role.may(action.least):
        abort(404)
    return action


@blueprint.route("/customers/<uuid:customer_uuid>/do/<string:action_key>/", methods=["GET", "POST"])
@staff(StaffRole.SUPPORT)
def action(customer_uuid: UUID, action_key: str) -> ResponseReturnValue:
    """The form of an act. POST checks it and shows what it would do."""
    act = load_action_of(action_key)
    ctx, payer, facts = _look(customer_uuid)
    form = _make_form(act, ctx, payer)
    if request.method != "POST":
        why_not = act.unavailable(facts, payer, ctx.catalog)
        if why_not is not None:
            return render_template(
                "support/action_unavailable.html",
                page=_page(act, payer),
                why_not=str(why_not),
            )
        return _show(act, form, ctx, payer, facts)
    if not form.validate():
        return _show(act, form, ctx, payer, facts), REFUSED
    changes = _changes(ctx, payer, str(form.seen.data or ""), facts)
    if changes:
        return _show(act, form, ctx, payer, facts, changes=changes), STALE
    try:
        return _confirm_page(act, form, ctx, payer, facts)
    except BillingError as error:
        return _show_refused(act, form, ctx, payer, facts, error)


@blueprint.post("/customers/<uuid:customer_uuid>/do/<string:action_key>/confirm/")
@staff(StaffRole.SUPPORT)
def action_confirm(customer_uuid: UUID, action_key: str) -> ResponseReturnValue:
    """POST does what was confirmed, or lets it wait for a second person."""
    act = load_action_of(action_key)
    ctx, payer, facts = _look(customer_uuid)
    person = current_staff()
    assert person is not None, "the view is for staff only"
    value = _read(ctx, CONFIRM_PURPOSE, request.form.get("token", ""))
    here = {"uuid": payer.uuid, "action": act.key, "by": person.staff_user_id}
    if value is None or any(value[name] != wanted for name, wanted in here.items()):
        flash_problem(gettext("That confirmation is too old or not yours. Begin again."))
        return _to_form(act, payer)
    command = act.load(value["command"])
    changes = changed_facts(value["facts"], facts)
    if changes:
        flash_problem(
            gettext(
                "Nothing was done: the customer has changed since you looked. %(what)s",
                what=" ".join(change.sentence for change in describe_changes(ctx, changes)),
            )
        )
        return _to_form(act, payer)
    confirmed = ConfirmedAction(
        nonce=value["nonce"],
        action=act.key,
        payer=payer,
        command=value["command"],
        facts=value["facts"],
        effect=value["effect"],
        reason=value["reason"],
        asked_by=person.staff_user_id,
        needs_second=value["needs_second"],
    )
    actor = current_staff_actor()
    try:
        stored = record_confirmed(ctx, confirmed, actor=actor)
    except BillingError as error:
        flash_problem(message_for(error))
        return _to_customer(payer)
    if confirmed.needs_second:
        flash_done(gettext("It waits for a second person to approve it."))
        return redirect(url_for("support.approval", action_id=stored.id), code=303)
    return carry_out(act, ctx, payer, command, facts, stored.id, Deed(actor, stored.reason))


def carry_out(
    act: Action[Any],
    ctx: Context,
    payer: Payer,
    command: Any,
    facts: Facts,
    action_id: int,
    deed: Deed,
) -> ResponseReturnValue:
    """Do a running act, write down how it ended, and lead to the customer."""
    try:
        result = act.act(ctx, payer, command, deed, False)
    except BillingError as error:
        finish_action(ctx, action_id, error=error)
        flash_problem(message_for(error))
        return _to_form(act, payer)
    finish_action(ctx, action_id)
    said = act.done(Asked(ctx, payer, command, facts, result))
    flash_with_link(
        said,
        url_for("support.customer_audit", customer_uuid=payer.uuid),
        gettext("See the audit trail"),
    )
    return _to_customer(payer)


def _look(customer_uuid: UUID) -> tuple[Context, Payer, Facts]:
    ctx = get_context()
    session = get_fresh_read_session()
    payer = load_payer(session, uuid=str(customer_uuid))
    return ctx, payer, load_facts(session, payer)


def _make_form(act: Action[Any], ctx: Context, payer: Payer) -> ActionForm:
    form: ActionForm = act.form()
    if act.prepare is not None:
        act.prepare(form, ctx, get_fresh_read_session(), payer)
    return form


def _page(act: Action[Any], payer: Payer, changes: tuple[FactChange, ...] = ()) -> ActionPage:
    return ActionPage(key=act.key, title=str(act.title), payer=payer, changes=changes)


def _show(
    act: Action[Any],
    form: ActionForm,
    ctx: Context,
    payer: Payer,
    facts: Facts,
    *,
    changes: tuple[FactChange, ...] = (),
) -> str:
    form.seen.data = ctx.tokens.sign(SEEN_PURPOSE, {"uuid": payer.uuid, "facts": dict(facts)})
    return render_template(
        "support/action.html", page=_page(act, payer, changes), form=form, fields=form.own_fields()
    )


def _show_refused(
    act: Action[Any],
    form: ActionForm,
    ctx: Context,
    payer: Payer,
    facts: Facts,
    error: BillingError,
) -> ResponseReturnValue:
    message = message_for(error)
    name = act.fields.get(error.code)
    if name is not None and name in form:
        form[name].errors = [*form[name].errors, message]
    else:
        form.form_errors.append(message)
    return _show(act, form, ctx, payer, facts), REFUSED


def _confirm_page(
    act: Action[Any], form: ActionForm, ctx: Context, payer: Payer, facts: Facts
) -> str:
    command = act.read(form)
    reason = checked_reason(str(form.reason.data))
    deed = Deed(current_staff_actor(), reason)
    preview = act.try_out(ctx, payer, command, deed)
    asked = Asked(ctx, payer, command, facts, preview.result, preview)
    effect = act.sentences(asked)
    needs_second = act.weight(asked).needs_second(ctx.catalog)
    person = current_staff()
    assert person is not None, "the view is for staff only"
    value = {
        "uuid": payer.uuid,
        "action": act.key,
        "by": person.staff_user_id,
        "command": act.dump(command),
        "facts": dict(facts),
        "effect": list(effect),
        "reason": reason,
        "needs_second": needs_second,
        "nonce": ctx.tokens.new_secret(),
    }
    page = ConfirmPage(
        key=act.key,
        title=str(act.title),
        payer=payer,
        effect=effect,
        preview=preview if act.previews and not act.asks_provider else None,
        reason=reason,
        needs_second=needs_second,
        is_dangerous=act.is_dangerous,
        token=ctx.tokens.sign(CONFIRM_PURPOSE, value),
    )
    return render_template("support/action_confirm.html", page=page)


def _changes(ctx: Context, payer: Payer, seen: str, facts: Facts) -> tuple[FactChange, ...]:
    """What changed since the form was loaded; a form that does not say counts as just loaded."""
    value = _read(ctx, SEEN_PURPOSE, seen)
    if value is None or value["uuid"] != payer.uuid:
        return ()
    return describe_changes(ctx, changed_facts(value["facts"], facts))


def _read(ctx: Context, purpose: str, token: str) -> Mapping[str, Any] | None:
    try:
        value, _ = ctx.tokens.read(purpose, token, max_age=CONFIRM_AGE)
    except BillingError:
        return None
    return dict(value)


def _to_customer(payer: Payer) -> ResponseReturnValue:
    return redirect(url_for("support.customer", customer_uuid=payer.uuid), code=303)


def _to_form(act: Action[Any], payer: Payer) -> ResponseReturnValue:
    address = url_for("support.action", customer_uuid=payer.uuid, action_key=act.key)
    return redirect(address, code=303)
