"""Manage people: add, invite, deactivate, reactivate, change role, one by one and in bulk."""

from __future__ import annotations

import sqlite3

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from .access import billing_admin, organization, person, signed_in, store
from .audit import count_roles
from .inputs import LARGEST_ID, clean_email, clean_number, clean_role, clean_text
from .people import add_person, add_sample_people, change_roles, list_people, set_people_active
from .records import OWNER, ROLE_NAMES, InputError

people_pages = Blueprint("people", __name__)

PAGE_PEOPLE = 100
MOST_AT_ONCE = 500


@people_pages.get("/people/")
@signed_in
def people() -> ResponseReturnValue:
    """List the organization's people; owners and admins get the controls."""
    search = request.args.get("q", "").strip()[:100]
    page = clean_number(request.args.get("page", "1"), label="The page", least=1, most=1_000_000)
    with store().read() as connection:
        found, total = list_people(
            connection,
            organization(),
            search=search,
            limit=PAGE_PEOPLE,
            offset=(page - 1) * PAGE_PEOPLE,
        )
        counts = count_roles(connection, organization())
    return render_template(
        "people.html",
        people=found,
        total=total,
        counts=counts,
        roles=ROLE_NAMES,
        search=search,
        previous_page=page - 1,
        next_page=page + 1 if page * PAGE_PEOPLE < total else None,
    )


@people_pages.post("/people/one/")
@billing_admin
def add_one() -> ResponseReturnValue:
    """Add or invite one person by name and address."""
    role, _ = clean_role(request.form.get("role"))
    _check_may_give(role)
    full_name = clean_text(request.form.get("full_name"), label="The name", longest=100)
    email = clean_email(request.form.get("email"))
    invited = request.form.get("invite") == "yes"
    with store().write() as connection:
        add_person(
            connection,
            organization(),
            full_name=full_name,
            email=email,
            role=role,
            invited=invited,
        )
    flash(f"{full_name} was {'invited' if invited else 'added'}.")
    return redirect(url_for("people.people"), 303)


@people_pages.post("/people/several/")
@billing_admin
def add_several() -> ResponseReturnValue:
    """Add several people with made-up names."""
    number = clean_number(
        request.form.get("number"), label="The number of people", least=1, most=MOST_AT_ONCE
    )
    role, is_bot = clean_role(request.form.get("role"), bots=True)
    _check_may_give(role)
    with store().write() as connection:
        add_sample_people(connection, organization(), number=number, role=role, is_bot=is_bot)
    noun = "bot" if is_bot else "person"
    flash(f"{number} {noun if number == 1 else {'bot': 'bots', 'person': 'people'}[noun]} added.")
    return redirect(url_for("people.people"), 303)


def _check_may_give(role: int) -> None:
    if role == OWNER and person().role != OWNER:
        raise InputError("Only an owner may add another owner.")


@people_pages.post("/people/change/")
@billing_admin
def change() -> ResponseReturnValue:
    """Do one thing to everybody chosen, or to the one person whose own button was pressed."""
    action, separator, only = request.form.get("action", "").partition(":")
    chosen = [only] if separator else request.form.getlist("person")
    if not chosen:
        raise InputError("Choose at least one person first.")
    if len(chosen) > MOST_AT_ONCE:
        raise InputError(f"At most {MOST_AT_ONCE} people can be changed at once.")
    ids = [clean_number(text, label="A person", least=1, most=LARGEST_ID) for text in chosen]
    with store().write() as connection:
        changed = _apply(connection, action, ids)
    flash(f"{changed} {'person' if changed == 1 else 'people'} changed.")
    return redirect(url_for("people.people"), 303)


def _apply(connection: sqlite3.Connection, action: str, ids: list[int]) -> int:
    if action in ("deactivate", "reactivate"):
        active = action == "reactivate"
        return set_people_active(connection, organization(), ids, active=active, actor=person())
    if action == "role":
        role, _ = clean_role(request.form.get("role"))
        return change_roles(connection, organization(), ids, role=role, actor=person())
    raise InputError("Choose what to do: deactivate, reactivate or change role.")
