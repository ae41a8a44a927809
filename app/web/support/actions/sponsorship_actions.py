"""Acts about sponsorships: yes until a day, no with words to the people, one asked for by mail."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _l
from wtforms import TextAreaField
from wtforms.validators import InputRequired, Length

from app.domain.catalog import Catalog
from app.domain.kinds import TierKind
from app.services.context import Context
from app.services.customers import Payer
from app.services.decide_sponsorship import (
    approve_sponsorship,
    mark_sponsorship_pending,
    reject_sponsorship,
)
from app.services.staff_actions import Facts
from app.services.staff_change import LONGEST_REASON, StaffChange
from app.web.forms import clean_text
from app.web.support.actions.access_actions import Nothing
from app.web.support.actions.common import day_field, is_of_kind, title_of
from app.web.support.actions.forms import ActionForm
from app.web.support.actions.framework import Action, ActionGroup, Asked, Deed
from app.web.wording import format_date


@dataclass(frozen=True, slots=True)
class Sponsored:
    """Until when; None for a year."""

    until: datetime | None


class ApprovalForm(ActionForm):
    """Until when it is sponsored."""

    until = day_field(
        _l("Sponsored until"),
        optional=True,
        hint=_l("The start of this day, 00:00 UTC. Leave it empty for a year."),
    )


class RejectionForm(ActionForm):
    """Why not; the people of the customer read it."""

    reason = TextAreaField(
        _l("Reason, in words to the customer"),
        filters=[clean_text],
        validators=[
            InputRequired(_l("Say why; the customer reads it.")),
            Length(max=LONGEST_REASON),
        ],
        description=_l(
            "Everybody who manages the billing gets it by mail. Stands in the audit log, too: no "
            "names or addresses of people."
        ),
        render_kw={"rows": 4},
    )


def _approve(
    ctx: Context, payer: Payer, command: Sponsored, deed: Deed, is_trial: bool
) -> StaffChange:
    return approve_sponsorship(
        ctx, payer, until=command.until, reason=deed.reason, actor=deed.actor, dry_run=is_trial
    )


def _reject(
    ctx: Context, payer: Payer, _command: Nothing, deed: Deed, is_trial: bool
) -> StaffChange:
    return reject_sponsorship(ctx, payer, reason=deed.reason, actor=deed.actor, dry_run=is_trial)


def _mark(ctx: Context, payer: Payer, _command: Nothing, deed: Deed, is_trial: bool) -> StaffChange:
    return mark_sponsorship_pending(
        ctx, payer, reason=deed.reason, actor=deed.actor, dry_run=is_trial
    )


def _is_replaceable(facts: Facts, catalog: Catalog) -> bool:
    """Whether a sponsorship can take the place of what runs: nothing, a sponsorship, or a legacy
    plan that nothing follows."""
    if facts.get("plan") is None or is_of_kind(facts, catalog, TierKind.SPONSORED):
        return True
    return is_of_kind(facts, catalog, TierKind.LEGACY)


def _why_not_approve(facts: Facts, _payer: Payer, catalog: Catalog) -> object:
    if facts["server_deactivated"] is not None:
        return _l("The server is deactivated.")
    if facts.get("next_plan") is not None:
        return _l("A plan is scheduled: take it back first.")
    if not _is_replaceable(facts, catalog):
        tier = title_of(catalog, facts["plan"])
        return _l("A plan that is paid runs: %(tier)s. End it first.") % {"tier": tier}
    return None


def _why_not_reject(facts: Facts, _payer: Payer, _catalog: Catalog) -> object:
    return None if facts.get("sponsorship_pending") else _l("No request waits for a decision.")


def _why_not_mark(facts: Facts, _payer: Payer, catalog: Catalog) -> object:
    if facts.get("sponsorship_pending"):
        return _l("A request waits already.")
    if is_of_kind(facts, catalog, TierKind.SPONSORED):
        return _l("It is sponsored already.")
    return None


def _until(asked: Asked[Sponsored]) -> str:
    return format_date(datetime.fromisoformat(asked.result.after["until"]))


def _approve_effect(asked: Asked[Sponsored]) -> list[str]:
    name = asked.payer.display_name
    said = [
        gettext("%(name)s is sponsored until %(day)s.", name=name, day=_until(asked)),
        gettext("Everybody who manages its billing is told by mail."),
    ]
    if is_of_kind(asked.facts, asked.ctx.catalog, TierKind.LEGACY):
        said.insert(1, gettext("Its legacy plan ends with it."))
    return said


SPONSORSHIP_APPROVE = Action(
    key="sponsorship-approve",
    group=ActionGroup.PLAN,
    title=_l("Approve a sponsorship"),
    form=ApprovalForm,
    command=Sponsored,
    read=lambda form: Sponsored(form.until.instant()),
    act=_approve,
    effect=_approve_effect,
    done=lambda asked: gettext(
        "%(name)s is sponsored until %(day)s.", name=asked.payer.display_name, day=_until(asked)
    ),
    unavailable=_why_not_approve,
    fields={"end_not_ahead": "until", "end_too_far": "until", "end_unchanged": "until"},
)
SPONSORSHIP_REJECT = Action(
    key="sponsorship-reject",
    group=ActionGroup.PLAN,
    title=_l("Reject the sponsorship"),
    form=RejectionForm,
    command=Nothing,
    read=lambda _form: Nothing(),
    act=_reject,
    effect=lambda asked: [
        gettext(
            "The request of %(name)s is rejected, and whoever manages its billing reads the reason "
            "in a mail.",
            name=asked.payer.display_name,
        )
    ],
    done=lambda _asked: gettext("The request was rejected."),
    unavailable=_why_not_reject,
    previews=False,
)
SPONSORSHIP_MARK = Action(
    key="sponsorship-mark",
    group=ActionGroup.PLAN,
    title=_l("Note that a sponsorship was asked for"),
    form=ActionForm,
    command=Nothing,
    read=lambda _form: Nothing(),
    act=_mark,
    effect=lambda asked: [
        gettext(
            "A request of %(name)s waits in the queue until somebody decides.",
            name=asked.payer.display_name,
        )
    ],
    done=lambda _asked: gettext("The request waits in the queue."),
    unavailable=_why_not_mark,
    previews=False,
)

ACTIONS: tuple[Action[Any], ...] = (SPONSORSHIP_APPROVE, SPONSORSHIP_REJECT, SPONSORSHIP_MARK)
