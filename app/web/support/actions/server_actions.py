"""Acts about registrations: leaving and coming back, ids, login links, and who has what."""

from dataclasses import dataclass

from flask_babel import gettext
from flask_babel import lazy_gettext as _l
from sqlalchemy import select
from sqlalchemy.orm import Session
from wtforms import SelectField, StringField
from wtforms.validators import InputRequired, Length, Optional

from app.domain.catalog import Catalog
from app.domain.kinds import CustomerKind
from app.models.registrations import Organization, Server
from app.services.context import Context
from app.services.customers import Payer, load_payer
from app.services.deactivate_server import deactivate_server
from app.services.link_on_behalf import create_link_on_behalf
from app.services.login_links import NEXT_PAGES
from app.services.move_organization import load_organization_id, move_organization
from app.services.move_plan import move_plan
from app.services.reactivate_server import reactivate_server
from app.services.rewind_ids import RewindIds, rewind_ids
from app.services.servers import load_server_id
from app.services.staff_actions import Facts
from app.services.unit_of_work import UnitOfWork, unit_of_work
from app.web.fields import NumberField
from app.web.forms import clean_text
from app.web.support.actions.access_actions import Nothing
from app.web.support.actions.forms import ActionForm
from app.web.support.actions.framework import Action, ActionGroup, Asked, Deed, in_one_unit
from app.web.wording import format_count

UUID_LENGTH = 36


@dataclass(frozen=True, slots=True)
class Target:
    """To whom: the UUID of a server or an organization."""

    uuid: str


@dataclass(frozen=True, slots=True)
class LinkFor:
    """The page a login link leads to; None for the one that fits the plan."""

    next_page: str | None


@dataclass(frozen=True, slots=True)
class LastIds:
    """The last row ids that count from now on; None leaves a table alone."""

    organization_counts: int | None
    server_counts: int | None
    audit_rows: int | None


class TargetForm(ActionForm):
    """A UUID to look up."""

    uuid = StringField(
        _l("UUID"),
        filters=[clean_text, str.lower],
        validators=[InputRequired(), Length(min=UUID_LENGTH, max=UUID_LENGTH)],
        render_kw={"autocomplete": "off", "spellcheck": "false"},
    )


class MovePlanForm(ActionForm):
    """To whom a plan goes: the server, or one of its organizations."""

    uuid = SelectField(_l("Who has the plan afterwards"), validators=[InputRequired()])


class LinkForm(ActionForm):
    """Where a login link leads."""

    next_page = SelectField(_l("Page after the login"), validators=[Optional()])


class RewindForm(ActionForm):
    """The last row ids that count."""

    organization_counts = NumberField(
        _l("Last row of realm_counts"), validators=[Optional()], render_kw={"inputmode": "numeric"}
    )
    server_counts = NumberField(
        _l("Last row of installation_counts"),
        validators=[Optional()],
        render_kw={"inputmode": "numeric"},
    )
    audit_rows = NumberField(
        _l("Last row of the audit log"), validators=[Optional()], render_kw={"inputmode": "numeric"}
    )


def _deactivate(ctx: Context, payer: Payer, _command: Nothing, deed: Deed, _trial: bool) -> None:
    deactivate_server(ctx, payer.server_id, actor=deed.actor, reason=deed.reason)


def _reactivate(ctx: Context, payer: Payer, _command: Nothing, deed: Deed, _trial: bool) -> None:
    reactivate_server(ctx, payer.server_id, actor=deed.actor, reason=deed.reason)


def _link(ctx: Context, payer: Payer, command: LinkFor, deed: Deed, _trial: bool) -> str:
    return create_link_on_behalf(
        ctx,
        _server_uuid(ctx, payer),
        next_page=command.next_page,
        actor=deed.actor,
        reason=deed.reason,
    )


def _rewind(ctx: Context, payer: Payer, command: LastIds, deed: Deed, _trial: bool) -> object:
    wanted = RewindIds(
        server_id=payer.server_id,
        organization_counts=command.organization_counts,
        server_counts=command.server_counts,
        audit_rows=command.audit_rows,
        reason=deed.reason,
    )
    return rewind_ids(ctx, wanted, actor=deed.actor)


