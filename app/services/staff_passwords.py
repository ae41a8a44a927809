"""Passwords of staff: how they are kept, checked and chosen."""

import re
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from app.domain.errors import BillingError
from app.settings import Settings

SHORTEST = 12
# Bytes of more cost time to hash and protect nobody better.
LONGEST = 200
FEWEST_CHARACTERS = 5
# What people choose when they are told to choose something longer: the words that begin nearly all
# of the passwords that were found in breaches, and runs of the keyboard.
_COMMON = frozenset(
    [
        "password",
        "passwort",
        "passphrase",
        "letmein",
        "welcome",
        "iloveyou",
        "princess",
        "dragon",
        "monkey",
        "football",
        "baseball",
        "sunshine",
        "superman",
        "batman",
        "trustno",
        "shadow",
        "master",
        "michael",
        "jennifer",
        "qwerty",
        "qwertz",
        "azerty",
        "asdfgh",
        "zxcvbn",
        "qwertyuiop",
        "asdfghjkl",
        "zxcvbnm",
        "qazwsx",
        "qazwsxedc",
        "admin",
        "administrator",
        "root",
        "support",
        "staff",
        "login",
        "secret",
        "changeme",
        "default",
        "abcdef",
        "abcdefgh",
        "correcthorsebatterystaple",
        "whatever",
        "computer",
        "internet",
        "summer",
        "winter",
        "spring",
        "autumn",
        "company",
        "tallyport",
        "billing",
    ]
)
_PLAIN = str.maketrans(
    {"0": "o", "1": "i", "3": "e", "4": "a", "5": "s", "7": "t", "@": "a"} | {"$": "s", "!": "i"}
)
_RUNS = ("01234567890123456789", "abcdefghijklmnopqrstuvwxyz", "qwertyuiopasdfghjklzxcvbnm")


def hash_password(settings: Settings, password: str) -> str:
    """The argon2id hash to keep."""
    return _hasher(settings).hash(password)


def password_matches(settings: Settings, password_hash: str | None, password: str) -> bool:
    """Whether it is the password behind that hash. Without a hash the same work is done for
    nothing, so that the time tells nobody which addresses exist."""
    hasher = _hasher(settings)
    try:
        hasher.verify(password_hash or _hash_of_nobody(hasher), password[: LONGEST + 1])
    except (VerificationError, InvalidHashError):
        return False
    return password_hash is not None


def is_outdated(settings: Settings, password_hash: str) -> bool:
    """Whether the hash was made when one cost something else."""
    return _hasher(settings).check_needs_rehash(password_hash)


def check_new_password(password: str, *, email: str, full_name: str) -> None:
    """Refuse what would be tried first. Raises BillingError `staff_password_short` (with `least`),
    `staff_password_long` (with `most`), `staff_password_like_name` or `staff_password_common`."""
    if len(password) < SHORTEST:
        raise BillingError("staff_password_short", least=SHORTEST)
    if len(password) > LONGEST:
        raise BillingError("staff_password_long", most=LONGEST)
    letters = _letters(password)
    names = [*re.split(r"[^a-z0-9]+", email.lower()), *full_name.lower().split()]
    rest = password.lower()
    for name in sorted(set(names), key=len, reverse=True):
        if len(name) >= 3:
            rest = rest.replace(name, "")
    if len(rest) < SHORTEST // 2:
        raise BillingError("staff_password_like_name")
    if len(set(password)) < FEWEST_CHARACTERS or _is_common(letters) or _is_run(password.lower()):
        raise BillingError("staff_password_common")


def _letters(password: str) -> str:
    """The word behind digits and signs that stand for letters, without what decorates it."""
    trimmed = re.sub(r"^[^a-z]+|[^a-z]+$", "", password.lower())
    return re.sub(r"[^a-z]", "", trimmed.translate(_PLAIN))


def _is_common(letters: str) -> bool:
    """Whether it is nothing but common words, one after the other."""
    rest = letters
    while rest:
        word = next((word for word in _BY_LENGTH if rest.startswith(word)), None)
        if word is None:
            return False
        rest = rest.removeprefix(word)
    return bool(letters)


_BY_LENGTH = sorted(_COMMON, key=len, reverse=True)


def _is_run(password: str) -> bool:
    """Whether it walks along the alphabet, the digits or the keyboard, or repeats a few letters."""
    repeated = any(
        password == (password[:size] * len(password))[: len(password)] for size in range(1, 5)
    )
    return repeated or any(password in run or password in run[::-1] for run in _RUNS)


def _hasher(settings: Settings) -> PasswordHasher:
    return _make_hasher(settings.password_memory, settings.password_rounds)


@cache
def _make_hasher(memory: int, rounds: int) -> PasswordHasher:
    return PasswordHasher(time_cost=rounds, memory_cost=memory, parallelism=1)


@cache
def _hash_of_nobody(hasher: PasswordHasher) -> str:
    return hasher.hash("nobody has this password")
