"""Believable names for sample people: the same ones in the same order every time."""

from __future__ import annotations

FIRST_NAMES = [
    "Olive",
    "Amir",
    "Beatriz",
    "Chidi",
    "Dana",
    "Emil",
    "Farah",
    "Goran",
    "Hana",
    "Ivo",
    "Jamila",
    "Kenji",
    "Lucia",
    "Mateo",
    "Nadia",
    "Oskar",
    "Priya",
    "Quentin",
    "Rosa",
    "Samir",
    "Tove",
    "Umberto",
    "Valeria",
    "Wanda",
    "Xenia",
    "Yusuf",
    "Zofia",
    "Anders",
    "Bruna",
    "Cedric",
    "Dalia",
]
LAST_NAMES = [
    "Okafor",
    "Lindqvist",
    "Moreau",
    "Tanaka",
    "Abara",
    "Castillo",
    "Novak",
    "Haddad",
    "Jensen",
    "Petrov",
    "Rossi",
    "Silva",
    "Keller",
    "Nakamura",
    "Osei",
    "Park",
    "Quist",
    "Rahman",
    "Sato",
    "Tamm",
    "Ueda",
    "Varga",
    "Weber",
    "Yilmaz",
    "Zeman",
    "Brandt",
    "Costa",
    "Dubois",
    "Egede",
]
BOT_NAMES = ("Standup Bot", "Deploy Bot", "Lunch Bot", "Backup Bot", "Calendar Bot")


def person_name(number: int) -> tuple[str, str]:
    """Return (full name, the part of the address before @) of the sample person `number`.

    The two lists have 31 and 29 names, which share no factor, so 899 people have unlike names;
    from there on a number keeps them apart.
    """
    first = FIRST_NAMES[number % len(FIRST_NAMES)]
    last = LAST_NAMES[number % len(LAST_NAMES)]
    round_number = number // (len(FIRST_NAMES) * len(LAST_NAMES))
    suffix = str(round_number + 1) if round_number else ""
    full_name = f"{first} {last} {suffix}".strip()
    return full_name, f"{first}.{last}{suffix}".lower()


def bot_name(number: int) -> tuple[str, str]:
    """Return (name, the part of the address before @) of the sample bot `number`."""
    name = BOT_NAMES[number % len(BOT_NAMES)]
    round_number = number // len(BOT_NAMES)
    suffix = f" {round_number + 1}" if round_number else ""
    return name + suffix, (name + suffix).lower().replace(" ", "-")
