"""What every use case is handed: settings, catalog, clock, sessions and gateways, wired once."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from sqlalchemy.orm import Session, sessionmaker

from app.clock import Clock
from app.domain.catalog import Catalog
from app.domain.kinds import AdjustmentReason, LineKind, PromoKind
from app.gateways.mail import MailGateway
from app.gateways.oidc import LoginProvider
from app.gateways.outgoing import OutgoingGateway
from app.gateways.payments import PaymentsGateway
from app.gateways.tokens import TokenGateway
from app.settings import Settings


class LineWords(Protocol):
    """How the words of an invoice line are made; wired to `app.web.wording.describe_line`, since
    values become words in one place only."""

    def __call__(
        self,
        kind: LineKind,
        *,
        tier_title: str,
        quantity: int = 1,
        since: datetime | None = None,
        months_from_payment: int | None = None,
        promo: PromoKind = PromoKind.NEW_CUSTOMER,
        is_estimated: bool = False,
    ) -> str: ...


class AdjustmentWords(Protocol):
    """The same for adjustments (negative `licenses` are given back) and, without a reason, for what
    is kept as credit; wired to `app.web.wordings.adjustments`."""

    def __call__(
        self, reason: AdjustmentReason | None, *, licenses: int, since: datetime
    ) -> str: ...


@dataclass(frozen=True, slots=True)
class Context:
    """The application as services see it. `sessions` makes sessions for writing."""

    settings: Settings
    catalog: Catalog
    clock: Clock
    sessions: sessionmaker[Session]
    payments: PaymentsGateway
    mailer: MailGateway
    tokens: TokenGateway
    outgoing: OutgoingGateway
    # Of staff; None where nobody logs in that way.
    login_provider: LoginProvider | None
    describe_line: LineWords
    describe_adjustment: AdjustmentWords

    def now(self) -> datetime:
        """The business time, UTC, whole seconds."""
        return self.clock.now()


@dataclass(frozen=True, slots=True)
class Actor:
    """Who does something, as it is written into ledger and audit log ("billing_user:7").

    `email`, `full_name` and `ip` never go into append-only tables; they are stored beside.
    """

    name: str
    email: str | None = None
    full_name: str | None = None
    ip: str | None = None

    def __str__(self) -> str:
        return self.name


SYSTEM = Actor("system")
CLI = Actor("cli")


def billing_user_actor(
    billing_user_id: int,
    *,
    email: str | None = None,
    full_name: str | None = None,
    ip: str | None = None,
) -> Actor:
    """The actor of a logged-in person."""
    return Actor(f"billing_user:{billing_user_id}", email=email, full_name=full_name, ip=ip)


def server_actor(server_id: int, *, ip: str | None = None) -> Actor:
    """The actor of a server that calls the API with its key."""
    return Actor(f"server:{server_id}", ip=ip)


def staff_actor(
    staff_user_id: int,
    *,
    email: str | None = None,
    full_name: str | None = None,
    ip: str | None = None,
) -> Actor:
    """The actor of a logged-in person of the vendor."""
    return Actor(f"staff:{staff_user_id}", email=email, full_name=full_name, ip=ip)
