"""POST server/register/transfer and POST server/register/verify_challenge, over real https."""

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import trustme
from flask import Flask
from sqlalchemy import select
from werkzeug.test import TestResponse

from app.clock import FixedClock
from app.gateways.tokens import TokenGateway
from app.models.audit import AuditEntry
from app.models.people import BillingUser, LoginLink
from app.models.registrations import TransferChallenge
from app.models.sessions import BrowserSession
from app.services.context import Context
from tests.support.client import CheckedClient
from tests.support.hosts import (
    Host,
    answering,
    answering_json,
    closing,
    make_authority,
    running_host,
)
from tests.support.login import KnownOrganization as Known
from tests.support.login import (
    begin_server_session,
    begin_session,
    load_known_server,
    make_link,
)
from tests.support.mail import RecordingMailer
from tests.support.wire import BASE, WireServer, load_organization, load_server, realm, refusal

OTHER = "0f1e2d3c-4b5a-4c6d-9e7f-8a9b0c1d2e3f"
TOKEN = "a-B_9" * 4
NAME = "chat.localhost"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> tuple[trustme.CA, Path]:
    """An authority that the portal trusts because its settings say so."""
    return make_authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def settings_overrides(authority: tuple[trustme.CA, Path]) -> dict[str, Any]:
    """The hosts of these tests are on this machine."""
    return {"allow_private_hosts": True, "extra_ca_file": str(authority[1])}


class LostServer:
    """A server that may have lost its secrets, and the host that it still holds."""

    def __init__(self, host: Host, client: CheckedClient) -> None:
        self.host = host
        self.client = client
        self.hostname = f"{NAME}:{host.port}"
        # What the host serves at every address.
        self.serves: Any = {}
        self.server = WireServer(client, hostname=self.hostname)

    def transfer(self, **fields: Any) -> TestResponse:
        """Ask for a secret."""
        data = {"hostname": self.hostname} | fields
        return self.client.post(f"{BASE}/server/register/transfer", data=data)

    def secret(self) -> str:
        """Ask for a secret and get it."""
        secret = self.transfer().get_json()["verification_secret"]
        assert isinstance(secret, str)
        return secret

    def serve(self, secret: object) -> None:
        """Serve that secret from now on."""
        self.serves = {"verification_secret": secret}

    def verify(self, **fields: Any) -> TestResponse:
        """Say that the secret is served."""
        data = {"hostname": self.hostname, "access_token": TOKEN} | fields
        return self.client.post(f"{BASE}/server/register/verify_challenge", data=data)

    def problem(self, **fields: Any) -> str:
        """The message when that is refused with status 400; the key is still the old one."""
        status, code, message = refusal(self.verify(**fields))
        assert (status, code) == (400, "BAD_REQUEST")
        assert "127.0.0.1" not in message.replace(self.hostname, "")
        assert self.server.call("GET", "server/analytics/status").status_code == 200
        return message


@pytest.fixture
def lost(client: CheckedClient, authority: tuple[trustme.CA, Path]) -> Iterator[LostServer]:
    """A registered server whose host answers with what the test wants."""
    made: list[LostServer] = []
    behaviour = answering_json(lambda: made[0].serves)
    with running_host(behaviour, authority[0].issue_cert(NAME)) as host:
        made.append(LostServer(host, client))
        assert made[0].server.register().get_json()["created"] is True
        yield made[0]


def actions(ctx: Context) -> list[str]:
    with ctx.sessions() as session:
        return list(session.scalars(select(AuditEntry.action).order_by(AuditEntry.id)))


# --- the whole road ---


