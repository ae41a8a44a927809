"""The guarded client, against hosts that do everything a stranger's host might do."""

import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import trustme

from app.domain.errors import BillingError
from app.gateways import outgoing
from app.gateways.outgoing import LARGEST_BODY, GuardedClient, resolve_by_system
from app.gateways.payments import CalledInTransaction
from app.gateways.public_addresses import is_public
from tests.support.hosts import (
    LOOPBACK,
    Behaviour,
    Host,
    Names,
    answering,
    answering_json,
    closing,
    dripping,
    flooding,
    make_authority,
    running_host,
    silent,
)

NAME = "chat.acme.test"
PUBLIC = "8.8.8.8"
OK = b"HTTP/1.1 200 OK\r\n"
CHUNKS = OK + b"Transfer-Encoding: chunked\r\n\r\n"


# Seconds: the first for hosts that answer, however busy this machine is; the second for those that
# never do, which a test waits for.
DEADLINE, SHORT_DEADLINE = 10.0, 0.5


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> tuple[trustme.CA, Path]:
    """An authority that the client of these tests trusts."""
    return make_authority(tmp_path_factory.mktemp("authority"))


class World:
    """Hosts with certificates of the authority, and clients that trust it."""

    def __init__(self, authority: trustme.CA, trusted: Path) -> None:
        self.authority = authority
        self.trusted = trusted
        self.certificate = authority.issue_cert(NAME)

    def client(self, names: Names | None = None, **options: Any) -> GuardedClient:
        """A client for which NAME is on this machine, unless `names` says otherwise."""
        defaults: dict[str, Any] = {
            "in_transaction": lambda: False,
            "allow_private": True,
            "extra_ca_file": self.trusted,
            "resolve": names or Names({NAME: [[LOOPBACK]]}),
            "deadline": DEADLINE,
        }
        return GuardedClient(**(defaults | options))

    @contextmanager
    def host(self, behaviour: Behaviour) -> Iterator[Host]:
        """A host with a certificate for NAME."""
        with running_host(behaviour, self.certificate) as host:
            yield host

    def refusal(self, host: Host, **options: Any) -> tuple[str, dict[str, object]]:
        """Code and parameters of the error when that host is asked."""
        authority = f"{NAME}:{host.port}"
        with pytest.raises(BillingError) as caught:
            self.client(**options).get_json(authority, "/a")
        params = dict(caught.value.params)
        assert params.pop("host") == authority
        return caught.value.code, params


@pytest.fixture
def world(authority: tuple[trustme.CA, Path]) -> World:
    """See World."""
    return World(*authority)


def half_silent(connection: socket.socket) -> None:
    """Begins an answer and leaves it at that."""
    connection.sendall(OK + b"Content-Length: 9\r\n\r\n{")
    silent(connection)


def test_a_good_host(world: World) -> None:
    with world.host(answering_json({"a": [1]})) as host:
        authority = f"{NAME}:{host.port}"
        assert world.client().get_json(authority, "/a/b-c_d/") == {"a": [1]}
    first, *headers = host.requests[0].split("\r\n")
    assert first == "GET /a/b-c_d/ HTTP/1.1"
    assert f"Host: {authority}" in headers
    assert not any(line.lower().startswith(("cookie", "authorization")) for line in headers)


def test_a_body_in_chunks_of_the_largest_size(world: World) -> None:
    body = b'{"a":"' + b"x" * (LARGEST_BODY - 8) + b'"}'
    chunks = b"%x\r\n" % 100 + body[:100] + b"\r\n%x\r\n" % (len(body) - 100) + body[100:]
    head = OK + b"Transfer-Encoding: chunked\r\n\r\n"
    with world.host(
        lambda connection: connection.sendall(head + chunks + b"\r\n0\r\n\r\n")
    ) as host:
        found = world.client().get_json(f"{NAME}:{host.port}", "/")
    assert len(found["a"]) == LARGEST_BODY - 8


