"""From the gear menu to the portal: the call that asks for a person's login link."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from .payloads import billing_fields
from .portal_client import INTERACTIVE_TIMEOUT, NOT_REGISTERED, PortalClient, PortalProblem
from .records import Organization, Person
from .store import Store
from .uploads import BILLING, problem_of, upload_now, with_valid_key

MISSING_ORGANIZATION = "MISSING_REMOTE_REALM"


def billing_link(
    store: Store, organization: Organization, person: Person, *, next_page: str | None
) -> str:
    """Return the address on the portal that logs this person in to billing.

    When the portal has not seen the organization yet, the server uploads and asks once more.
    Raises PortalProblem with the code of whatever stood in the way.
    """
    settings = store.settings()
    if not settings.registered:
        raise PortalProblem(NOT_REGISTERED)
    fields = billing_fields(organization, person, port=settings.port, next_page=next_page)
    try:
        return _remember_origin(store, _ask(store, fields))
    except PortalProblem as problem:
        if problem.code != MISSING_ORGANIZATION:
            raise
    report = upload_now(store, trigger=BILLING, interactive=True)
    if report.code is not None:
        raise problem_of(report)
    return _remember_origin(store, _ask(store, fields))


def _ask(store: Store, fields: Mapping[str, str]) -> str:
    return with_valid_key(
        store,
        lambda client: PortalClient.billing_access_url(client, fields),
        timeout=INTERACTIVE_TIMEOUT,
    )


def _remember_origin(store: Store, url: str) -> str:
    """Keep the portal's public origin, which may differ from the address this server calls."""
    parts = urlsplit(url)
    origin = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
    if store.settings().portal_public != origin:
        store.save(portal_public=origin)
    return url


def portal_origins(*addresses: str) -> tuple[str, ...]:
    """Return the origins of web addresses, for the policy that says where forms may lead.

    A portal on this machine goes by two names, and answers with the one it was configured with.
    """
    origins: list[str] = []
    for address in addresses:
        try:
            parts = urlsplit(address)
            host, port = parts.hostname, parts.port
        except ValueError:
            continue
        if parts.scheme not in ("http", "https") or not host:
            continue
        names = ("127.0.0.1", "localhost") if host in ("127.0.0.1", "localhost") else (host,)
        origins += [f"{parts.scheme}://{name}{f':{port}' if port else ''}" for name in names]
    return tuple(dict.fromkeys(origins))
