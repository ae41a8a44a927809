"""One unit of work of the emulator, and the table of routes that its modules fill.

A handler is a plain function of a `Work`: it reads `work.params`, changes objects through
`work.tx`, tells the world with `work.emit`, and returns the object to answer with.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from app.stripe_emulator import rendering
from app.stripe_emulator.errors import missing_object
from app.stripe_emulator.params import EXPAND, PAGING, Spec
from app.stripe_emulator.store import Doc, Tx, new_id

# The version of the API whose objects the emulator imitates: the one the pinned SDK is made for.
# A conformance test compares the two, so an upgrade of the SDK cannot pass unnoticed.
API_VERSION = "2026-10-28.endive"


@dataclass
class Work:
    """What a handler works with. `now` is the demo's time in whole seconds since 1970."""

    tx: Tx
    now: int
    base_url: str
    params: dict[str, Any] = field(default_factory=dict)
    path: dict[str, str] = field(default_factory=dict)
    request_id: str | None = None
    idempotency_key: str | None = None

    def load(self, kind: str, id: str, *, param: str = "id") -> Doc:
        """The object, or `resource_missing`; `param` names the parameter that mentioned it."""
        doc = self.tx.find(kind, id)
        if doc is None:
            raise missing_object(kind, id, param=param)
        return doc

    def render(self, doc: Doc) -> Doc:
        """The object as the API shows it, nothing expanded."""
        return rendering.render(self.tx, doc, base_url=self.base_url)

    def emit(self, type: str, doc: Doc, *, previous: Doc | None = None) -> Doc:
        """Store an event with a snapshot of the object and queue it for the webhook."""
        data: Doc = {"object": self.render(doc)}
        if previous is not None:
            data["previous_attributes"] = previous
        event = {
            "id": new_id("evt_"),
            "object": "event",
            "api_version": self.tx.setting("webhook_api_version", API_VERSION),
            "created": self.now,
            "data": data,
            "livemode": False,
            "pending_webhooks": 0,
            "request": {"id": self.request_id, "idempotency_key": self.idempotency_key},
            "type": type,
        }
        # The type is stored as the parent, so that events can be listed by type.
        self.tx.save(event, parent=type)
        if self.tx.setting("webhook_url"):
            self.tx.db.execute(
                "INSERT INTO deliveries (event, state, position, due_at) VALUES (?, 'pending',"
                " (SELECT coalesce(max(position), 0) + 1 FROM deliveries), 0)",
                (event["id"],),
            )
        return event


Handler = Callable[[Work], Doc]


@dataclass(frozen=True)
class Route:
    """One operation of the API. `template` writes the parts of the path as `{id}`."""

    method: str
    template: str
    fields: Mapping[str, Spec]
    required: tuple[str, ...]
    handler: Handler
    pattern: re.Pattern[str]


ROUTES: list[Route] = []


def route(
    method: str,
    template: str,
    fields: Mapping[str, Spec] | None = None,
    *,
    required: tuple[str, ...] = (),
    paged: bool = False,
) -> Callable[[Handler], Handler]:
    """Enter a handler into the table; all but DELETE take `expand`, lists take the cursors."""
    allowed: dict[str, Spec] = dict(fields or {})
    if method != "DELETE":
        allowed["expand"] = EXPAND
    if paged:
        allowed |= PAGING
    pattern = re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", template))

    def enter(handler: Handler) -> Handler:
        ROUTES.append(
            Route(
                method=method,
                template=normalize(template),
                fields=allowed,
                required=required,
                handler=handler,
                pattern=pattern,
            )
        )
        return handler

    return enter


def normalize(template: str) -> str:
    """`/v1/invoices/{invoice}/pay` and `/v1/invoices/{id}/pay` are the same route."""
    return re.sub(r"\{\w+\}", "{id}", template)


def match(method: str, path: str) -> tuple[Route, dict[str, str]] | None:
    """The route for a request, or None. Fixed paths are entered before those with a name in them."""
    for candidate in ROUTES:
        found = candidate.pattern.fullmatch(path)
        if found and candidate.method == method:
            return candidate, found.groupdict()
    return None
