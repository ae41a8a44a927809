"""Checks of what people type and programs send: a clear InputError, never a failure further in."""

from __future__ import annotations

import re
import unicodedata

from .records import ADMIN, BOT, MEMBER, ROLE_NAMES, ROLE_NUMBERS, InputError

EMAIL_PATTERN = re.compile(r"[^@\s]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,180}[A-Za-z0-9])?")
# SQLite's integers are of 64 bits; anything longer was never one of our ids.
LARGEST_ID = 2**62


def clean_text(value: object, *, label: str, longest: int, lines: bool = False) -> str:
    """Return text without surrounding space; refuses empty, too long and control characters."""
    if not isinstance(value, str):
        raise InputError(f"{label} must be text.")
    text = value.replace("\r\n", "\n").strip()
    if not text:
        raise InputError(f"{label} must not be empty.")
    if len(text) > longest:
        raise InputError(f"{label} is longer than {longest} characters.")
    # Surrogates (Cs) cannot be stored, and control characters (Cc) are no part of any text.
    for character in text:
        if unicodedata.category(character) in ("Cs", "Cc") and not (lines and character == "\n"):
            raise InputError(f"{label} contains a character that cannot be used.")
    return text


def clean_email(value: object) -> str:
    """Return an email address in lower case; raises InputError when it is not one."""
    text = clean_text(value, label="The email address", longest=200)
    if not EMAIL_PATTERN.fullmatch(text):
        raise InputError("That is not an email address. An example: kim@acme.test")
    return text.lower()


def clean_number(value: object, *, label: str, least: int, most: int) -> int:
    """Return a whole number within bounds, given as a number or as its digits."""
    if isinstance(value, str) and value.strip().isascii() and value.strip().isdigit():
        value = int(value.strip()[:19])
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise InputError(f"{label} must be a whole number from {least} to {most}.")
    return value


def clean_role(value: object, *, bots: bool = False) -> tuple[int, bool]:
    """Return (role number, is a bot) for a role's name or number."""
    if bots and value == BOT:
        return MEMBER, True
    if isinstance(value, str):
        value = ROLE_NUMBERS.get(value.strip().lower(), value)
        if isinstance(value, str) and value.strip() in {str(number) for number in ROLE_NAMES}:
            value = int(value.strip())
    if isinstance(value, int) and not isinstance(value, bool) and value in ROLE_NAMES:
        return value, False
    names = [*ROLE_NUMBERS, *([BOT] if bots else [])]
    raise InputError(f"The role must be one of {', '.join(names)}.")


def is_admin_role(role: int) -> bool:
    """Tell whether a role manages people and billing: owners and admins."""
    return role <= ADMIN
