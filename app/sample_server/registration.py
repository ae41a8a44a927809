"""Registration of the server at the portal, and the rotation of its key."""

from __future__ import annotations

import re

from .inputs import clean_email
from .portal_client import INTERACTIVE_TIMEOUT, PortalClient, PortalProblem, is_web_address
from .records import InputError
from .store import ServerSettings, Store, load_settings, new_key, save_settings
from .uploads import DEACTIVATED, promote_key, with_valid_key

# The protocol: at most 128 characters, a bare host or host:port.
HOSTNAME_PATTERN = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::[0-9]{1,5})?")
LONGEST_HOSTNAME = 128
DEACTIVATE = "deactivate"


def configure(
    store: Store,
    *,
    portal: str | None = None,
    hostname: str | None = None,
    contact_email: str | None = None,
    port: int | None = None,
) -> ServerSettings:
    """Keep what a command was given and return all settings; None leaves a setting as it is.

    Raises InputError for an address, hostname or email that the protocol would refuse.
    """
    changes: dict[str, str | int] = {}
    if portal is not None:
        if not is_web_address(portal):
            raise InputError("The portal's address must begin with http:// or https://.")
        changes["portal"] = portal.rstrip("/")
    if hostname is not None:
        changes["hostname"] = clean_hostname(hostname)
    if contact_email is not None:
        changes["contact_email"] = clean_email(contact_email)
    if port is not None:
        changes["port"] = port
    store.save(**changes)
    return store.settings()


def clean_hostname(text: str) -> str:
    """Return a hostname that may be registered; raises InputError for any other."""
    if len(text) > LONGEST_HOSTNAME or not HOSTNAME_PATTERN.fullmatch(text):
        raise InputError("The hostname must be a bare host or host:port of at most 128 characters.")
    return text


def own_hostname(settings: ServerSettings) -> str:
    """Return the hostname to register: the one chosen, else where this server runs.

    A transfer looks there by https, so a server that has an https port goes by that one.
    """
    return settings.hostname or f"localhost:{settings.https_port or settings.port}"


def register(store: Store) -> bool:
    """Register this server, or update what the portal knows of it; returns whether it is new.

    Safe to repeat.  Raises PortalProblem.
    """
    settings = store.settings()
    created = with_valid_key(
        store,
        lambda client: PortalClient.register(
            client,
            hostname=own_hostname(settings),
            contact_email=settings.contact_email,
        ),
        timeout=INTERACTIVE_TIMEOUT,
    )
    store.save(registered=True)
    return created


def deactivate(store: Store) -> None:
    """End this server's registration at the portal.  Raises PortalProblem, whose message is the
    portal's own when a plan stands in the way."""
    try:
        with_valid_key(store, PortalClient.deactivate, timeout=INTERACTIVE_TIMEOUT)
    except PortalProblem as problem:
        problem.step = DEACTIVATE
        raise
    store.save(refusal=DEACTIVATED)


def rotate_key(store: Store) -> None:
    """Replace the server's key by a new one; the old one stays until the portal says success.

    The new key is stored before the portal hears of it.  Killed in between, the server has both,
    and whatever it calls next finds out which one holds; running this again then finishes the
    same rotation instead of beginning another.  Raises PortalProblem.
    """
    with store.write() as connection:
        if not load_settings(connection).pending_key:
            save_settings(connection, pending_key=new_key())
    pending = store.settings().pending_key
    settings = store.settings()

    def send(client: PortalClient) -> bool:
        # When the portal knows the new key already, it is the one that authenticates.
        return client.register(
            hostname=own_hostname(settings),
            contact_email=settings.contact_email,
            new_key=pending if client.server_key != pending else None,
        )

    with_valid_key(store, send, timeout=INTERACTIVE_TIMEOUT)
    promote_key(store, pending)
    store.save(registered=True)
