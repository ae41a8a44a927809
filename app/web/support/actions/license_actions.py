"""Acts about licenses and payment: who manages them, how many they are, how the plan is paid."""

from dataclasses import dataclass
from typing import Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session
from wtforms import RadioField
from wtforms.validators import InputRequired

from app.domain.catalog import Catalog
from app.domain.kinds import Collection, LicenseManagement
from app.services.change_collection import change_collection
from app.services.change_management import change_management
from app.services.change_plan import raise_licenses, set_renewal_licenses
from app.services.context import Context
from app.services.customers import Payer
from app.services.staff_actions import Facts
from app.services.unit_of_work import UnitOfWork
from app.web.fields import NumberField
from app.web.support.actions.common import (
    costs_nothing,
    why_no_licensed_plan,
)
from app.web.support.actions.forms import ActionForm
from app.web.support.actions.framework import Action, ActionGroup, Asked, Deed, in_one_unit
from app.web.wording import (
    collection_word,
    count_licenses,
    management_word,
)


@dataclass(frozen=True, slots=True)
class Management:
    """Who decides the number of licenses."""

    management: LicenseManagement


@dataclass(frozen=True, slots=True)
class Licenses:
    """How many."""

    licenses: int


@dataclass(frozen=True, slots=True)
class Paid:
    """How it is paid."""

    collection: Collection


class ManagementForm(ActionForm):
    """Who decides the number of licenses."""

    management = RadioField(_l("Licenses"), validators=[InputRequired()])


class LicensesForm(ActionForm):
    """How many licenses."""

    licenses = NumberField(
        _l("Licenses"), validators=[InputRequired()], render_kw={"inputmode": "numeric"}
    )


class CollectionForm(ActionForm):
    """How it is paid."""

    collection = RadioField(_l("Paid"), validators=[InputRequired()])


def _manage(work: UnitOfWork, payer: Payer, command: Management, deed: Deed) -> None:
    change_management(work, payer, command.management, actor=deed.actor, reason=deed.reason)


def _raise_licenses(work: UnitOfWork, payer: Payer, command: Licenses, deed: Deed) -> None:
    raise_licenses(work, payer, command.licenses, actor=deed.actor, reason=deed.reason)


def _set_renewal(work: UnitOfWork, payer: Payer, command: Licenses, deed: Deed) -> None:
    set_renewal_licenses(work, payer, command.licenses, actor=deed.actor, reason=deed.reason)


def _collect(work: UnitOfWork, payer: Payer, command: Paid, deed: Deed) -> None:
    change_collection(work, payer, command.collection, actor=deed.actor, reason=deed.reason)


def _offer_managements(
    form: ManagementForm, _ctx: Context, _session: Session, _payer: Payer
) -> None:
    form.management.choices = [(one.value, management_word(one)) for one in LicenseManagement]


def _offer_collections(
    form: CollectionForm, _ctx: Context, _session: Session, _payer: Payer
) -> None:
    form.collection.choices = [(one.value, collection_word(one)) for one in Collection]


def _why_no_change(facts: Facts, _payer: Payer, _catalog: Catalog) -> object:
    return why_no_licensed_plan(facts)


def _why_no_number(facts: Facts, _payer: Payer, _catalog: Catalog) -> object:
    why_not = why_no_licensed_plan(facts)
    if why_not is None and facts["management"] != LicenseManagement.MANUAL.value:
        return _l("The licenses follow the people: let them be managed by hand first.")
    return why_not


def _why_not_paid(facts: Facts, _payer: Payer, _catalog: Catalog) -> object:
    if facts.get("plan") is None:
        return _l("There is no plan that runs.")
    return _l("The plan costs nothing.") if costs_nothing(facts) else None


def _paid_effect(asked: Asked[Paid]) -> list[str]:
    return [
        gettext(
            "Invoices of %(name)s that are made from now on: %(how)s.",
            name=asked.payer.display_name,
            how=collection_word(asked.command.collection),
        ),
        gettext("Invoices that were made stay what they are."),
    ]


_NUMBER_FIELDS = {
    "licenses_not_raised": "licenses",
    "licenses_unchanged": "licenses",
    "too_few_licenses": "licenses",
    "too_many_licenses": "licenses",
    "contact_support_for_more": "licenses",
}

MANAGEMENT = Action(
    key="management",
    group=ActionGroup.PLAN,
    title=_l("Change who manages the licenses"),
    form=ManagementForm,
    command=Management,
    read=lambda form: Management(LicenseManagement(form.management.data)),
    prepare=_offer_managements,
    act=in_one_unit(_manage),
    effect=lambda asked: [
        gettext(
            "Licenses of %(name)s from now on: %(how)s. The number that there is stays for now.",
            name=asked.payer.display_name,
            how=management_word(asked.command.management),
        )
    ],
    done=lambda asked: gettext("Licenses: %(how)s.", how=management_word(asked.command.management)),
    unavailable=_why_no_change,
    fields={"management_unchanged": "management", "automatic_needs_card": "management"},
)
LICENSES_NOW = Action(
    key="licenses-now",
    group=ActionGroup.PLAN,
    title=_l("Raise the number of licenses now"),
    form=LicensesForm,
    command=Licenses,
    read=lambda form: Licenses(form.licenses.data),
    act=in_one_unit(_raise_licenses),
    effect=lambda asked: [
        gettext(
            "%(name)s has %(licenses)s from now on, and renews with as many at least; the "
            "difference is on the next invoice.",
            name=asked.payer.display_name,
            licenses=count_licenses(asked.command.licenses),
        )
    ],
    done=lambda asked: gettext(
        "It has %(licenses)s.", licenses=count_licenses(asked.command.licenses)
    ),
    unavailable=_why_no_number,
    fields=_NUMBER_FIELDS,
)
LICENSES_LATER = Action(
    key="licenses-at-renewal",
    group=ActionGroup.PLAN,
    title=_l("Set the number of licenses at renewal"),
    form=LicensesForm,
    command=Licenses,
    read=lambda form: Licenses(form.licenses.data),
    act=in_one_unit(_set_renewal),
    effect=lambda asked: [
        gettext(
            "%(name)s renews with %(licenses)s; until then nothing changes.",
            name=asked.payer.display_name,
            licenses=count_licenses(asked.command.licenses),
        )
    ],
    done=lambda asked: gettext(
        "It renews with %(licenses)s.", licenses=count_licenses(asked.command.licenses)
    ),
    unavailable=_why_no_number,
    fields=_NUMBER_FIELDS,
)
COLLECTION = Action(
    key="collection",
    group=ActionGroup.MONEY,
    title=_l("Change how it is paid"),
    form=CollectionForm,
    command=Paid,
    read=lambda form: Paid(Collection(form.collection.data)),
    prepare=_offer_collections,
    act=in_one_unit(_collect),
    effect=_paid_effect,
    done=lambda asked: gettext("Paid: %(how)s.", how=collection_word(asked.command.collection)),
    unavailable=_why_not_paid,
    fields={
        "collection_in_trial": "collection",
        "collection_unchanged": "collection",
        "collection_needs_card": "collection",
        "invoices_need_manual": "collection",
        "too_few_for_invoices": "collection",
    },
)

ACTIONS: tuple[Action[Any], ...] = (COLLECTION, MANAGEMENT, LICENSES_NOW, LICENSES_LATER)
