"""The list of events, for those who missed a webhook."""

from app.stripe_emulator.params import ListOf, Range, Text
from app.stripe_emulator.rendering import page
from app.stripe_emulator.store import Doc, Filters
from app.stripe_emulator.work import Work, route


@route("GET", "/v1/events/{id}")
def retrieve(work: Work) -> Doc:
    """One event as it was when it happened."""
    return work.load("event", work.path["id"])


@route(
    "GET",
    "/v1/events",
    {"created": Range(), "type": Text(), "types": ListOf(Text(), max_items=20)},
    paged=True,
)
def list_events(work: Work) -> Doc:
    """Events, newest first, by exact type or by one of several."""
    types = work.params.get("types")
    filters = Filters(
        parent=types if types is not None else work.params.get("type"),
        created=work.params.get("created"),
    )
    return page(work.tx, "event", filters, work.params, url="/v1/events", base_url=work.base_url)
