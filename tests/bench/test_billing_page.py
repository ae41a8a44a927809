"""The limit of the billing page is one: it shows the same page and has no database."""

import pytest
from flask import Flask

from app.clock import FixedClock
from app.gateways.fake_payments import FakePayments
from app.services.context import Context
from tests.bench.billing_page import counted_statements, log_in, without_form_tokens
from tests.bench.billing_page_limit import DatabaseIsOutOfReachError, answer_from_memory
from tests.scenarios.story import Story

pytestmark = pytest.mark.sqlite_only


def test_the_limit_shows_the_same_page_from_memory(
    app: Flask, ctx: Context, clock: FixedClock, payments: FakePayments
) -> None:
    story = Story(app, ctx, clock, payments)
    server = story.server(seats=(12,))
    story.upgrade(server)
    client, path, cookie = log_in(app, ctx, server)
    page = client.get(path)
    assert page.status_code == 200 and "12 people" in page.get_data(as_text=True)

    answer_from_memory(app, path, cookie)
    with counted_statements() as statements:
        same = client.get(path)
    assert without_form_tokens(same.data) == without_form_tokens(page.data)
    assert statements == []
    with pytest.raises(DatabaseIsOutOfReachError):
        client.get(path.replace("/billing/", "/plans/"))
