"""What every page has to be: valid HTML that everybody can use, with nothing inline.

`page_problems` is called for each page that any test fetches (see `tests/support/client.py`), so a
page is checked as soon as one test looks at it.
"""

from collections import Counter
from collections.abc import Iterator
from xml.etree.ElementTree import Element

import html5lib

# Fields that need no label: they cannot be seen, or their own text is the label.
UNLABELED_INPUTS = frozenset({"hidden", "submit", "reset", "button", "image"})
# Attributes that point to other elements of the page by id.
REFERENCES = ("aria-describedby", "aria-labelledby", "aria-controls", "list", "form", "headers")
# Data blocks are not run, so the content security policy lets them be.
DATA_SCRIPTS = frozenset({"application/json", "application/ld+json"})


def page_problems(html: str) -> list[str]:
    """Everything wrong with a whole page, in words; an empty list means that it is right."""
    parser = html5lib.HTMLParser(namespaceHTMLElements=False)
    root = parser.parse(html)
    found = [
        f"invalid HTML at line {line}: {code} {details or ''}".rstrip()
        for (line, _column), code, details in parser.errors
    ]
    for check in (_frame, _ids, _labels, _forms, _names, _inline):
        found.extend(check(root))
    return found


def _text(element: Element) -> str:
    return " ".join("".join(element.itertext()).split())


def _frame(root: Element) -> Iterator[str]:
    """The frame of the page: language, title, one first heading, one main part."""
    if not root.get("lang", "").strip():
        yield "html has no lang"
    title = root.find("head/title")
    if title is None or not _text(title):
        yield "the page has no title"
    headings = list(root.iter("h1"))
    if len(headings) != 1:
        yield f"the page has {len(headings)} h1 instead of one"
    elif not _text(headings[0]):
        yield "the h1 is empty"
    mains = len(list(root.iter("main")))
    if mains != 1:
        yield f"the page has {mains} main instead of one"


def _ids(root: Element) -> Iterator[str]:
    """Ids are there once, and what points to an id points to one that exists."""
    ids = Counter(element.get("id") for element in root.iter() if element.get("id") is not None)
    for name, times in ids.items():
        if times > 1:
            yield f"id {name!r} is used {times} times"
        if not name or " " in name:
            yield f"id {name!r} is empty or has a space"
    for element in root.iter():
        for attribute in REFERENCES:
            for target in element.get(attribute, "").split():
                if target not in ids:
                    yield f"{attribute} of <{element.tag}> names the missing id {target!r}"
        link = element.get("href", "")
        if element.tag == "a" and len(link) > 1 and link[0] == "#" and link[1:] not in ids:
            yield f"a link goes to the missing id {link[1:]!r}"


def _labels(root: Element) -> Iterator[str]:
    """Every control has a label that says something, and every label a control."""
    controls = [
        element
        for element in root.iter()
        if element.tag in {"select", "textarea"}
        or (element.tag == "input" and element.get("type", "text") not in UNLABELED_INPUTS)
    ]
    all_ids = {element.get("id") for element in root.iter()}
    labels = [label for label in root.iter("label") if _text(label)]
    by_for = {label.get("for") for label in labels}
    inside = {id(element) for label in labels for element in label.iter()}
    for control in controls:
        named = control.get("aria-label", "").strip() or control.get("aria-labelledby", "").strip()
        identity = control.get("id")
        if not (named or id(control) in inside or (identity and identity in by_for)):
            yield f"<{control.tag} name={control.get('name')!r}> has no label"
    for label in root.iter("label"):
        target = label.get("for")
        if target is not None and target not in all_ids:
            yield f"a label is for the missing id {target!r}"


def _forms(root: Element) -> Iterator[str]:
    """A form says how it is sent, a POST carries its token, and somebody can send it."""
    for form in root.iter("form"):
        where = form.get("action", "this page")
        method = form.get("method", "get").lower()
        fields = list(form.iter("input"))
        token = [field for field in fields if field.get("name") == "csrf_token"]
        if method == "post" and not (token and all(field.get("value") for field in token)):
            yield f"the POST form to {where} has no csrf_token"
        if method == "get" and token:
            yield f"the GET form to {where} puts its csrf_token into the address"
        sends = any(button.get("type", "submit") == "submit" for button in form.iter("button"))
        if not sends and not any(field.get("type") in {"submit", "image"} for field in fields):
            yield f"the form to {where} has no button to send it"


def _names(root: Element) -> Iterator[str]:
    """Pictures, buttons and links can be told apart by ear."""
    for image in root.iter("img"):
        if image.get("alt") is None:
            yield f"the image {image.get('src')!r} has no alt"
    for tag in ("a", "button"):
        for element in root.iter(tag):
            if tag == "a" and element.get("href") is None:
                continue
            pictures = any(image.get("alt") for image in element.iter("img"))
            if not (_text(element) or element.get("aria-label") or pictures):
                yield f"a <{tag}> to {element.get('href', 'its form')} has no text"


def _inline(root: Element) -> Iterator[str]:
    """Nothing that the content security policy would refuse in a browser."""
    for element in root.iter():
        for attribute in element.keys():  # noqa: SIM118  # an Element is no dict
            if attribute == "style" or attribute.startswith("on"):
                yield f"<{element.tag}> has an inline {attribute}"
        if element.get("href", "").strip().lower().startswith("javascript:"):
            yield f"<{element.tag}> has a javascript: address"
    if next(root.iter("style"), None) is not None:
        yield "the page has an inline <style>"
    for script in root.iter("script"):
        if script.get("src") is None and script.get("type") not in DATA_SCRIPTS:
            yield "the page has an inline <script>"
