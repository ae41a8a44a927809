"""Sample organizations with people: from a command's arguments, or the default one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from .inputs import clean_number, clean_role
from .messages import write_opening_lines
from .organizations import create_organization, get_organization
from .people import add_sample_people
from .records import BOT, ROLE_NUMBERS, InputError
from .store import Store

MOST_PEOPLE = 25_000
# Eighteen people and two bots: 1 owner, 1 admin, 1 moderator, 14 members, 1 guest.
DEFAULT_PEOPLE: Mapping[str, int] = {
    "owner": 1,
    "admin": 1,
    "moderator": 1,
    "member": 14,
    "guest": 1,
    BOT: 2,
}


@dataclass(frozen=True)
class OrganizationSeed:
    """An organization to create, with how many people of each role ("bot" for bots)."""

    name: str
    title: str = ""
    people: Mapping[str, int] = field(default_factory=lambda: dict(DEFAULT_PEOPLE))


DEFAULT_SEED = (OrganizationSeed("acme", "Acme"),)


def parse_seed(text: str, *, title: str = "") -> OrganizationSeed:
    """Return the seed of an argument such as ``globex:owner=1,member=5,bot=1`` or ``globex``."""
    name, separator, rest = text.partition(":")
    if not separator:
        return OrganizationSeed(name, title)
    people: dict[str, int] = {}
    for part in rest.split(","):
        role, _, number = part.partition("=")
        if role != BOT and role not in ROLE_NUMBERS:
            raise InputError(f"“{role}” in “{text}” is not a role.")
        people[role] = clean_number(number, label=f"The number of {role}s", least=0, most=5000)
    return OrganizationSeed(name, title, people)


def seed_organization(store: Store, seed: OrganizationSeed) -> bool:
    """Create an organization with its people; returns False, changing nothing, when it exists."""
    if not seed.people.get("owner"):
        raise InputError(f"“{seed.name}” needs at least one owner.")
    with store.write() as connection:
        if get_organization(connection, seed.name) is not None:
            return False
        organization = create_organization(connection, name=seed.name, title=seed.title)
        for role_name in [*ROLE_NUMBERS, BOT]:
            role, is_bot = clean_role(role_name, bots=True)
            add_sample_people(
                connection,
                organization,
                number=seed.people.get(role_name, 0),
                role=role,
                is_bot=is_bot,
            )
        write_opening_lines(connection, organization)
    return True


def found_organization(store: Store, *, name: str, title: str) -> None:
    """Create an organization with one owner, as a person does on the server's page."""
    if not seed_organization(store, OrganizationSeed(name.strip().lower(), title, {"owner": 1})):
        raise InputError(f"There is already an organization called “{name[:40]}”.")
