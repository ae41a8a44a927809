"""One line per use case, without anybody in it."""

import json
import logging

import pytest

from app.services.logs import JsonLines, TextLines, log_event


def record(**fields: object) -> logging.LogRecord:
    made = logging.LogRecord("tallyport", logging.INFO, "", 0, "plan.started", None, None)
    made.fields = fields
    return made


def test_lines_for_machines_and_for_people() -> None:
    assert json.loads(JsonLines().format(record(customer=7))) == {
        "level": "info",
        "logger": "tallyport",
        "event": "plan.started",
        "customer": 7,
    }
    assert TextLines().format(record(customer=7)) == "info tallyport: plan.started customer=7"


def test_a_trace_is_part_of_its_line() -> None:
    made = record()
    try:
        raise ZeroDivisionError("planted")
    except ZeroDivisionError as error:
        made.exc_info = (type(error), error, error.__traceback__)
    line = JsonLines().format(made)
    assert "\n" not in line
    assert "planted" in json.loads(line)["trace"]
    assert TextLines().format(made).count("planted") > 0


def test_people_do_not_go_into_logs(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="tallyport"):
        log_event("plan.started", customer=7, code="basic")
    assert [vars(line)["fields"] for line in caplog.records] == [{"customer": 7, "code": "basic"}]
    with pytest.raises(ValueError, match="no personal data"):
        log_event("plan.started", email="a@b.test")
