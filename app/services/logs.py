"""One line per use case, for machines: JSON in production, short text elsewhere.

Lines carry ids and codes. Names, addresses, cards and keys never go there; `log_event` refuses the
names such fields usually have, and the rest is what reviews are for.
"""

import json
import logging
import sys

from app.settings import Settings

PERSONAL_FIELDS = frozenset({"email", "name", "full_name", "ip", "card", "key", "token", "address"})
_log = logging.getLogger("tallyport")


class JsonLines(logging.Formatter):
    """Each record as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """The line; the trace of an exception goes into it as one text."""
        line = {"level": record.levelname.lower(), "logger": record.name}
        line["event"] = record.getMessage()
        line |= getattr(record, "fields", {})
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


class TextLines(logging.Formatter):
    """The event and its fields as a person reads them."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, with a trace below it if there is one."""
        fields = getattr(record, "fields", {})
        text = " ".join([record.getMessage(), *(f"{name}={fields[name]}" for name in fields)])
        trace = f"\n{self.formatException(record.exc_info)}" if record.exc_info else ""
        return f"{record.levelname.lower()} {record.name}: {text}{trace}"


def log_event(event: str, /, **fields: str | int | None) -> None:
    """Write the one line of a use case: `log_event("plan.started", customer=7, plan=9)`.

    ValueError for a field that would name a person.
    """
    if personal := PERSONAL_FIELDS & fields.keys():
        raise ValueError(f"no personal data in logs: {', '.join(sorted(personal))}")
    _log.info(event, extra={"fields": fields})


def configure(settings: Settings) -> None:
    """Send the portal's own lines to standard error. Safe to repeat."""
    _log.setLevel(logging.INFO)
    if not any(isinstance(handler, _OwnHandler) for handler in _log.handlers):
        handler = _OwnHandler(sys.stderr)
        handler.setFormatter(TextLines() if settings.is_demo_like else JsonLines())
        _log.addHandler(handler)


class _OwnHandler(logging.StreamHandler):  # type: ignore[type-arg]  # the stream is standard error
    """Marks the handler that `configure` added."""
