"""Mail: rendering from templates and handing over to an SMTP server, or catching it."""

import smtplib
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Protocol
from urllib.parse import unquote, urlsplit

import flask_mail
from flask import Flask

from app.settings import Settings, SettingsError

# Seconds; a person may be waiting for the page that follows.
SMTP_TIMEOUT = 10
CATCH = "catch:"
# A header or an address that cannot be written down, whoever is asked to take it.
_UNWRITABLE = (flask_mail.BadHeaderError, UnicodeError)
_NOT_TAKEN = (smtplib.SMTPException, OSError, *_UNWRITABLE)
_DEFAULT_PORTS = {"smtp": 25, "smtps": 465, "starttls": 587}


class MailError(Exception):
    """The mail could not be handed over; the text says why, without addresses.

    `permanent` means that trying again is of no use: the address or the mail itself is refused.
    """

    def __init__(self, reason: str, *, permanent: bool = False) -> None:
        super().__init__(reason)
        self.permanent = permanent


@dataclass(frozen=True, slots=True)
class RenderedMail:
    """A mail as it leaves: subject, text part and HTML part say the same."""

    subject: str
    text: str
    html: str


# Renders `templates/emails/<template>/` with the params.
MailRenderer = Callable[[str, Mapping[str, Any]], RenderedMail]


class MailGateway(Protocol):
    """What the outbox asks of mail."""

    # Whether mail stays here to be looked at instead of leaving.
    catches: bool

    def render(self, template: str, params: Mapping[str, Any]) -> RenderedMail:
        """The mail as it would leave; nothing is sent."""
        ...

    def send(
        self,
        template: str,
        params: Mapping[str, Any],
        *,
        recipient: str,
        message_id: str,
        unsubscribe_url: str | None = None,
        reply_to: str | None = None,
    ) -> RenderedMail:
        """Render and hand over one mail; returns what was sent. Raises MailError.

        With `unsubscribe_url` mail programs can offer a button that stops such mails (RFC 8058).
        `reply_to` is who gets the answer to a mail to staff.
        """
        ...


class CatchingMailGateway:
    """Sends nothing: the outbox keeps what was rendered, for the demo's page of caught mail."""

    catches = True

    def __init__(self, renderer: MailRenderer) -> None:
        self._render = renderer

    def render(self, template: str, params: Mapping[str, Any]) -> RenderedMail:
        """See the protocol."""
        return self._render(template, params)

    def send(
        self,
        template: str,
        params: Mapping[str, Any],
        *,
        recipient: str,
        message_id: str,
        unsubscribe_url: str | None = None,
        reply_to: str | None = None,
    ) -> RenderedMail:
        """Render the mail."""
        return self._render(template, params)


class SmtpMailGateway:
    """Hands mail over to one SMTP server, with Flask-Mail.

    `url` is smtp://, starttls:// or smtps://, with user and password in it when they are needed.
    Raises SettingsError when the address cannot be used.
    """

    catches = False

    def __init__(self, *, url: str, sender: str, renderer: MailRenderer) -> None:
        self._render = renderer
        # Flask-Mail keeps its configuration on an application. It gets one of its own, since mail
        # is also sent by commands and threads that have none.
        self._app = Flask("app.gateways.mail", static_folder=None)
        self._app.config.update(_configuration(url), MAIL_DEFAULT_SENDER=sender)
        self._state: Any = flask_mail.Mail().init_app(self._app)

    def render(self, template: str, params: Mapping[str, Any]) -> RenderedMail:
        """See the protocol."""
        return self._render(template, params)

    def send(
        self,
        template: str,
        params: Mapping[str, Any],
        *,
        recipient: str,
        message_id: str,
        unsubscribe_url: str | None = None,
        reply_to: str | None = None,
    ) -> RenderedMail:
        """Render the mail and hand it over. Raises MailError."""
        rendered = self._render(template, params)
        with self._app.app_context():
            message = flask_mail.Message(
                subject=rendered.subject,
                recipients=[recipient],
                body=rendered.text,
                html=rendered.html,
                extra_headers=_headers(unsubscribe_url),
                reply_to=reply_to,
            )
            message.msgId = message_id
            try:
                with _Connection(self._state) as connection:
                    connection.send(message)
            except _NOT_TAKEN as error:
                raise _translated(error) from error
        return rendered


