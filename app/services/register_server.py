"""A server registers itself, or changes its hostname, contact address or key."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from app.domain.errors import BillingError
from app.models.registrations import Server
from app.services.audit import record_audit
from app.services.authenticate_server import SERVER_KEY
from app.services.context import Actor, Context, server_actor
from app.services.server_access import end_logins_by_key
from app.services.unit_of_work import UnitOfWork, unit_of_work


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterServer:
    """What a server says about itself; every field has the form that the wire protocol asks for.

    `new_key` replaces `key` from now on; logins that began with `key` and are under way end.
    """

    uuid: str
    key: str
    hostname: str
    contact_email: str
    new_key: str | None = None
    signing_public_key: str | None = None


def register_server(ctx: Context, command: RegisterServer, *, ip: str | None) -> bool:
    """Create or update a registration; True when it was created.

    Raises BillingError `server_credentials`, `server_deactivated` or `hostname_in_use`.
    """
    try:
        return _register(ctx, command, ip)
    except IntegrityError:
        # Another request registered the UUID or took the hostname since we looked: what it left
        # is there now and decides.
        return _register(ctx, command, ip)


def _register(ctx: Context, command: RegisterServer, ip: str | None) -> bool:
    with unit_of_work(ctx) as work:
        server_id = work.session.scalars(
            select(Server.id).where(Server.uuid == command.uuid)
        ).one_or_none()
        if server_id is None:
            _create(work, command, ip)
        else:
            _update(work, work.claim_server(server_id), command, ip)
        work.commit()
    return server_id is None


def _create(work: UnitOfWork, command: RegisterServer, ip: str | None) -> None:
    # Our own UUID may be there since we looked: then inserting it fails, and we look again.
    _check_hostname(work, command)
    server = Server(
        uuid=command.uuid,
        hostname=command.hostname,
        contact_email=command.contact_email,
        key_hash=_hash(work, command.new_key or command.key),
        signing_public_key=command.signing_public_key,
        created_at=work.now,
    )
    work.session.add(server)
    work.flush()
    record_audit(
        work,
        "server.registered",
        actor=_actor(server, command, ip),
        server_id=server.id,
        after={"uuid": server.uuid, "hostname": server.hostname},
    )


def _update(work: UnitOfWork, server: Server, command: RegisterServer, ip: str | None) -> None:
    tokens = work.ctx.tokens
    if not tokens.matches(SERVER_KEY, command.key, stored_hash=server.key_hash):
        raise BillingError("server_credentials", uuid=command.uuid)
    if server.deactivated_at is not None:
        raise BillingError("server_deactivated")
    actor = _actor(server, command, ip)
    if command.hostname != server.hostname:
        _check_hostname(work, command)
        record_audit(
            work,
            "server.hostname_changed",
            actor=actor,
            server_id=server.id,
            before={"hostname": server.hostname},
            after={"hostname": command.hostname},
        )
        server.hostname = command.hostname
    if command.contact_email != server.contact_email:
        # The new address stands with the actor, where it can be erased.
        record_audit(work, "server.contact_changed", actor=actor, server_id=server.id)
        server.contact_email = command.contact_email
    if command.signing_public_key not in (None, server.signing_public_key):
        record_audit(
            work,
            "server.signing_key_changed",
            actor=actor,
            server_id=server.id,
            before={"signing_public_key": server.signing_public_key},
            after={"signing_public_key": command.signing_public_key},
        )
        server.signing_public_key = command.signing_public_key
    if command.new_key is not None and command.new_key != command.key:
        record_audit(work, "server.key_rotated", actor=actor, server_id=server.id)
        server.key_hash = _hash(work, command.new_key)
        end_logins_by_key(work, server.id)
    work.flush()


def _check_hostname(work: UnitOfWork, command: RegisterServer) -> None:
    taken = select(Server.id).where(
        Server.hostname == command.hostname, Server.uuid != command.uuid
    )
    if work.session.scalars(taken).first() is not None:
        raise BillingError("hostname_in_use", hostname=command.hostname)


def _hash(work: UnitOfWork, key: str) -> str:
    return work.ctx.tokens.hash_secret(SERVER_KEY, key)


def _actor(server: Server, command: RegisterServer, ip: str | None) -> Actor:
    return Actor(server_actor(server.id).name, email=command.contact_email, ip=ip)