def _move_plan(work: UnitOfWork, payer: Payer, command: Target, deed: Deed) -> object:
    taker = load_payer(work.session, uuid=command.uuid)
    moved = move_plan(work, payer, taker, actor=deed.actor, reason=deed.reason)
    return moved, taker.display_name


def _move_organization(work: UnitOfWork, payer: Payer, command: Target, deed: Deed) -> object:
    return move_organization(
        work,
        load_organization_id(work, uuid=payer.uuid),
        load_server_id(work.session, uuid=command.uuid),
        actor=deed.actor,
        reason=deed.reason,
    )


def _server_uuid(ctx: Context, payer: Payer) -> str:
    with unit_of_work(ctx) as work:
        return work.session.get_one(Server, payer.server_id).uuid


def _offer_pages(form: LinkForm, _ctx: Context, _session: Session, _payer: Payer) -> None:
    form.next_page.choices = [
        ("", gettext("The one that fits the plan")),
        *((page, page.replace("-", " ")) for page in NEXT_PAGES),
    ]


def _offer_takers(form: MovePlanForm, _ctx: Context, session: Session, payer: Payer) -> None:
    if payer.kind is CustomerKind.ORGANIZATION:
        server = session.get_one(Server, payer.server_id)
        form.uuid.choices = [
            (server.uuid, gettext("The server %(host)s", host=server.hostname)),
        ]
        return
    found = select(Organization).where(
        Organization.server_id == payer.server_id,
        Organization.uuid.is_not(None),
        Organization.locally_deleted_at.is_(None),
        Organization.is_system_bot_realm.is_(False),
    )
    form.uuid.choices = [
        (str(organization.uuid), f"{organization.name or organization.host} ({organization.host})")
        for organization in session.scalars(found.order_by(Organization.host))
    ]


def _only_servers(_facts: Facts, payer: Payer, _catalog: Catalog) -> object:
    if payer.kind is CustomerKind.SERVER:
        return None
    return _l("This is done on the page of its server.")


def _why_not_deactivate(facts: Facts, payer: Payer, catalog: Catalog) -> object:
    if facts["server_deactivated"] is not None:
        return _l("The server is deactivated already.")
    return _only_servers(facts, payer, catalog)


def _why_not_reactivate(facts: Facts, payer: Payer, catalog: Catalog) -> object:
    if facts["server_deactivated"] is None:
        return _l("The server is active.")
    return _only_servers(facts, payer, catalog)


def _why_no_link(facts: Facts, payer: Payer, catalog: Catalog) -> object:
    if facts["server_deactivated"] is not None:
        return _l("The server is deactivated: nobody can log in.")
    return _only_servers(facts, payer, catalog)


def _why_not_move_plan(facts: Facts, _payer: Payer, _catalog: Catalog) -> object:
    return _l("There is no plan that runs.") if facts.get("plan") is None else None


def _only_organizations(_facts: Facts, payer: Payer, _catalog: Catalog) -> object:
    if payer.kind is CustomerKind.ORGANIZATION:
        return None
    return _l("Only organizations move to another server.")


def _ids(asked: Asked[LastIds]) -> list[str]:
    names = {
        "organization_counts": "realm_counts",
        "server_counts": "installation_counts",
        "audit_rows": "realmauditlog",
    }
    return [
        gettext(
            "%(table)s: rows after %(number)s are taken.",
            table=table,
            number=format_count(getattr(asked.result, name)),
        )
        for name, table in names.items()
    ] + [gettext("What was stored stays; rows sent again do not count twice.")]


def _plan_effect(asked: Asked[Target]) -> list[str]:
    moved, name = asked.result
    return [
        gettext(
            "The plan %(tier)s goes from %(giver)s to %(taker)s, with ledger, invoices, card and "
            "credit.",
            tier=asked.ctx.catalog.tier(moved.tier).title,
            giver=asked.payer.display_name,
            taker=name,
        ),
        gettext(
            "Licenses: %(before)s before, %(after)s afterwards.",
            before=format_count(moved.licenses[0]),
            after=format_count(moved.licenses[1]),
        ),
        gettext("Nothing is billed again."),
    ]


