"""Servers among each other, against the real portal: lost keys, moved organizations, the end.

No browser takes part; the pages of these roads are walked elsewhere.
"""

from collections.abc import Iterator

import pytest
from requests import Session

from app.sample_server.billing import billing_link
from app.sample_server.organizations import load_organization
from app.sample_server.people import list_people
from app.sample_server.portal_client import PortalProblem
from app.sample_server.problems import explain
from app.sample_server.records import Organization
from app.sample_server.registration import deactivate, register
from app.sample_server.store import Store
from app.sample_server.transfer import BEGIN, VERIFY, transfer_registration
from app.sample_server.uploads import DEACTIVATED, HOSTNAME_TAKEN, INVALID_KEY, upload_now
from tests.e2e.world import OTHER_HOST, World


@pytest.fixture
def http() -> Iterator[Session]:
    """Requests to this machine, whatever proxy there is."""
    with Session() as session:
        session.trust_env = False
        yield session


def ask_for_billing(store: Store, organization: Organization) -> str:
    with store.read() as connection:
        people, _ = list_people(connection, organization, active_only=True, limit=1)
    return billing_link(store, organization, people[0], next_page=None)


def acme_of(store: Store) -> Organization:
    with store.read() as connection:
        return load_organization(connection, "acme")


def refused(store: Store) -> PortalProblem:
    """What stands between a server's Acme and its billing."""
    with pytest.raises(PortalProblem) as caught:
        ask_for_billing(store, acme_of(store))
    return caught.value


def test_a_lost_key_is_replaced_over_https(world: World, http: Session) -> None:
    store = world.sample.store
    before = store.settings()
    world.lose_key()
    assert refused(store).code == INVALID_KEY

    assert transfer_registration(store) is False

    after = store.settings()
    assert after.server_uuid == before.server_uuid
    assert len({before.server_key, after.server_key}) == 2
    world.upload()
    link = ask_for_billing(store, acme_of(store))
    assert http.get(link, timeout=10).status_code == 200
    # The key from before the loss ends with the transfer.
    store.save(server_key=before.server_key)
    assert upload_now(store, trigger="control").code == INVALID_KEY


def test_a_rebuilt_server_takes_its_hostnames_registration_over(world: World) -> None:
    old = world.sample.store.settings()
    store = world.lose_everything().store
    assert store.settings().server_uuid != old.server_uuid
    with pytest.raises(PortalProblem) as caught:
        register(store)
    assert caught.value.code == HOSTNAME_TAKEN

    assert transfer_registration(store) is True

    assert store.settings().server_uuid == old.server_uuid
    assert store.settings().hostname == old.hostname
    assert upload_now(store, trigger="control").ok
    assert store.settings().rows_behind


def test_nobody_takes_over_what_it_does_not_hold(world: World) -> None:
    """Another server asks for Acme's hostname: the portal looks there, not at whoever asks."""
    thief = world.start_server("thief")
    before = thief.store.settings()
    hostname = world.sample.store.settings().hostname
    with pytest.raises(PortalProblem) as caught:
        transfer_registration(thief.store, hostname=hostname)
    assert caught.value.step == VERIFY
    assert explain(caught.value).explanation.title.startswith("The billing service could not")
    with pytest.raises(PortalProblem) as caught:
        transfer_registration(thief.store)
    assert caught.value.step == BEGIN
    assert OTHER_HOST in caught.value.message
    assert thief.store.settings() == before
    world.upload()


def test_an_organization_that_moved_is_the_old_servers_until_support_says_otherwise(
    world: World,
) -> None:
    other = world.start_server("harbor")
    register(other.store)
    assert upload_now(other.store, trigger="control").ok
    world.move_organization(other)

    report = upload_now(other.store, trigger="control")
    assert (report.http_status, report.code) == (400, "BAD_REQUEST")
    assert report.message == "Duplicate registration detected."
    problem = refused(other.store)
    assert problem.code == "REMOTE_REALM_SERVER_MISMATCH_ERROR"
    assert explain(problem).support == world.ctx.catalog.brand.support_email

    # For the server it came from nothing has changed.
    world.upload()
    assert ask_for_billing(world.sample.store, acme_of(world.sample.store))


def test_a_deactivated_server_is_told_so_everywhere(world: World) -> None:
    store = world.sample.store
    deactivate(store)
    assert refused(store).code == DEACTIVATED
    assert upload_now(store, trigger="control").code == DEACTIVATED
    with pytest.raises(PortalProblem) as caught:
        register(store)
    assert caught.value.code == DEACTIVATED
    # Who cannot show the key is not told that there was a registration.
    with pytest.raises(PortalProblem) as caught:
        transfer_registration(store)
    assert caught.value.step == BEGIN
