"""What customers are found by follows every change of them, whoever makes it."""

import pytest
from sqlalchemy import delete, select, update

from app.jobs.rebuild_search import rebuild_search
from app.models.customers import Customer
from app.models.invoices import Invoice
from app.models.registrations import Organization, Server
from app.models.staff import SearchEntry
from app.services.customers import claim_payer
from app.services.search_index import compute_entries
from app.services.unit_of_work import unit_of_work
from tests.scenarios.story import Story


def entries(story: Story) -> dict[str, str]:
    """The stored text of each UUID, which is what its rows come to now."""
    with unit_of_work(story.ctx) as work:
        stored = {
            row.uuid: (row.kind, row.server_id, row.organization_id, row.content)
            for row in work.session.scalars(select(SearchEntry))
        }
        computed = {
            entry.uuid: (entry.kind, entry.server_id, entry.organization_id, entry.content)
            for entry in compute_entries(
                work.session,
                server_ids=list(work.session.scalars(select(Server.id))),
                organization_ids=list(work.session.scalars(select(Organization.id))),
            )
        }
    assert stored == computed
    return {uuid: entry[3] for uuid, entry in stored.items()}


def test_every_writer_keeps_the_entries(story: Story) -> None:
    server = story.server(seats=(11, 14))
    first, second = (place.uuid for place in server.organizations)
    assert entries(story)[server.uuid] == f" chat1.acme.test root@acme.test {server.uuid}"
    assert entries(story)[first] == f" chat1.acme.test acme {first}"

    # An upload renames an organization's host.
    server.organizations[1].host = "Renamed.acme.test"
    story.upload_seats(server, 12)
    assert " renamed.acme.test " in entries(story)[second]

    # Somebody logs in; a purchase makes the customer, and its invoice gets number and id.
    story.log_in(server)
    assert " a@acme.test" in entries(story)[first]
    result = story.upgrade(server)
    story.deliver_events()
    with unit_of_work(story.ctx) as work:
        invoice = work.session.scalars(select(Invoice)).one()
        customer_name = work.session.scalars(select(Customer.stripe_customer_id)).one()
        names = [customer_name, invoice.number, invoice.stripe_invoice_id]
    assert result.purchase_id and all(names)
    assert all(f" {str(name).lower()}" in entries(story)[first] for name in names)

    # The customer's people say who is to be written to.
    with unit_of_work(story.ctx) as work:
        _, customer = claim_payer(work, story.payer(server))
        customer.billing_email, customer.billing_name = "Books@acme.test", "Acme  Holding"
        work.commit()
    assert entries(story)[first].count("books@acme.test") == 1
    assert "acme holding" in entries(story)[first]

    # The organization moves to another server; so does its entry.
    other = story.server()
    story.staff("move-organization", second, "--to", other.uuid)
    assert second in entries(story)


def test_a_plan_that_moves_takes_its_names_along(story: Story) -> None:
    server = story.server(seats=(11,))
    place = server.organizations[0].uuid
    story.upgrade(server, organization=None)
    story.deliver_events()
    with unit_of_work(story.ctx) as work:
        number = str(work.session.scalars(select(Invoice.number)).one()).lower()
    assert number in entries(story)[server.uuid]
    story.log_in(server)
    assert number in entries(story)[place] and number not in entries(story)[server.uuid]


@pytest.mark.sqlite_only
def test_what_bypassed_the_application_is_mended(story: Story) -> None:
    server = story.server(seats=(11,))
    before = entries(story)

    with unit_of_work(story.ctx) as work:
        work.session.execute(delete(SearchEntry).where(SearchEntry.uuid == server.uuid))
        work.session.execute(update(SearchEntry).values(content="nonsense"))
        work.commit()
    assert rebuild_search(story.ctx).written == 2
    assert entries(story) == before
    assert rebuild_search(story.ctx).written == 0
    said = story.app.test_cli_runner().invoke(args=["billing", "rebuild-search"])
    assert said.exit_code == 0 and "mended" in said.output, said.output