def test_a_server_that_lost_its_key(
    lost: LostServer, ctx: Context, mailer: RecordingMailer
) -> None:
    lost.serve(lost.secret())
    answer = lost.verify().get_json()
    assert answer == {
        "result": "success",
        "msg": "",
        "zulip_org_id": lost.server.uuid,
        "zulip_org_key": answer["zulip_org_key"],
    }
    # Asked once, at the address that the protocol says, and nowhere else.
    assert [text.split("\r\n")[0] for text in lost.host.requests] == [
        f"GET /api/v1/zulip-services/verify/{TOKEN}/ HTTP/1.1"
    ]
    assert refusal(lost.server.call("GET", "server/analytics/status"))[:2] == (
        401,
        "INVALID_ZULIP_SERVER",
    )
    lost.server.key = answer["zulip_org_key"]
    assert len(lost.server.key) == 64
    assert lost.server.last_ids() == (0, 0, 0)
    assert lost.server.register().get_json()["created"] is False
    stored = load_server(ctx)
    assert lost.server.key not in stored.key_hash
    assert actions(ctx) == [
        "server.registered",
        "server.transfer_requested",
        "server.transferred",
    ]
    mail = mailer.outbox[-1]
    assert mail.recipient == "root@acme.test"
    assert lost.hostname in mail.subject and "new key" in mail.subject
    assert lost.server.key not in mail.text + (mail.html or "")


def test_in_json_and_whatever_the_letters_of_the_name(lost: LostServer) -> None:
    typed = lost.hostname.upper()
    asked = lost.client.post(f"{BASE}/server/register/transfer", json={"hostname": typed})
    lost.serve(asked.get_json()["verification_secret"])
    answer = lost.client.post(
        f"{BASE}/server/register/verify_challenge",
        json={"hostname": typed, "access_token": TOKEN},
    )
    assert answer.get_json()["zulip_org_id"] == lost.server.uuid


def test_everything_that_the_old_holder_had_ends(
    lost: LostServer, client: CheckedClient, ctx: Context, mailer: RecordingMailer
) -> None:
    key = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
    lost.server.register(signing_public_key=key)
    lost.server.upload([], [realm()])
    other = WireServer(client, uuid=OTHER, key="o" * 64, hostname="chat.other.test")
    other.register()
    other.upload([], [realm(3)])
    ours, theirs = (
        Known(row.id, str(row.uuid), row.host, row.server_id)
        for row in (load_organization(ctx), load_organization(ctx, realm(3)["uuid"]))
    )
    link, foreign_link = make_link(ctx, ours), make_link(ctx, theirs)
    people = {
        "ours": begin_session(client, ctx, ours),
        "server": begin_server_session(client, ctx, load_known_server(ctx, ours.server_id)),
        "theirs": begin_session(client, ctx, theirs),
    }
    with ctx.sessions() as session:
        session.query(BillingUser).update({"email_confirmed_at": ctx.now()})
        session.commit()
    lost.serve(lost.secret())
    assert lost.verify().status_code == 200
    with ctx.sessions() as session:
        users = {user.id: user for user in session.scalars(select(BillingUser))}
        assert users[people["ours"]].email_confirmed_at is None
        assert users[people["server"]].email_confirmed_at is None
        assert users[people["theirs"]].email_confirmed_at is not None
        revoked = {
            row.billing_user_id: row.revoked_at is not None
            for row in session.scalars(select(BrowserSession))
        }
        assert [revoked[people[who]] for who in ("ours", "server", "theirs")] == [
            True,
            True,
            False,
        ]
        links = session.scalars(select(LoginLink).order_by(LoginLink.id)).all()
        ended = [row.revoked_at is not None for row in links if row.completed_at is None]
        assert ended == [True, False]
    assert load_server(ctx).signing_public_key is None
    assert client.get(link, follow_redirects=True).status_code in {400, 403}
    assert client.get(foreign_link, follow_redirects=True).status_code == 200


def test_a_new_installation_takes_over_a_hostname_that_is_held(lost: LostServer) -> None:
    newcomer = WireServer(lost.client, uuid=OTHER, key="o" * 64, hostname=lost.hostname)
    assert refusal(newcomer.register())[1] == "HOSTNAME_ALREADY_IN_USE_BOUNCER_ERROR"
    lost.serve(lost.secret())
    answer = lost.verify().get_json()
    newcomer.uuid, newcomer.key = answer["zulip_org_id"], answer["zulip_org_key"]
    assert newcomer.register().get_json()["created"] is False


