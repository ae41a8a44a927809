"""What keeps recorded customers from looking stale: their servers report, without a message.

They are no programs that could upload. As the demo's time moves on, those that are lively are
marked as heard from, with nothing new to tell; those whose hosts say that they are silent are not.
"""

from sqlalchemy import ColumnElement, or_, update

from app.demo.recorded.place import LIVELY, SILENT
from app.models.registrations import Server
from app.services.context import Context
from app.services.unit_of_work import unit_of_work


def is_recorded() -> ColumnElement[bool]:
    """The condition of recorded servers."""
    return or_(Server.hostname.like(f"chat.%.{LIVELY}"), Server.hostname.like(f"chat.%.{SILENT}"))


def hear_from_recorded(ctx: Context) -> None:
    """Their hourly reports, all at once."""
    with unit_of_work(ctx) as work:
        work.session.execute(
            update(Server)
            .where(Server.hostname.like(f"chat.%.{LIVELY}"))
            .values(last_audit_log_update=work.now)
            .execution_options(synchronize_session=False)
        )
        work.commit()
