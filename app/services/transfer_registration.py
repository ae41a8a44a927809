"""A server that lost its secrets gets a new key by proving that it holds its hostname.

Wire protocol, "server/register/transfer, server/register/verify_challenge": the host serves a
secret of ours at an address of its own choice, we fetch it from there, and whoever asked us to
gets the registration.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import delete, or_, select, update
from sqlalchemy.orm import Session

from app.domain.errors import BillingError
from app.models.people import BillingUser
from app.models.registrations import Organization, Server, TransferChallenge
from app.services.audit import record_audit
from app.services.authenticate_server import SERVER_KEY
from app.services.context import Actor, Context, server_actor
from app.services.logs import log_event
from app.services.outbox import record_mail
from app.services.server_access import end_access_to_server
from app.services.unit_of_work import UnitOfWork, unit_of_work

GOOD_FOR = timedelta(minutes=10)
# Old challenges are deleted when the server asks for another one.
KEPT = timedelta(days=1)
SECRET_FIELD = "verification_secret"
_PURPOSE = "server-transfer"


@dataclass(frozen=True, slots=True)
class TransferredServer:
    """A registration in new hands: its UUID, and the only copy of its new key."""

    uuid: str
    key: str


def start_transfer(ctx: Context, hostname: str, *, ip: str | None) -> str:
    """A secret for the host of that name (in lower case) to serve, good once and for ten minutes.

    Raises BillingError `hostname_not_registered`, also for a deactivated registration: that it is
    one is told to those with its key only. It is reactivated by staff.
    """
    nonce = ctx.tokens.new_secret()
    with unit_of_work(ctx) as work:
        server = _claim(work, hostname)
        work.session.execute(
            delete(TransferChallenge).where(
                TransferChallenge.server_id == server.id,
                TransferChallenge.expires_at < work.now - KEPT,
            )
        )
        work.session.add(
            TransferChallenge(
                nonce=nonce,
                server_id=server.id,
                hostname=hostname,
                created_at=work.now,
                expires_at=work.now + GOOD_FOR,
            )
        )
        record_audit(
            work,
            "server.transfer_requested",
            actor=Actor("stranger", ip=ip),
            server_id=server.id,
            after={"hostname": hostname},
        )
        work.commit()
    return ctx.tokens.sign(_PURPOSE, {"hostname": hostname, "nonce": nonce})


def finish_transfer(
    ctx: Context, hostname: str, *, access_token: str, ip: str | None
) -> TransferredServer:
    """Fetch the secret from the host and hand its registration over: a new key, the old one and
    all sessions and pending links end, everybody proves their address again at the next login, and
    the old contact is mailed.

    `access_token` matches `[A-Za-z0-9_-]{16,128}`. Of two calls at once, one wins. Nothing is
    fetched unless a secret of that hostname is waiting. Raises BillingError
    `hostname_not_registered`, `transfer_not_started`, `transfer_secret_missing`,
    `transfer_secret_wrong`, `transfer_secret_expired`, `transfer_secret_used`, or those of
    `OutgoingGateway.get_json`.
    """
    _check_waiting(ctx, hostname)
    path = f"/api/v1/zulip-services/verify/{access_token}/"
    nonce = _read_nonce(ctx, hostname, ctx.outgoing.get_json(hostname, path))
    key = ctx.tokens.new_key()
    with unit_of_work(ctx) as work:
        server = _claim(work, hostname)
        _use_challenge(work, server, nonce)
        _hand_over(work, server, key=key, nonce=nonce, ip=ip)
        found = TransferredServer(server.uuid, key)
        server_id = server.id
        work.commit()
    log_event("server.transferred", server=server_id)
    return found


def _find(session: Session, hostname: str) -> int:
    found = session.scalars(
        select(Server.id).where(Server.hostname == hostname, Server.deactivated_at.is_(None))
    ).first()
    if found is None:
        raise BillingError("hostname_not_registered", hostname=hostname)
    return found


def _claim(work: UnitOfWork, hostname: str) -> Server:
    server = work.claim_server(_find(work.session, hostname))
    if server.hostname != hostname or server.deactivated_at is not None:
        # It changed between the look and the lock.
        raise BillingError("hostname_not_registered", hostname=hostname)
    return server


def _check_waiting(ctx: Context, hostname: str) -> None:
    """Strangers cannot make us ask hosts at will."""
    with unit_of_work(ctx) as work:
        waiting = select(TransferChallenge.id).where(
            TransferChallenge.server_id == _find(work.session, hostname),
            TransferChallenge.hostname == hostname,
            TransferChallenge.used_at.is_(None),
            TransferChallenge.expires_at > work.now,
        )
        if work.session.scalars(waiting.limit(1)).first() is None:
            raise BillingError("transfer_not_started", hostname=hostname)


def _read_nonce(ctx: Context, hostname: str, answer: Mapping[str, Any]) -> str:
    """Which challenge a host answers with; its signature, purpose and hostname are right."""
    secret = answer.get(SECRET_FIELD)
    if not isinstance(secret, str):
        raise BillingError("transfer_secret_missing", hostname=hostname)
    try:
        # The row knows when it ends; the signature's age is a second lock on the same door.
        value, _ = ctx.tokens.read(_PURPOSE, secret, max_age=GOOD_FOR)
    except BillingError as refused:
        if refused.code == "token_expired":
            raise BillingError("transfer_secret_expired", hostname=hostname) from None
        raise BillingError("transfer_secret_wrong", hostname=hostname) from None
    if value["hostname"] != hostname:
        raise BillingError("transfer_secret_wrong", hostname=hostname)
    nonce: str = value["nonce"]
    return nonce


def _use_challenge(work: UnitOfWork, server: Server, nonce: str) -> None:
    """Each secret is accepted once: the row decides, in one statement."""
    used = (
        update(TransferChallenge)
        .where(
            TransferChallenge.nonce == nonce,
            TransferChallenge.server_id == server.id,
            TransferChallenge.hostname == server.hostname,
            TransferChallenge.used_at.is_(None),
            TransferChallenge.expires_at > work.now,
        )
        .values(used_at=work.now)
        .returning(TransferChallenge.id)
        .execution_options(synchronize_session=False)
    )
    if work.session.execute(used).first() is not None:
        return
    row = work.session.scalars(
        select(TransferChallenge).where(TransferChallenge.nonce == nonce)
    ).one_or_none()
    if row is None or row.server_id != server.id:
        raise BillingError("transfer_secret_wrong", hostname=server.hostname)
    if row.used_at is not None:
        raise BillingError("transfer_secret_used", hostname=server.hostname)
    raise BillingError("transfer_secret_expired", hostname=server.hostname)


def _hand_over(work: UnitOfWork, server: Server, *, key: str, nonce: str, ip: str | None) -> None:
    signing_key = server.signing_public_key
    server.key_hash = work.ctx.tokens.hash_secret(SERVER_KEY, key)
    # Whoever holds the old secrets must not sign for this server any more either.
    server.signing_public_key = None
    end_access_to_server(work, server.id)
    _end_challenges(work, server)
    _ask_for_new_proofs(work, server)
    record_audit(
        work,
        "server.transferred",
        actor=server_actor(server.id, ip=ip),
        server_id=server.id,
        before={"signing_public_key": signing_key},
        after={"hostname": server.hostname, "signing_public_key": None},
    )
    record_mail(
        work,
        template="server_transferred",
        recipient=server.contact_email,
        params={"host": server.hostname, "at": work.now},
        event_key=f"server.transferred:{nonce}",
    )


def _end_challenges(work: UnitOfWork, server: Server) -> None:
    """Secrets that were asked for beside the one that was used."""
    waiting = update(TransferChallenge).where(
        TransferChallenge.server_id == server.id, TransferChallenge.used_at.is_(None)
    )
    work.session.execute(
        waiting.values(used_at=work.now).execution_options(synchronize_session=False)
    )


def _ask_for_new_proofs(work: UnitOfWork, server: Server) -> None:
    """The people of this server and of its organizations confirm their address again."""
    organization_ids = select(Organization.id).where(Organization.server_id == server.id)
    work.session.execute(
        update(BillingUser)
        .where(
            or_(
                BillingUser.server_id == server.id,
                BillingUser.organization_id.in_(organization_ids),
            )
        )
        .values(email_confirmed_at=None)
        .execution_options(synchronize_session=False)
    )