def test_a_form_is_posted_with_what_authorizes_it(world: World) -> None:
    with world.host(answering_json({"a": "x" * 5000})) as host:
        authority = f"{NAME}:{host.port}"
        found = world.client().post_form(
            authority, "/token?a=b", "c=d%C3%A9", authorization="Basic YTpi", largest=6000
        )
        assert len(found["a"]) == 5000
        with pytest.raises(BillingError) as caught:
            world.client().post_form(authority, "/token", "c=d", largest=4999)
    assert caught.value.code == "host_answer_too_large"
    first, *headers = host.requests[0].split("\r\n")
    assert first == "POST /token?a=b HTTP/1.1"
    assert "Authorization: Basic YTpi" in headers and "Content-Length: 9" in headers
    assert "Content-Type: application/x-www-form-urlencoded" in headers
    assert "Connection: close" in headers
    assert host.requests[0].endswith("\r\n\r\nc=d%C3%A9")
    assert "Authorization" not in host.requests[1]


def test_a_larger_answer_is_for_those_who_ask_for_it(world: World) -> None:
    body = {"a": "x" * 60_000}
    with world.host(answering_json(body)) as host:
        authority = f"{NAME}:{host.port}"
        assert world.client().get_json(authority, "/a", largest=64 * 1024) == body
        assert world.refusal(host)[0] == "host_answer_too_large"


@pytest.mark.parametrize("header", ["a\r\nb: c", "", " a", "é"])
def test_no_header_brings_another_one_along(world: World, header: str) -> None:
    with pytest.raises(ValueError, match="one line of ASCII"):
        world.client().post_form(NAME, "/", "", authorization=header)


def test_proxies_of_the_environment_do_not_count(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("https_proxy", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with world.host(answering_json({})) as host:
        assert world.client().get_json(f"{NAME}:{host.port}", "/") == {}


# --- answers ---


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "307 Temporary Redirect", "404 No"])
def test_another_status_is_refused_and_no_redirect_followed(world: World, status: str) -> None:
    with world.host(answering_json({})) as secret:
        leads = f"Location: https://{NAME}:{secret.port}/"
        with world.host(answering(b"{}", status, leads)) as host:
            code, params = world.refusal(host)
    assert (code, params) == ("host_wrong_status", {"status": int(status[:3])})
    assert secret.connections == 0


@pytest.mark.parametrize(
    ("behaviour", "code"),
    [
        (answering(b"[1]"), "host_answer_not_json"),
        (answering(b'"text"'), "host_answer_not_json"),
        (answering(b"<html>"), "host_answer_not_json"),
        (answering(b""), "host_answer_not_json"),
        (answering(b'{"a": "\xff"}'), "host_answer_not_json"),
        (answering(b"[" * 4000), "host_answer_not_json"),
        (answering(b'{"a":"' + b"x" * LARGEST_BODY + b'"}'), "host_answer_too_large"),
        (flooding(OK + b"\r\n"), "host_answer_too_large"),
        (flooding(OK + b"Content-Length: 10485760\r\n\r\n"), "host_answer_too_large"),
        (flooding(OK + b"X-Long: "), "host_answer_too_large"),
        (flooding(OK + b"a: b\r\n" * 5000), "host_answer_broken"),
        (flooding(b"HTTP/1.1 100 Continue\r\n\r\n" * 3000), "host_answer_too_large"),
        (closing, "host_answer_broken"),
        (lambda there: there.sendall(OK + b"Content-Length: 9\r\n\r\n{}"), "host_answer_broken"),
        (lambda connection: connection.sendall(b"SSH-2.0-OpenSSH_9.2\r\n"), "host_answer_broken"),
        (lambda connection: connection.sendall(b"\0" * 100), "host_answer_broken"),
        (lambda there: there.sendall(CHUNKS + b"-1\r\n{}\r\n0\r\n\r\n"), "host_answer_broken"),
        (lambda there: there.sendall(CHUNKS + b"-" + b"9" * 30 + b"\r\n{}"), "host_answer_broken"),
    ],
)
def test_answers_that_are_none(world: World, behaviour: Behaviour, code: str) -> None:
    with world.host(behaviour) as host:
        assert world.refusal(host) == (code, {})


