"""What the layout of the support console is handed: who is logged in, and where one can go."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from flask import current_app, has_request_context, request, url_for
from flask_babel import gettext

from app.domain.kinds import StaffRole
from app.services.identity import StaffIdentity
from app.services.pages.queue_sources import Queue
from app.services.pages.queues import OURS, load_queue_counts
from app.web.context import get_context, get_read_session
from app.web.sessions import current_staff
from app.web.support import blueprint
from app.web.wording import format_percent
from app.web.wordings.staff import staff_role_word
from app.web.wordings.staff_actions import action_status_word


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the bar at the left; `count` is what waits there, None where nothing does."""

    label: str
    url: str
    is_current: bool
    count: int | None = None


def build_entries(person: StaffIdentity) -> Sequence[Entry]:
    """The places of the console that this person may go to, with what waits in the queues."""
    ctx = get_context()
    waiting = load_queue_counts(
        get_read_session(),
        catalog=ctx.catalog,
        now=ctx.now(),
        queues=(*OURS, Queue.APPROVALS),
    )
    counts = {
        "support.queues": sum(waiting[queue] for queue in OURS),
        "support.approvals": waiting[Queue.APPROVALS],
    }
    places = (
        ("support.search", gettext("Customers"), StaffRole.READ_ONLY),
        ("support.queues", gettext("Queues"), StaffRole.READ_ONLY),
        ("support.approvals", gettext("Approvals"), StaffRole.READ_ONLY),
        ("support.overview", gettext("Overview"), StaffRole.READ_ONLY),
        ("support.coupons", gettext("Coupons"), StaffRole.READ_ONLY),
        ("support.announcements", gettext("Announcements"), StaffRole.SUPPORT),
        ("staff.people", gettext("Staff"), StaffRole.ADMIN),
    )
    return [
        Entry(
            label=label,
            url=url_for(endpoint),
            is_current=_is_here(endpoint),
            count=counts.get(endpoint),
        )
        for endpoint, label, least in places
        if endpoint in current_app.view_functions and person.role.may(least)
    ]


def _is_here(endpoint: str) -> bool:
    """Whether the page we are on is that one or one below it."""
    here = request.path
    place = url_for(endpoint)
    return here == place or (place != "/support/" and here.startswith(place))


def hand_to_layout() -> dict[str, Any]:
    """The variables of templates/layouts/support.html."""
    person = current_staff() if has_request_context() else None
    if person is None:
        return {"staff": None}
    account = "staff.sessions" if "staff.sessions" in current_app.view_functions else None
    search = "support.search" if "support.search" in current_app.view_functions else None
    return {
        "staff": person,
        "staff_role": staff_role_word(person.role),
        # Asked for by the layout alone: an error page must not read the database.
        "staff_entries": partial(build_entries, person),
        "staff_account_url": url_for(account) if account else None,
        "staff_logout_url": (
            url_for("staff.logout") if "staff.logout" in current_app.view_functions else None
        ),
        "staff_search_url": url_for(search) if search else None,
    }


blueprint.app_context_processor(hand_to_layout)
blueprint.add_app_template_filter(action_status_word, "action_status")
blueprint.add_app_template_filter(format_percent, "percent")
