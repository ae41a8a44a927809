"""Who may open which customer's page, and what they see when they may not."""

from app.services.context import Context
from tests.support.client import CheckedClient
from tests.support.login import (
    add_organization,
    begin_server_session,
    begin_session,
    load_known_server,
)


def test_a_page_that_is_not_yours_shows_your_own_tabs(client: CheckedClient, ctx: Context) -> None:
    acme = add_organization(ctx)
    server = load_known_server(ctx, acme.server_id)
    begin_server_session(client, ctx, server)
    answer = client.get(acme.page("billing"))
    assert answer.status_code == 404
    html = answer.get_data(as_text=True)
    assert server.page("billing") in html
    assert acme.uuid not in html


def test_the_prefix_belongs_to_the_kind(client: CheckedClient, ctx: Context) -> None:
    acme = add_organization(ctx)
    begin_session(client, ctx, acme)
    assert client.get(acme.page("plans")).status_code == 200
    assert client.get(f"/server/{acme.uuid}/plans/").status_code == 404
    assert client.get(f"/account/{acme.uuid}/plans/").status_code == 404
