"""A customer in front of the portal's pages: a story's server, and a browser that is logged in."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from html import unescape

from flask import Flask
from sqlalchemy import Engine, event
from werkzeug.test import TestResponse

from app.clock import FixedClock
from app.gateways.fake_payments import FakePayments
from app.services.context import Context
from tests.scenarios.story import SampleServer, Story
from tests.support.client import CheckedClient
from tests.support.login import KnownOrganization, begin_session


def words(response: TestResponse) -> str:
    """The text of a page's main part, as one line."""
    html = response.get_data(as_text=True)
    main = html.partition("<main")[2].partition(">")[2].partition("</main>")[0]
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", main)).split())


def headline(response: TestResponse) -> str:
    """The first heading: the line that answers the page's question."""
    found = re.search(r"<h1>(.*?)</h1>", response.get_data(as_text=True), re.DOTALL)
    assert found is not None, "the page has no h1"
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", found[1])).split())


@contextmanager
def counted_queries() -> Iterator[list[str]]:
    """The statements that reach any database meanwhile, transaction control left out."""
    found: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        if statement.split()[0].upper() not in {"BEGIN", "PRAGMA", "COMMIT", "ROLLBACK"}:
            found.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield found
    finally:
        event.remove(Engine, "before_cursor_execute", note)


class Shop:
    """One organization of a server, and the browser of somebody who manages its billing."""

    def __init__(
        self,
        app: Flask,
        ctx: Context,
        clock: FixedClock,
        payments: FakePayments,
        client: CheckedClient,
    ) -> None:
        self.story = Story(app, ctx, clock, payments)
        self.ctx = ctx
        self.clock = clock
        self.payments = payments
        self.client = client
        self.server: SampleServer
        self.organization: KnownOrganization

    def open(self, people: int = 18) -> "Shop":
        """A server whose organization has so many people, and a login."""
        self.server = self.story.server(seats=(people,))
        self.organization = self.known(self.server)
        self.log_in()
        return self

    def another_browser(self) -> CheckedClient:
        """A browser in which nobody is logged in."""
        made = self.story.app.test_client()
        assert isinstance(made, CheckedClient), "make_app sets the class of clients"
        return made

    def known(self, server: SampleServer, organization: int = 0) -> KnownOrganization:
        """An organization of a story's server as the login support speaks of it."""
        payer = self.story.payer(server, organization)
        assert payer.organization_id is not None
        host = server.organizations[organization].host
        return KnownOrganization(payer.organization_id, payer.uuid, host, payer.server_id)

    def log_in(self) -> None:
        """A session that begins now."""
        begin_session(self.client, self.ctx, self.organization)

    def on(self, when: str, *, uploads: bool = True) -> "Shop":
        """Move the clock, let the server report, and log in again."""
        self.story.on(when)
        if uploads:
            self.story.upload(self.server)
        self.log_in()
        return self

    def run_until(self, when: str, *, step: int | None = None) -> "Shop":
        """Time with uploads and jobs, as `Story.run_jobs_until` has it; then log in again."""
        self.story.run_jobs_until(when, self.server, step=step)
        self.log_in()
        return self

    def page(self, name: str) -> str:
        """The address of a page of this organization."""
        return self.organization.page(name)

    def get(self, name: str, query: str = "") -> TestResponse:
        """Open a page; what it answers is checked as every page."""
        return self.client.get(self.page(name) + query)

    def has_card(self, kind: str = "visa") -> "Shop":
        """Put a card on file."""
        self.story.give_card(self.story.payer(self.server), kind)
        return self

    def buy(
        self, *, tier: str = "basic", schedule: str = "monthly", licenses: int | None = None
    ) -> "Shop":
        """Buy through the services, for pages that begin after it."""
        self.story.upgrade(self.server, tier=tier, schedule=schedule, licenses=licenses)
        return self

    def pay(self, query: str = "") -> TestResponse:
        """Press the button of the upgrade page."""
        return self.client.submit(self.get("upgrade", query), action="/upgrade/confirm/")
