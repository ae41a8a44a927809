"""The self-hosted servers of a demo: the visitor's own and those of the sample customers.

All of them are the sample server (`app/sample_server/`), each with a store of its own, and all of
them talk to the portal by the documented protocol only.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from app.demo.cast import CAST
from app.demo.certificates import OWN_HOST
from app.demo.folder import DemoFolder, Ports
from app.demo.sample_customer import SampleCustomer
from app.sample_server.billing import billing_link
from app.sample_server.organizations import list_organizations
from app.sample_server.people import list_people
from app.sample_server.portal_client import PortalProblem
from app.sample_server.records import Organization, Person, UploadReport
from app.sample_server.registration import configure, register
from app.sample_server.store import Store
from app.sample_server.uploads import upload_if_due


@dataclass(frozen=True, slots=True)
class SampleServer:
    """The server of one sample customer."""

    customer: SampleCustomer
    store: Store

    @property
    def organization(self) -> Organization:
        """The organization of the customer. LookupError before it was founded."""
        with self.store.read() as connection:
            found = [o for o in list_organizations(connection) if o.name == self.customer.name]
        if not found:
            raise LookupError(f"{self.customer.name} has not been founded")
        return found[0]

    @property
    def owner(self) -> Person:
        """Who manages the billing."""
        return self.leaders(1)[0]

    def leaders(self, number: int) -> tuple[Person, ...]:
        """So many of those who may open billing, the owner first."""
        with self.store.read() as connection:
            people, _ = list_people(connection, self.organization, active_only=True, limit=number)
        return people

    @property
    def address(self) -> str:
        """Where a browser reaches the organization."""
        return self.organization.url(self.store.settings().port)

    def ask_for_billing(self, person: Person) -> str:
        """Call the portal as the server does when that person clicks Billing; returns the link.

        Raises PortalProblem.
        """
        return billing_link(self.store, self.organization, person, next_page=None)

    def upload(self, *, even_if_silent: bool = False) -> UploadReport | None:
        """The hourly upload, when one is due; a server that fell silent makes none by itself."""
        if self.customer.silent_for is not None and not even_if_silent:
            return None
        return upload_if_due(self.store)


def open_servers(folder: DemoFolder) -> tuple[SampleServer, ...]:
    """The servers of the sample customers that there are, in the order of the cast."""
    return tuple(
        SampleServer(customer, Store(path))
        for customer in CAST
        if (path := folder.servers / f"{customer.name}.sqlite3").exists()
    )


def make_servers(
    folder: DemoFolder,
    *,
    portal: str,
    ports: Mapping[str, int],
    customers: tuple[SampleCustomer, ...] = CAST,
) -> tuple[SampleServer, ...]:
    """The servers of sample customers, told where the portal is and where they will be.

    Safe to repeat: addresses may change from one start to the next. A demo that was begun with
    fewer customers, by an earlier release, keeps those it has.
    """
    for customer in customers:
        path = folder.servers / f"{customer.name}.sqlite3"
        if folder.seed_file.exists() and not path.exists():
            continue
        configure(
            Store(path),
            portal=portal,
            hostname=customer.hostname,
            contact_email=customer.contact_email,
            port=ports[customer.name],
        )
    return open_servers(folder)


def make_own_server(folder: DemoFolder, *, portal: str, ports: Ports) -> Store:
    """The visitor's own server, told where the portal is and where it will be.

    It goes by the hostname under which it answers by https, so that its registration can be
    transferred.
    """
    store = Store(folder.sample_store)
    configure(
        store,
        portal=portal,
        hostname=f"{OWN_HOST}:{ports.sample_https}",
        contact_email="it@acme.test",
        port=ports.sample,
    )
    return store


def tell_hostname(folder: DemoFolder) -> None:
    """Let the visitor's own server, if it has registered, say where it is now: the port of its
    hostname may be another one at each start."""
    store = Store(folder.sample_store)
    if not store.settings().registered:
        return
    try:
        register(store)
    except PortalProblem:
        pass  # The visitor has ended the registration or lost its key; the server's page says so.


def upload_all(folder: DemoFolder) -> Iterator[UploadReport]:
    """Make the hourly uploads that are due, of every sample customer's server."""
    for server in open_servers(folder):
        report = server.upload()
        if report is not None:
            yield report
