"""How much two texts are alike, by their trigrams: for what somebody mistyped.

As PostgreSQL's pg_trgm understands it: a word is letters and digits, with two spaces before it and
one behind; every three characters in a row are a trigram. The likeness of a text to a longer one is
the share of its trigrams that the best word of the longer one has, so that one text among many is
enough.
"""

import re
from fractions import Fraction

# A word that shares less with what was typed is another word.
# Written as the database takes it.
LEAST_LIKENESS = "0.4"

_WORD = re.compile(r"[^\W_]+")


def trigrams(text: str) -> set[str]:
    """The trigrams of a text in lower case."""
    found: set[str] = set()
    for word in _WORD.findall(text.lower()):
        padded = f"  {word} "
        found.update(padded[n : n + 3] for n in range(len(padded) - 2))
    return found


def likeness(typed: str, content: str) -> Fraction:
    """From 0 to 1: how well `content` has something that is like what was typed.

    Words of `content` are looked at one by one, and what was typed as a whole, so that "acne.com"
    is like "chat acme.com".
    """
    wanted = trigrams(typed)
    if not wanted:
        return Fraction(0)
    best = Fraction(0)
    for part in content.lower().split():
        had = trigrams(part)
        best = max(best, Fraction(len(wanted & had), len(wanted)))
    return best
