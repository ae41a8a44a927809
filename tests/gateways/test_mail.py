"""Mail handed over to a real SMTP server, refused by it, or caught."""

import socket
import ssl
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from app.clock import SystemClock
from app.gateways import mail as mail_gateway
from app.gateways.mail import (
    CatchingMailGateway,
    MailError,
    RenderedMail,
    SmtpMailGateway,
    build_mailer,
)
from app.settings import SettingsError, load_settings
from tests.support.mail import SmtpServer
from tests.support.servers import free_port

SENDER = "Acorn Billing <billing@portal.test>"
SECRETS = {
    "secret_keys": ("a-key-of-the-tests-with-more-than-32-characters",),
    "stripe_secret_key": "sk_test_x",
    "stripe_webhook_secret": "whsec_x",
    "base_url": "https://billing.test",
}


def render(template: str, params: object) -> RenderedMail:
    return RenderedMail(
        subject=f"Zahlung fällig: {template}",
        text=f"Grüße {params}\n",
        html=f"<p>Grüße {params}</p>",
    )


def gateway(url: str) -> SmtpMailGateway:
    return SmtpMailGateway(url=url, sender=SENDER, renderer=render)


def send(mailer: SmtpMailGateway, recipient: str = "iago@acme.test") -> RenderedMail:
    return mailer.send("invoice", {"n": 1}, recipient=recipient, message_id="<mail-1@portal.test>")


def test_a_mail_arrives(smtp_server: SmtpServer) -> None:
    rendered = send(gateway(smtp_server.url))
    (message,) = smtp_server.messages
    assert message["Subject"] == rendered.subject == "Zahlung fällig: invoice"
    assert (message["From"], message["To"]) == (SENDER, "iago@acme.test")
    assert message["Message-ID"] == "<mail-1@portal.test>"
    assert message["Auto-Submitted"] == "auto-generated"
    parts = {part.get_content_type(): part for part in message.walk() if not part.is_multipart()}
    assert list(parts) == ["text/plain", "text/html"], "the better part stands last"
    assert parts["text/plain"].get_content().strip() == rendered.text.strip()
    assert parts["text/html"].get_content().strip() == rendered.html.strip()


def test_several_mails_of_one_gateway(smtp_server: SmtpServer) -> None:
    mailer = gateway(smtp_server.url)
    for _ in range(3):
        send(mailer)
    assert len(smtp_server.messages) == 3


@pytest.mark.parametrize(
    ("refusal", "permanent"),
    [("554 5.7.1 iago@acme.test is spam", True), ("451 4.3.0 iago@acme.test later", False)],
)
def test_a_mail_is_refused(smtp_server: SmtpServer, refusal: str, permanent: bool) -> None:
    smtp_server.refusal = refusal
    with pytest.raises(MailError) as caught:
        send(gateway(smtp_server.url))
    assert caught.value.permanent is permanent
    assert "acme" not in str(caught.value), "what the server says may hold addresses"
    assert refusal[:3] in str(caught.value)


class Moody(SmtpServer):
    """Refuses by the recipient, or hangs up after it has taken a mail."""

    async def handle_RCPT(
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: object
    ) -> str:
        """Called by aiosmtpd for each recipient; the name is aiosmtpd's."""
        if address.startswith("gone"):
            return "550 5.1.1 nobody here"
        if address.startswith("full"):
            return "452 4.2.2 mailbox full"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_QUIT(self, _server: SMTP, session: Session, _envelope: Envelope) -> str:
        """Called by aiosmtpd at the goodbye; the name is aiosmtpd's."""
        return "421 4.3.2 go away"


@pytest.fixture
def moody() -> Iterator[Moody]:
    server = Moody()
    controller = Controller(server, hostname="127.0.0.1", port=server.port)
    controller.start()
    yield server
    controller.stop()


def test_recipients_are_refused(moody: Moody) -> None:
    for recipient, permanent in (("gone@acme.test", True), ("full@acme.test", False)):
        with pytest.raises(MailError) as caught:
            send(gateway(moody.url), recipient)
        assert caught.value.permanent is permanent
        assert "acme" not in str(caught.value)


def test_a_bad_goodbye_does_not_take_the_mail_back(moody: Moody) -> None:
    send(gateway(moody.url))
    assert len(moody.messages) == 1


