"""Mail: rendering from templates and handing over to an SMTP server, or catching it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol


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

    def send(
        self, template: str, params: Mapping[str, Any], *, recipient: str, message_id: str
    ) -> RenderedMail:
        """Render and hand over one mail; returns what was sent. Raises MailError."""
        ...


def build_mailer(settings: object, renderer: MailRenderer) -> MailGateway:
    """The gateway that the settings name."""
    raise MailError("no mail gateway is built in yet")
