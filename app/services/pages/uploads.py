"""Whether a server's reports arrive, and how to mend it when they do not."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy.orm import Session

from app.domain.catalog import Catalog, UploadHelp
from app.domain.coverage import LONGEST_DEFERRAL
from app.domain.upload_help import choose_upload_help
from app.models.registrations import Server
from app.services.context import Context
from app.services.customers import Payer
from app.services.pages.head import load_head
from app.services.seats import STALE_AFTER, is_stale


class UploadsState(StrEnum):
    """Which page about missing uploads it is; FRESH needs none."""

    FRESH = "fresh"
    NEVER = "never"
    STALE = "stale"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Refusal:
    """The last report, when it was refused: when, and why as a code with its parameters."""

    at: datetime
    code: str
    params: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class UploadsPage:
    """Everything the page for missing uploads shows.

    `is_stale`: nobody can tell how many people there are. `version` is what the server said last;
    `help` are the commands for it. `has_plan`: a live plan of this customer, or of its server.
    """

    state: UploadsState
    is_stale: bool
    last_heard: datetime | None
    refusal: Refusal | None
    hostname: str
    version: str | None
    help: tuple[UploadHelp, ...]
    has_plan: bool
    free_seats: int
    stale_days: int = STALE_AFTER.days
    deferral_days: int = LONGEST_DEFERRAL.days


def load_uploads_page(
    ctx: Context, session: Session, payer: Payer, *, now: datetime
) -> UploadsPage:
    """The state of the reports that count the people of `payer`."""
    head = load_head(session, payer, now=now)
    has_plan = head.live_plan is not None or head.is_covered_by_server
    return uploads_page(ctx.catalog, head.server, has_plan=has_plan, now=now)


def uploads_page(catalog: Catalog, server: Server, *, has_plan: bool, now: datetime) -> UploadsPage:
    """The same of a loaded server."""
    refusal = refusal_of(server)
    stale = is_stale(server, now=now)
    if refusal is not None:
        state = UploadsState.REFUSED
    elif server.last_audit_log_update is None:
        state = UploadsState.NEVER
    else:
        state = UploadsState.STALE if stale else UploadsState.FRESH
    return UploadsPage(
        state=state,
        is_stale=stale,
        last_heard=server.last_audit_log_update,
        refusal=refusal,
        hostname=server.hostname,
        version=server.product_version,
        help=choose_upload_help(catalog.upload_help, version=server.product_version),
        has_plan=has_plan,
        free_seats=catalog.free_seats,
    )


def refusal_of(server: Server) -> Refusal | None:
    """Why the last report was refused; None when it was taken, or when there was none."""
    if server.refused_at is None or server.refused_code is None:
        return None
    return Refusal(server.refused_at, server.refused_code, server.refused_params or {})
