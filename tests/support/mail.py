"""Where mail goes in tests: into a list, or to an SMTP server of our own."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from app.gateways.mail import MailError, MailRenderer, RenderedMail
from tests.support.servers import START_ATTEMPTS, free_port


@dataclass(frozen=True, slots=True)
class SentMail:
    """One mail that was handed over."""

    template: str
    params: Mapping[str, Any]
    recipient: str
    message_id: str
    subject: str
    text: str
    html: str
    unsubscribe_url: str | None = None
    reply_to: str | None = None


@dataclass(slots=True)
class RecordingMailer:
    """A mail gateway that renders as the real one does and keeps what it was given.

    `failing` makes it refuse, as an SMTP server that is down.
    """

    catches: bool = False
    failing: bool = False
    outbox: list[SentMail] = field(default_factory=list)
    renderer: MailRenderer | None = None

    def render(self, template: str, params: Mapping[str, Any]) -> RenderedMail:
        """As it would leave."""
        assert self.renderer is not None, "the fixture `app` gives the renderer"
        return self.renderer(template, params)

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
        """Keep the mail. Raises MailError while `failing`."""
        if self.failing:
            raise MailError("the test's mail server is down")
        assert self.renderer is not None, "the fixture `app` gives the renderer"
        rendered = self.renderer(template, params)
        self.outbox.append(
            SentMail(
                template=template,
                params=params,
                recipient=recipient,
                message_id=message_id,
                subject=rendered.subject,
                text=rendered.text,
                html=rendered.html,
                unsubscribe_url=unsubscribe_url,
                reply_to=reply_to,
            )
        )
        return rendered


class SmtpServer:
    """An SMTP server on loopback. `refusal` is the reply to every mail instead of taking it."""

    def __init__(self) -> None:
        self.messages: list[EmailMessage] = []
        self.refusal: str | None = None
        self.port = free_port()

    @property
    def url(self) -> str:
        """The address for TALLYPORT_MAIL_URL."""
        return f"smtp://127.0.0.1:{self.port}"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:
        """Called by aiosmtpd for each mail; the name is aiosmtpd's."""
        if self.refusal is not None:
            return self.refusal
        content = envelope.content
        assert isinstance(content, bytes)
        self.messages.append(message_from_bytes(content, policy=default))
        return "250 OK"


@contextmanager
def running_smtp_server() -> Iterator[SmtpServer]:
    """An SMTP server for the length of a `with`."""
    server = SmtpServer()
    for attempt in range(1, START_ATTEMPTS + 1):
        controller = Controller(server, hostname="127.0.0.1", port=server.port)
        try:
            controller.start()
        except OSError:
            # Somebody was faster at that port.
            if attempt == START_ATTEMPTS:
                raise
            server.port = free_port()
        else:
            break
    try:
        yield server
    finally:
        controller.stop()
