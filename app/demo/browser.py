"""A browser, nearly: it fetches pages, sends their forms, and looks at nothing else.

The sample customers' owners log in and enter their cards through the pages that people use.
"""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urljoin

import requests

TIMEOUT = 60


class PageError(Exception):
    """A page is not as it should be; the text says which and why."""


@dataclass(slots=True)
class Form:
    """A form of a page with what stands in it."""

    action: str
    fields: dict[str, str] = field(default_factory=dict)


class _FormReader(HTMLParser):
    """Collects the forms that are sent by POST."""

    def __init__(self, address: str) -> None:
        super().__init__()
        self.address = address
        self.forms: list[Form] = []
        self._inside: Form | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag == "form" and values.get("method", "get").lower() == "post":
            self._inside = Form(urljoin(self.address, values.get("action") or self.address))
            self.forms.append(self._inside)
        elif tag == "input" and self._inside is not None and values.get("name"):
            unticked = values.get("type") in {"checkbox", "radio"} and "checked" not in values
            if not unticked:
                self._inside.fields[values["name"]] = values.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._inside = None


@dataclass(frozen=True, slots=True)
class Page:
    """What an address answered with."""

    address: str
    text: str

    def forms(self) -> list[Form]:
        """Everything that is sent by POST, in the order of the page."""
        reader = _FormReader(self.address)
        reader.feed(self.text)
        return reader.forms

    def form(self, *, having: str) -> Form:
        """The form that has a field of that name. PageError when there is none."""
        for found in self.forms():
            if having in found.fields:
                return found
        raise PageError(f"{self.address} has no form with {having!r}")


class Browser:
    """Keeps cookies from page to page. Everything it meets lives on this machine."""

    def __init__(self) -> None:
        self._session = requests.Session()
        self._session.trust_env = False

    def __enter__(self) -> "Browser":
        return self

    def __exit__(self, *exception: object) -> None:
        self._session.close()

    def get(self, address: str) -> Page:
        """Fetch a page. Raises PageError when it answers with an error."""
        return self._page(self._session.get(address, timeout=TIMEOUT))

    def send(self, page: Page, form: Form, **values: str) -> Page:
        """Send a form of `page` with `values` on top of what stands in it, and follow."""
        answer = self._session.post(
            form.action,
            data=form.fields | values,
            headers={"Referer": page.address},
            timeout=TIMEOUT,
        )
        return self._page(answer)

    def post(self, address: str, **values: str) -> str:
        """Send values to an address; returns where it leads, without going there. PageError when
        it leads nowhere."""
        answer = self._session.post(address, data=values, timeout=TIMEOUT, allow_redirects=False)
        if not answer.is_redirect:
            raise PageError(f"{address} answered {answer.status_code}")
        return urljoin(address, answer.headers["Location"])

    def _page(self, answer: requests.Response) -> Page:
        if not answer.ok:
            raise PageError(f"{answer.url} answered {answer.status_code}")
        return Page(answer.url, answer.text)
