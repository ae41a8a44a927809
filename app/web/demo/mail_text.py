"""The text part of a mail in pieces, so that our own links can be followed."""

import re
from dataclasses import dataclass

_ADDRESS = re.compile(r"https?://[^\s<>\"']+")
# What ends a sentence is no part of an address.
_AFTER = ".,;:!?)"


@dataclass(frozen=True, slots=True)
class TextPart:
    """A stretch of text; `url` is where it leads, None for text that is only text."""

    text: str
    url: str | None = None


def split_links(text: str, *, base_url: str) -> list[TextPart]:
    """`text` in pieces. Only addresses of our own portal become links: whoever chose a name or a
    host that stands in a mail shall not lead anybody elsewhere."""
    parts: list[TextPart] = []
    end = 0
    for match in _ADDRESS.finditer(text):
        address = match.group().rstrip(_AFTER)
        if not address.startswith(f"{base_url}/"):
            continue
        parts.append(TextPart(text[end : match.start()]))
        parts.append(TextPart(address, url=address))
        end = match.start() + len(address)
    parts.append(TextPart(text[end:]))
    return [part for part in parts if part.text]