DEACTIVATE = Action(
    key="deactivate-server",
    group=ActionGroup.ACCESS,
    title=_l("Deactivate the server"),
    form=ActionForm,
    command=Nothing,
    read=lambda _form: Nothing(),
    act=_deactivate,
    effect=lambda asked: [
        gettext("%(host)s may not upload any more.", host=asked.facts["server"]),
        gettext(
            "The paid part is switched off for its organizations, and everybody is logged out."
        ),
        gettext("Its contact is mailed."),
    ],
    done=lambda asked: gettext("%(host)s is deactivated.", host=asked.facts["server"]),
    unavailable=_why_not_deactivate,
    is_dangerous=True,
)
REACTIVATE = Action(
    key="reactivate-server",
    group=ActionGroup.ACCESS,
    title=_l("Reactivate the server"),
    form=ActionForm,
    command=Nothing,
    read=lambda _form: Nothing(),
    act=_reactivate,
    effect=lambda asked: [
        gettext(
            "%(host)s may upload and log in again, with the key it had.",
            host=asked.facts["server"],
        ),
        gettext("Plans that ended stay ended."),
    ],
    done=lambda asked: gettext("%(host)s is active again.", host=asked.facts["server"]),
    unavailable=_why_not_reactivate,
)
LOGIN_LINK = Action(
    key="login-link",
    group=ActionGroup.ACCESS,
    title=_l("Make a login link for the contact"),
    form=LinkForm,
    command=LinkFor,
    read=lambda form: LinkFor(form.next_page.data or None),
    prepare=_offer_pages,
    act=_link,
    effect=lambda _asked: [
        gettext("You get a link that logs the server's contact in, once, within 24 hours."),
        gettext("The contact is mailed when it is used."),
    ],
    done=lambda asked: gettext("The login link: %(link)s", link=asked.result),
    unavailable=_why_no_link,
    previews=False,
)
REWIND = Action(
    key="rewind-ids",
    group=ActionGroup.ACCESS,
    title=_l("Rewind the ids of uploads"),
    form=RewindForm,
    command=LastIds,
    read=lambda form: LastIds(
        form.organization_counts.data, form.server_counts.data, form.audit_rows.data
    ),
    act=_rewind,
    effect=_ids,
    done=lambda _asked: gettext("The ids were rewound: the next upload may send them again."),
    unavailable=_only_servers,
    previews=False,
    is_dangerous=True,
)
MOVE_PLAN = Action(
    key="move-plan",
    group=ActionGroup.ACCESS,
    title=_l("Move the plan between server and organization"),
    form=MovePlanForm,
    command=Target,
    read=lambda form: Target(form.uuid.data),
    prepare=_offer_takers,
    act=in_one_unit(_move_plan),
    effect=_plan_effect,
    done=lambda asked: gettext("The plan is with %(name)s now.", name=asked.result[1]),
    unavailable=_why_not_move_plan,
    fields={"plan_move_refused": "uuid", "plan_move_pointless": "uuid"},
    previews=False,
)
MOVE_ORGANIZATION = Action(
    key="move-organization",
    group=ActionGroup.ACCESS,
    title=_l("Move the organization to another server"),
    form=TargetForm,
    command=Target,
    read=lambda form: Target(form.uuid.data),
    act=in_one_unit(_move_organization),
    effect=lambda asked: [
        gettext(
            "%(host)s leaves %(old)s and belongs to %(new)s from now on, with its plan, ledger, "
            "people and invoices.",
            host=asked.result.host,
            old=asked.result.from_host,
            new=asked.result.to_host,
        ),
        gettext(
            "People who count there: %(people)s. What counted for the old server until now stays.",
            people=format_count(asked.result.people),
        ),
    ],
    done=lambda asked: gettext(
        "%(host)s belongs to %(new)s.", host=asked.result.host, new=asked.result.to_host
    ),
    unavailable=_only_organizations,
    fields={"organization_move_pointless": "uuid"},
    previews=False,
)

ACTIONS = (
    LOGIN_LINK,
    MOVE_PLAN,
    MOVE_ORGANIZATION,
    REWIND,
    DEACTIVATE,
    REACTIVATE,
)