def _headers(unsubscribe_url: str | None) -> dict[str, str]:
    # Vacation replies and ticket systems shall not answer.
    headers = {"Auto-Submitted": "auto-generated"}
    if unsubscribe_url is not None:
        headers["List-Unsubscribe"] = f"<{unsubscribe_url}>"
        headers["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    return headers


class _Connection(flask_mail.Connection):
    """Flask-Mail's connection with what it lacks: an end to waiting, and certificates that count."""

    def configure_host(self) -> smtplib.SMTP | smtplib.SMTP_SSL:
        """Connect, encrypt and log in as the settings say."""
        mail = self.mail
        context = ssl.create_default_context()
        host: smtplib.SMTP | smtplib.SMTP_SSL
        if mail.use_ssl:
            host = smtplib.SMTP_SSL(mail.server, mail.port, timeout=SMTP_TIMEOUT, context=context)
        else:
            host = smtplib.SMTP(mail.server, mail.port, timeout=SMTP_TIMEOUT)
        if mail.use_tls:
            host.starttls(context=context)
        if mail.username:
            host.login(mail.username, mail.password)
        return host

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Say goodbye. A mail that was taken stays taken when the goodbye fails."""
        if self.host is None:
            return
        try:
            self.host.quit()
        except (smtplib.SMTPException, OSError):
            self.host.close()


def build_mailer(settings: Settings, renderer: MailRenderer) -> MailGateway:
    """The gateway that the settings name; demo and testing catch mail unless told otherwise.

    Raises SettingsError naming the variable when the address cannot be used.
    """
    url = settings.mail_url
    if url == CATCH or (not url and settings.is_demo_like):
        if not settings.is_demo_like:
            raise SettingsError("TALLYPORT_MAIL_URL: mail is caught in demo and testing only")
        return CatchingMailGateway(renderer)
    return SmtpMailGateway(url=url, sender=settings.mail_from, renderer=renderer)


def _configuration(url: str) -> dict[str, Any]:
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        raise SettingsError("TALLYPORT_MAIL_URL: the port must be a number") from None
    if parts.scheme not in _DEFAULT_PORTS or not parts.hostname:
        known = ", ".join(f"{scheme}://" for scheme in _DEFAULT_PORTS)
        raise SettingsError(f"TALLYPORT_MAIL_URL: must be {CATCH} or an address with {known}")
    if bool(parts.username) != bool(parts.password):
        raise SettingsError("TALLYPORT_MAIL_URL: user and password are needed both, or none")
    return {
        "MAIL_SERVER": parts.hostname,
        "MAIL_PORT": port or _DEFAULT_PORTS[parts.scheme],
        "MAIL_USE_SSL": parts.scheme == "smtps",
        "MAIL_USE_TLS": parts.scheme == "starttls",
        "MAIL_USERNAME": unquote(parts.username) if parts.username else None,
        "MAIL_PASSWORD": unquote(parts.password) if parts.password else None,
        "MAIL_SUPPRESS_SEND": False,
    }


def _translated(error: Exception) -> MailError:
    """Our error. The server's own words stay out: they often repeat the address."""
    kind = type(error).__name__
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        codes = [code for code, _text in error.recipients.values()]
        refused = bool(codes) and all(500 <= code < 600 for code in codes)
        return MailError(f"{kind} {codes}", permanent=refused)
    if isinstance(error, smtplib.SMTPResponseException):
        # A wrong password is the operator's to mend, and then the mail can leave.
        is_ours = isinstance(error, smtplib.SMTPDataError)
        permanent = is_ours and 500 <= error.smtp_code < 600
        return MailError(f"{kind} {error.smtp_code}", permanent=permanent)
    return MailError(kind, permanent=isinstance(error, _UNWRITABLE))