# --- who may ask ---


@pytest.mark.parametrize("call", ["transfer", "verify"])
def test_a_hostname_that_nobody_registered(lost: LostServer, call: str) -> None:
    response = getattr(lost, call)(hostname="nobody.acme.test")
    status, code, message = refusal(response)
    assert (status, code) == (400, "BAD_REQUEST")
    assert "nobody.acme.test" in message
    assert lost.host.connections == 0


def test_a_deactivated_registration_is_told_to_nobody(lost: LostServer, ctx: Context) -> None:
    secret = lost.secret()
    unknown = refusal(lost.transfer(hostname="nobody.acme.test"))
    assert lost.server.call("POST", "server/deactivate").status_code == 200
    told = refusal(lost.transfer())
    assert told[:2] == unknown[:2]
    assert told[2] == unknown[2].replace("nobody.acme.test", lost.hostname)
    lost.serve(secret)
    assert refusal(lost.verify()) == told
    assert lost.host.connections == 0
    assert "server.transferred" not in actions(ctx)


def test_nothing_is_fetched_unless_a_secret_is_waiting(lost: LostServer, clock: FixedClock) -> None:
    assert "transfer_not_started" not in lost.problem()
    lost.secret()
    clock.advance(minutes=10)
    assert "is waiting" in lost.problem()
    assert lost.host.connections == 0


@pytest.mark.parametrize(
    "hostname",
    [
        "a@chat.localhost",
        "chat.localhost/path",
        "https://chat.localhost",
        "chat.localhost?a=b",
        "chat.localhost#a",
        "chat.localhost:0",
        "chat.localhost:65536",
        "chat.localhost:443:443",
        "chat localhost",
        "chat\r\nlocalhost",
        "..",
        "",
        "x" * 129,
    ],
)
@pytest.mark.parametrize("call", ["transfer", "verify"])
@pytest.mark.sqlite_only
def test_hostnames_that_are_none(lost: LostServer, call: str, hostname: str) -> None:
    status, code, message = refusal(getattr(lost, call)(hostname=hostname))
    assert (status, code) == (400, "BAD_REQUEST")
    assert message.startswith("hostname")
    assert lost.host.connections == 0


@pytest.mark.parametrize(
    "token",
    [
        "../" * 8,
        "..%2f" * 8,
        "%2e%2e" * 8,
        "a/b" * 8,
        "a" * 15,
        "a" * 129,
        "a" * 16 + "/",
        "a" * 16 + "?x=1",
        "a" * 16 + "#",
        "a" * 16 + "\n",
        "a" * 16 + " HTTP/1.1\r\nHost: other",
        "é" * 16,
        "\u0661" * 16,
        "a.b." * 8,
        "",
    ],
)
@pytest.mark.sqlite_only
def test_access_tokens_that_would_change_the_address(lost: LostServer, token: str) -> None:
    lost.serve(lost.secret())
    message = lost.problem(access_token=token)
    assert message.startswith("access_token")
    assert lost.host.connections == 0


@pytest.mark.parametrize("token", ["a" * 16, "_-" * 64])
@pytest.mark.sqlite_only
def test_the_shortest_and_the_longest_access_token(lost: LostServer, token: str) -> None:
    lost.serve(lost.secret())
    assert lost.verify(access_token=token).status_code == 200


@pytest.mark.parametrize("field", ["hostname", "access_token"])
@pytest.mark.sqlite_only
def test_a_field_is_missing(lost: LostServer, field: str) -> None:
    fields = {"hostname": lost.hostname, "access_token": TOKEN}
    del fields[field]
    response = lost.client.post(f"{BASE}/server/register/verify_challenge", data=fields)
    assert refusal(response)[2] == f"{field}: this field is missing."


@pytest.mark.parametrize("path", ["transfer", "verify_challenge"])
@pytest.mark.sqlite_only
def test_other_methods(lost: LostServer, path: str) -> None:
    response = lost.client.get(f"{BASE}/server/register/{path}")
    assert refusal(response)[:2] == (405, "METHOD_NOT_ALLOWED")


