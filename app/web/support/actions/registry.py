"""Every act that there is, in the order of the menus. Modules of acts are added here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from app.domain.catalog import Catalog
from app.domain.kinds import StaffRole
from app.services.customers import Payer
from app.services.staff_actions import Facts
from app.web.support.actions import (
    access_actions,
    charge_actions,
    ending_actions,
    legacy_actions,
    license_actions,
    note_actions,
    offer_actions,
    plan_actions,
    server_actions,
    sponsorship_actions,
    terms_actions,
)
from app.web.support.actions.framework import Action, ActionGroup

MODULES = (
    terms_actions,
    offer_actions,
    charge_actions,
    plan_actions,
    license_actions,
    legacy_actions,
    sponsorship_actions,
    ending_actions,
    access_actions,
    server_actions,
    note_actions,
)


@dataclass(frozen=True, slots=True)
class MenuEntry:
    """An act in the menu of a customer; `why_not` says why it cannot be done now."""

    key: str
    group: ActionGroup
    title: str
    why_not: str | None
    is_dangerous: bool


@cache
def all_actions() -> Mapping[str, Action[Any]]:
    """The acts by key. Two of one key are a mistake, told at once."""
    found: dict[str, Action[Any]] = {}
    for module in MODULES:
        for action in module.ACTIONS:
            assert action.key not in found, f"two acts are called {action.key}"
            found[action.key] = action
    return found


def available_actions(
    facts: Facts, payer: Payer, catalog: Catalog, role: StaffRole
) -> Sequence[MenuEntry]:
    """The menu for somebody of that role; empty for who only reads."""
    return [
        MenuEntry(
            key=action.key,
            group=action.group,
            title=str(action.title),
            why_not=_text(action.unavailable(facts, payer, catalog)),
            is_dangerous=action.is_dangerous,
        )
        for action in all_actions().values()
        if role.may(action.least)
    ]


def _text(words: Any) -> str | None:
    return None if words is None else str(words)
