"""Why the last upload of a server was refused: told to the people who wonder where it stays."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from app.domain.errors import BillingError
from app.models.registrations import Server
from app.services.context import Context
from app.services.unit_of_work import unit_of_work

LONGEST_TEXT = 200
# What not every database keeps inside of JSON.
_UNFIT = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")


@contextmanager
def noting_refusal(ctx: Context, server_id: int) -> Iterator[None]:
    """Around an upload of a server that has proved itself: when a rule refuses it, that is noted
    in a unit of work of its own (the upload's is rolled back), and the error goes on."""
    try:
        yield
    except BillingError as refused:
        note_refusal(ctx, server_id, refused)
        raise


def note_refusal(ctx: Context, server_id: int, refused: BillingError) -> None:
    """Keep when and why; `clear_refusal` forgets it when an upload is accepted."""
    with unit_of_work(ctx) as work:
        server = work.claim_server(server_id)
        server.refused_at = work.now
        server.refused_code = refused.code
        server.refused_params = _keepable(refused.params)
        work.commit()


def clear_refusal(server: Server) -> None:
    """An upload of this claimed server was accepted."""
    if server.refused_at is not None:
        server.refused_at = server.refused_code = server.refused_params = None


def _keepable(params: Mapping[str, object]) -> dict[str, Any]:
    """The parameters as short JSON values; parts of what was sent stand among them."""
    return {
        name: value if value is None or isinstance(value, bool | int) else _text(value)
        for name, value in params.items()
    }


def _text(value: object) -> str:
    return _UNFIT.sub("", str(value)[:LONGEST_TEXT])