@pytest.mark.parametrize(
    "behaviour",
    [
        silent,
        dripping(OK + b"Content-Length: 2\r\n\r\n{}", every=0.3),
        dripping(OK + b"Content-Length: 9\r\n\r\n", every=0.06),
        half_silent,
    ],
)
def test_a_host_that_takes_its_time(world: World, behaviour: Behaviour) -> None:
    with world.host(behaviour) as host:
        began = time.monotonic()
        assert world.refusal(host, deadline=SHORT_DEADLINE)[0] == "host_too_slow"
        assert time.monotonic() - began < 4


def test_the_deadline_is_five_seconds() -> None:
    assert outgoing.DEADLINE == 5.0


# --- connections and certificates ---


def test_a_host_without_https(world: World) -> None:
    with running_host(answering_json({}), None) as host:
        assert world.refusal(host)[0] == "host_not_https"


@pytest.mark.parametrize("which", ["other name", "other authority", "ip only"])
def test_a_certificate_that_is_not_the_hosts(world: World, tmp_path: Path, which: str) -> None:
    stranger, _ = make_authority(tmp_path)
    certificate = {
        "other name": world.authority.issue_cert("chat.other.test"),
        "other authority": stranger.issue_cert(NAME),
        "ip only": world.authority.issue_cert(LOOPBACK),
    }[which]
    with running_host(answering_json({}), certificate) as host:
        assert world.refusal(host)[0] == "host_certificate"
    assert host.requests == []


def test_the_authorities_of_the_machine_alone(world: World) -> None:
    with world.host(answering_json({})) as host:
        assert world.refusal(host, extra_ca_file=None)[0] == "host_certificate"


def test_nobody_listens(world: World) -> None:
    with world.host(closing) as host:
        pass
    began = time.monotonic()
    assert world.refusal(host)[0] == "host_unreachable"
    assert time.monotonic() - began < DEADLINE / 2


def test_a_handshake_that_never_ends(world: World) -> None:
    with running_host(silent, None) as host:
        # It waits for a request in clear and never answers ours.
        assert world.refusal(host, deadline=SHORT_DEADLINE)[0] == "host_too_slow"


def test_a_host_that_hangs_up_is_asked_once(world: World) -> None:
    with world.host(closing) as host:
        world.refusal(host)
    assert host.connections == 1


