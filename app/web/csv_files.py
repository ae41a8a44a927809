"""Lists as CSV files that accountants open in a spreadsheet (docs/decisions/0008).

Numbers stay numbers ("43.00", "-20.00"); times are ISO 8601 in UTC; texts that a spreadsheet would
take for a formula are marked as texts.
"""

import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal

from flask import Response, stream_with_context

from app.web.wording import format_iso

# Without it spreadsheets take the bytes for some other encoding than UTF-8.
MARK = "\N{ZERO WIDTH NO-BREAK SPACE}"
# What begins a formula: in ASCII, and full-width, which some spreadsheets read alike.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
_NOT_IN_NAMES = re.compile(r"[^a-z0-9.-]+")
_LONGEST_NAME = 100
# Lines are sent in pieces of about this many characters.
_PIECE = 16_384

Cell = str | int | Decimal | datetime | date | None


def amount(cents: int) -> Decimal:
    """Whole cents as the number of a cell: 43.00, -20.00."""
    return Decimal(cents).scaleb(-2)


def csv_response(
    header: Sequence[str], read_rows: Callable[[], Iterable[Sequence[Cell]]], *, file_name: str
) -> Response:
    """A file that the browser saves under `file_name`, sent while rows are read.

    `read_rows` is called when sending begins. It must ask for the read session itself: the one of
    the view ends with the view, and whatever read on with it would keep a connection for ever.
    """
    response = Response(
        stream_with_context(_pieces(header, read_rows)), content_type="text/csv; charset=utf-8"
    )
    response.headers["Content-Disposition"] = f'attachment; filename="{file_name}"'
    response.headers["Cache-Control"] = "no-store"
    return response


def csv_name(what: str, host: str, day: datetime) -> str:
    """ "invoices-chat.acme.com-2027-03-02.csv": nothing of `host` that a header or a file system
    would read as anything else."""
    safe = _NOT_IN_NAMES.sub("-", host.lower()).strip("-.")[:_LONGEST_NAME]
    return "-".join(part for part in (what, safe, day.date().isoformat()) if part) + ".csv"


def _pieces(
    header: Sequence[str], read_rows: Callable[[], Iterable[Sequence[Cell]]]
) -> Iterator[str]:
    buffer = io.StringIO()
    buffer.write(MARK)
    writer = csv.writer(buffer)
    writer.writerow(header)
    for row in read_rows():
        writer.writerow([_text(cell) for cell in row])
        if buffer.tell() >= _PIECE:
            yield _taken(buffer)
    yield _taken(buffer)


def _taken(buffer: io.StringIO) -> str:
    text = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    return text


def _text(cell: Cell) -> str:
    if cell is None:
        return ""
    if isinstance(cell, datetime):
        return format_iso(cell)
    if isinstance(cell, date):
        return cell.isoformat()
    if isinstance(cell, str):
        # An apostrophe says that what follows is text, whatever it looks like.
        return f"'{cell}" if cell.startswith(_FORMULA) else cell
    return str(cell)