# --- what the host answers ---


@pytest.mark.parametrize(
    "answer",
    [{}, [], ["verification_secret"], {"verification_secret": None}, {"verification_secret": 1}],
)
@pytest.mark.sqlite_only
def test_an_answer_without_a_secret(lost: LostServer, answer: Any) -> None:
    lost.secret()
    lost.serves = answer
    assert lost.hostname in lost.problem()


def test_secrets_that_are_not_ours(lost: LostServer, ctx: Context, clock: FixedClock) -> None:
    secret = lost.secret()
    stranger = TokenGateway(keys=["another-key-with-more-than-32-characters"], clock=clock)
    value, _ = ctx.tokens.read("server-transfer", secret, max_age=timedelta(minutes=1))
    wrong = [
        "",
        "nonsense",
        secret[:-1],
        secret + "A",
        secret.swapcase(),
        stranger.sign("server-transfer", value),
        ctx.tokens.sign("another-purpose", value),
        ctx.tokens.sign("server-transfer", value | {"nonce": "never stored"}),
        ctx.tokens.sign("server-transfer", value | {"hostname": "chat.other.test"}),
    ]
    for each in wrong:
        lost.serve(each)
        assert "not ours" in lost.problem(), each
    lost.serve(secret)
    assert lost.verify().status_code == 200


def test_the_secret_of_another_host(lost: LostServer, client: CheckedClient) -> None:
    other = WireServer(client, uuid=OTHER, key="o" * 64, hostname="chat.other.test")
    other.register()
    lost.secret()
    lost.serve(lost.transfer(hostname="chat.other.test").get_json()["verification_secret"])
    assert "not for this host" in lost.problem()


def test_a_secret_lives_for_ten_minutes(lost: LostServer, clock: FixedClock) -> None:
    lost.serve(lost.secret())
    clock.advance(seconds=600)
    # Another one waits, so the host is asked; the old one is of no use.
    lost.secret()
    assert "ten minutes" in lost.problem()
    lost.serve(lost.secret())
    clock.advance(seconds=599)
    assert lost.verify().status_code == 200


def test_a_secret_is_good_once(lost: LostServer, ctx: Context) -> None:
    secret = lost.secret()
    lost.serve(secret)
    lost.server.key = lost.verify().get_json()["zulip_org_key"]
    assert "is waiting" in lost.problem()
    # With another secret waiting the host is asked again, and its old answer is refused.
    lost.secret()
    assert "used already" in lost.problem()
    assert actions(ctx).count("server.transferred") == 1


def test_the_other_secrets_end_with_the_transfer(lost: LostServer) -> None:
    first, second = lost.secret(), lost.secret()
    lost.serve(second)
    lost.server.key = lost.verify().get_json()["zulip_org_key"]
    lost.serve(first)
    assert "is waiting" in lost.problem()


def test_the_hostname_changed_hands_meanwhile(lost: LostServer, client: CheckedClient) -> None:
    """The name is another server's by now: its registration is not what the secret was for."""
    lost.serve(lost.secret())
    lost.server.register(hostname="moved.acme.test")
    other = WireServer(client, uuid=OTHER, key="o" * 64, hostname=lost.hostname)
    assert other.register().status_code == 200
    assert "is waiting" in lost.problem()
    lost.transfer()
    assert "not ours" in lost.problem()
    assert other.call("GET", "server/analytics/status").status_code == 200