def test_a_host_that_listens_a_moment_later(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    with world.host(answering_json({"a": 1})) as host:
        client = world.client(Names({NAME: [["127.0.0.2", LOOPBACK]]}))
        # Nobody listens at the first address; the second attempt goes to the second.
        assert client.get_json(f"{NAME}:{host.port}", "/") == {"a": 1}
    monkeypatch.setattr(outgoing, "MOST_ATTEMPTS", 1)
    assert world.refusal(host)[0] == "host_unreachable"


# --- names and addresses ---

PRIVATE = [
    "127.0.0.1",
    "127.8.8.8",
    "0.0.0.0",
    "10.0.0.1",
    "100.64.0.1",
    "169.254.169.254",
    "172.16.0.1",
    "192.0.0.8",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::1",
    "::",
    "::7f00:1",
    "::ffff:127.0.0.1",
    "::ffff:8.8.8.8",
    "64:ff9b::7f00:1",
    "64:ff9b::808:808",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",
    "2001:db8::1",
    "2002:7f00:1::1",
    "2002:808:808::1",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd00::1",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
    "",
    "localhost",
    "8.8.8.8.8",
    "0x7f.1",
    "2130706433",
]


@pytest.mark.parametrize("address", PRIVATE)
def test_addresses_that_are_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", [PUBLIC, "1.1.1.1", "2606:4700::1111", "2001:4860:4860::8888"])
def test_addresses_that_are(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("address", [address for address in PRIVATE if address])
def test_a_name_that_leads_to_us(world: World, address: str) -> None:
    with world.host(answering_json({})) as host:
        names = Names({NAME: [[address]]})
        assert world.refusal(host, names=names, allow_private=False)[0] == "host_not_public"
    assert host.connections == 0


@pytest.mark.parametrize("answers", [[PUBLIC, LOOPBACK], [LOOPBACK, PUBLIC], [PUBLIC, "::1"]])
def test_one_private_address_among_public_ones(world: World, answers: list[str]) -> None:
    with world.host(answering_json({})) as host:
        names = Names({NAME: [answers]})
        assert world.refusal(host, names=names, allow_private=False)[0] == "host_not_public"
    assert host.connections == 0


def test_a_name_is_resolved_once_and_that_address_is_used(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name server that says a public address first and a private one the next time."""
    used = []

    def connect(place: tuple[str, int], timeout: float) -> Any:
        used.append(place)
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "create_connection", connect)
    names = Names({NAME: [[PUBLIC], [LOOPBACK]]})
    with pytest.raises(BillingError, match="host_unreachable"):
        world.client(names, allow_private=False).get_json(NAME, "/")
    assert names.asked == [NAME]
    assert used == [(PUBLIC, 443)] * outgoing.MOST_ATTEMPTS


def test_an_unknown_name_is_told_like_a_private_one(world: World) -> None:
    with pytest.raises(BillingError, match="host_not_public"):
        world.client(Names({})).get_json(NAME, "/")


def test_a_name_server_that_does_not_answer(world: World) -> None:
    over = threading.Event()

    def wait(host: str, port: int) -> list[str]:
        over.wait(10)
        return [LOOPBACK]

    began = time.monotonic()
    with pytest.raises(BillingError, match="host_too_slow"):
        world.client(resolve=wait, deadline=SHORT_DEADLINE).get_json(NAME, "/")
    assert time.monotonic() - began < 8
    over.set()


def test_the_resolver_of_the_machine() -> None:
    assert resolve_by_system("127.0.0.1", 443) == ["127.0.0.1"]
    # What C calls an address, in any of its spellings, is looked at as what it is.
    assert not any(map(is_public, resolve_by_system("2130706433", 443)))
    with pytest.raises(OSError):
        resolve_by_system("nobody.invalid", 443)


def test_localhost_by_its_names(world: World) -> None:
    certificate = world.authority.issue_cert("chat.localhost")
    with running_host(answering_json({}), certificate) as host:
        authority = f"chat.localhost:{host.port}"
        assert world.client(maps_localhost=True).get_json(authority, "/") == {}
        with pytest.raises(BillingError, match="host_not_public"):
            world.client().get_json(authority, "/")


@pytest.mark.parametrize("kind", ["[::1]", "127.0.0.1"])
def test_an_address_as_a_host(world: World, kind: str) -> None:
    with pytest.raises(BillingError, match="host_not_public"):
        world.client(resolve=resolve_by_system, allow_private=False).get_json(kind, "/")


@pytest.mark.parametrize(
    "typed",
    [
        f"{PUBLIC}@{NAME}",
        f"{NAME}@{LOOPBACK}",
        f"user:password@{NAME}",
        f"{NAME}/path",
        f"{NAME}?query",
        f"{NAME}#fragment",
        f"{NAME}:0",
        f"{NAME}:65536",
        f"{NAME}:https",
        f"{NAME}\\@{LOOPBACK}",
        f"{NAME}\r\nHost: other",
        "",
        ":443",
        "[::1",
    ],
)
def test_what_is_no_host(world: World, typed: str) -> None:
    names = Names({})
    with pytest.raises(BillingError, match="host_not_public"):
        world.client(names).get_json(typed, "/")
    assert names.asked == []


# --- mistakes of ours ---


@pytest.mark.parametrize("path", ["", "a", "/a b", "/a\r\nHost: b", "/ä"])
def test_a_path_that_nobody_checked(world: World, path: str) -> None:
    with pytest.raises(ValueError, match="path"):
        world.client().get_json(NAME, path)


def test_inside_a_transaction(world: World) -> None:
    with pytest.raises(CalledInTransaction):
        world.client(in_transaction=lambda: True).get_json(NAME, "/")
    with pytest.raises(CalledInTransaction):
        world.client(in_transaction=lambda: True).post_form(NAME, "/", "")


def test_certificates_are_checked(world: World) -> None:
    context = world.client()._context()
    assert context.check_hostname and context.verify_mode is ssl.CERT_REQUIRED
    assert context.minimum_version >= ssl.TLSVersion.TLSv1_2