def test_a_server_that_is_down() -> None:
    with pytest.raises(MailError) as caught:
        send(gateway(f"smtp://127.0.0.1:{free_port()}"))
    assert not caught.value.permanent


def test_a_server_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mail_gateway, "SMTP_TIMEOUT", 1)
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(MailError) as caught:
        send(gateway(f"smtp://127.0.0.1:{silent.getsockname()[1]}"))
    assert not caught.value.permanent


def test_a_header_cannot_be_smuggled(smtp_server: SmtpServer) -> None:
    with pytest.raises(MailError) as caught:
        send(gateway(smtp_server.url), "iago@acme.test\r\nBcc: all@acme.test")
    assert caught.value.permanent
    assert smtp_server.messages == []


def test_an_address_that_this_server_cannot_be_told(smtp_server: SmtpServer) -> None:
    with pytest.raises(MailError) as caught:
        send(gateway(smtp_server.url), "jürgen@acme.test")
    assert caught.value.permanent
    assert smtp_server.messages == []


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A key and a certificate for localhost, in one file, that nobody vouches for."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = SystemClock().now()
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path / "certificate.pem"
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.write_bytes(secret + made.public_bytes(Encoding.PEM))
    return path


class EncryptedController(Controller):
    """Greets itself while starting, as a client that does not ask for certificates."""

    def _trigger_server(self) -> None:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with (
            socket.create_connection((self.hostname, self.port), 5) as plain,
            context.wrap_socket(plain) as encrypted,
        ):
            encrypted.recv(1024)


def authenticate(
    _server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, data: LoginPassword
) -> AuthResult:
    is_right = data.login == b"us@er" and data.password == b"pa:ss/word"
    # Not handled means that aiosmtpd says no in its own words.
    return AuthResult(success=is_right, handled=False)


@pytest.mark.parametrize("scheme", ["starttls", "smtps"])
def test_encrypted_and_logged_in(
    scheme: str, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    server = SmtpServer()
    options: dict[str, Any]
    kind, options = Controller, {"tls_context": context, "require_starttls": True}
    if scheme == "smtps":
        kind, options = EncryptedController, {"ssl_context": context, "auth_require_tls": False}
    controller = kind(
        server, hostname="localhost", port=server.port, authenticator=authenticate, **options
    )
    controller.start()
    address = f"{scheme}://us%40er:pa%3Ass%2Fword@localhost:{server.port}"
    try:
        with pytest.raises(MailError, match="SSLCertVerificationError"):
            send(gateway(address))
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        send(gateway(address))
        assert len(server.messages) == 1
        with pytest.raises(MailError, match="SMTPAuthenticationError 535") as caught:
            send(gateway(address.replace("word@", "wrong@")))
        assert not caught.value.permanent, "the operator mends the password, then it leaves"
    finally:
        controller.stop()


@pytest.mark.parametrize(
    "url",
    [
        "http://mail.test",
        "mail.test:25",
        "smtp://",
        "smtp://mail.test:port",
        "smtp://user@mail.test",
        "catch",
    ],
)
def test_addresses_that_cannot_be_used(url: str) -> None:
    with pytest.raises(SettingsError, match="TALLYPORT_MAIL_URL"):
        gateway(url)


def test_a_password_is_not_in_a_complaint() -> None:
    with pytest.raises(SettingsError) as caught:
        gateway("ftp://user:pass-word@mail.test")
    assert "pass-word" not in str(caught.value)


@pytest.mark.parametrize("url", ["", "catch:"])
def test_demo_and_testing_catch_mail(url: str) -> None:
    for env in ("demo", "testing"):
        mailer = build_mailer(load_settings({}, {"env": env, "mail_url": url}), render)
        assert isinstance(mailer, CatchingMailGateway) and mailer.catches
        sent = mailer.send("invoice", {}, recipient="iago@acme.test", message_id="<1@x>")
        assert sent.subject == "Zahlung fällig: invoice"


def test_production_does_not_catch_mail() -> None:
    with pytest.raises(SettingsError, match="TALLYPORT_MAIL_URL"):
        build_mailer(load_settings({}, SECRETS | {"mail_url": "catch:"}), render)
    mailer = build_mailer(load_settings({}, SECRETS | {"mail_url": "smtp://mail.test"}), render)
    assert isinstance(mailer, SmtpMailGateway) and not mailer.catches