def test_two_calls_at_once_have_one_winner(lost: LostServer, app: Flask, ctx: Context) -> None:
    lost.serve(lost.secret())
    barrier = threading.Barrier(4)
    answers: list[TestResponse] = []

    def verify() -> None:
        caller = LostServer(lost.host, app.test_client())  # type: ignore[arg-type]  # make_app sets the class of clients
        barrier.wait()
        answers.append(caller.verify())

    threads = [threading.Thread(target=verify) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    won = [answer.get_json() for answer in answers if answer.status_code == 200]
    assert len(answers) == 4 and len(won) == 1
    assert {answer.status_code for answer in answers} == {200, 400}
    lost.server.key = won[0]["zulip_org_key"]
    assert lost.server.last_ids() == (0, 0, 0)
    assert actions(ctx).count("server.transferred") == 1


@pytest.mark.sqlite_only
@pytest.mark.parametrize(
    ("behaviour", "says"),
    [
        (answering(b"{}", "302 Found", "Location: http://169.254.169.254/"), "status 302"),
        (answering(b"{}", "500 Oops"), "status 500"),
        (answering(b"x" * 5000), "4 KiB"),
        (answering(b"<html>"), "JSON object"),
        (closing, "broke off"),
    ],
)
def test_the_step_that_failed_is_told(
    client: CheckedClient,
    authority: tuple[trustme.CA, Path],
    ctx: Context,
    behaviour: Any,
    says: str,
) -> None:
    with running_host(behaviour, authority[0].issue_cert(NAME)) as host:
        lost = LostServer(host, client)
        lost.server.register()
        lost.secret()
        message = lost.problem()
    assert says in message and lost.hostname in message
    # The secret was not used up by it.
    with ctx.sessions() as session:
        assert session.scalars(select(TransferChallenge.used_at)).all() == [None]


@pytest.mark.sqlite_only
def test_private_addresses_are_refused_unless_an_operator_allows_them(
    make_app: Callable[..., Flask],
) -> None:
    client = make_app(allow_private_hosts=False).test_client()
    for hostname in ("chat.localhost", "127.0.0.1", "[::1]", "169.254.169.254", "2130706433"):
        lost = LostServer(Host(443), client)  # type: ignore[arg-type]  # make_app sets the class of clients
        lost.hostname = lost.server.hostname = hostname
        lost.server.uuid = OTHER
        assert lost.server.register().status_code == 200
        lost.secret()
        assert lost.problem() == f"{hostname}: the name does not lead to a public address."


# --- housekeeping and limits ---


def test_old_secrets_are_cleared_away(lost: LostServer, ctx: Context, clock: FixedClock) -> None:
    lost.secret()
    clock.advance(hours=23)
    lost.secret()
    clock.advance(hours=2)
    lost.secret()
    with ctx.sessions() as session:
        assert len(session.scalars(select(TransferChallenge)).all()) == 2


@pytest.mark.sqlite_only
def test_so_many_calls_of_one_address(make_app: Callable[..., Flask]) -> None:
    client = make_app(rate_limit_transfer_address="2 per minute").test_client()
    lost = LostServer(Host(443), client)  # type: ignore[arg-type]  # make_app sets the class of clients
    lost.server.register()
    assert lost.transfer().status_code == 200
    assert lost.verify(hostname="nobody.acme.test").status_code == 400
    for call in (lost.transfer, lost.verify):
        response = call()
        assert refusal(response)[:2] == (429, "RATE_LIMIT_HIT")
        assert 1 <= response.get_json()["retry-after"] <= 60
        assert response.headers["Retry-After"] == str(response.get_json()["retry-after"])
    elsewhere = {"REMOTE_ADDR": "203.0.113.9"}
    again = client.post(
        f"{BASE}/server/register/transfer",
        data={"hostname": lost.hostname},
        environ_overrides=elsewhere,
    )
    assert again.status_code == 200


@pytest.mark.sqlite_only
def test_so_many_calls_of_everybody(make_app: Callable[..., Flask]) -> None:
    client = make_app(
        rate_limit_transfer="3 per minute", rate_limit_transfer_address="2 per minute"
    ).test_client()
    WireServer(client).register()

    def ask(address: str) -> int:
        return client.post(
            f"{BASE}/server/register/transfer",
            data={"hostname": "chat.acme.test"},
            environ_overrides={"REMOTE_ADDR": address},
        ).status_code

    # What one address is refused does not use up what all have together.
    assert [ask("203.0.113.9") for _ in range(5)] == [200, 200, 429, 429, 429]
    assert [ask("203.0.113.10"), ask("203.0.113.11")] == [200, 429]
