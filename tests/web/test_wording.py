"""Values become the words that people read, and every error code has its message."""

import ast
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, render_template_string
from flask_babel.speaklater import LazyString
from hypothesis import given
from hypothesis import strategies as st

from app.domain.errors import BillingError, MissingDataError, NotFoundError
from app.domain.kinds import (
    AtCycleEnd,
    Collection,
    CustomerKind,
    InvoiceStatus,
    LicenseManagement,
    LineKind,
    PlanStatus,
    PurchaseStatus,
    Schedule,
)
from app.web import wording
from app.web.wording import (
    describe_card,
    describe_line,
    format_count,
    format_date,
    format_duration,
    format_instant,
    format_money,
    get_messages,
    message_for,
)

pytestmark = pytest.mark.sqlite_only

APP = Path(__file__).resolve().parents[2] / "app"
MOMENT = datetime(2027, 3, 2, 3, 4, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("cents", "currency", "text"),
    [
        (6050, "usd", "$60.50"),
        (0, "usd", "$0.00"),
        (1, "usd", "$0.01"),
        (-2000, "usd", "−$20.00"),
        (17600000, "usd", "$176,000.00"),
        (8050, "eur", "€80.50"),
        (99999999999999999, "usd", "$999,999,999,999,999.99"),
    ],
)
def test_money(cents: int, currency: str, text: str) -> None:
    assert format_money(cents, currency) == text


@pytest.mark.parametrize("wrong", [1.5, True, "100"])
def test_money_is_whole_cents_only(wrong: Any) -> None:
    with pytest.raises(TypeError):
        format_money(wrong, "usd")


@given(st.integers(min_value=-(10**15), max_value=10**15))
def test_no_cent_is_lost_in_words(cents: int) -> None:
    digits = re.sub(r"[^\d]", "", format_money(cents, "usd"))
    assert int(digits) == abs(cents)
    assert format_money(cents, "usd").startswith("−") == (cents < 0)


def test_times_are_told_in_utc() -> None:
    elsewhere = datetime(2027, 3, 1, 23, 4, 5, tzinfo=timezone(timedelta(hours=-4)))
    assert format_date(elsewhere) == "2 March 2027"
    assert format_instant(elsewhere) == "2 March 2027, 03:04:05 UTC"
    assert wording.format_day_of_year(elsewhere) == "2 March"
    assert wording.format_short_day(elsewhere) == "2 Mar"
    assert wording.format_iso(elsewhere) == "2027-03-02T03:04:05Z"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 seconds"),
        (1, "1 second"),
        (59, "59 seconds"),
        (60, "1 minute"),
        (3_600, "1 hour"),
        (5_400, "90 minutes"),
        (7_200, "2 hours"),
        (86_400, "1 day"),
        (90_000, "25 hours"),
        (14 * 86_400 + 5, "14 days"),
    ],
)
def test_durations(seconds: int, text: str) -> None:
    assert format_duration(seconds) == text
    assert format_duration(timedelta(seconds=seconds)) == text


def test_counted_things_have_a_plural() -> None:
    assert wording.count_people(1) == "1 person"
    assert wording.count_people(0) == "0 people"
    assert wording.count_people(1250) == "1,250 people"
    assert wording.count_licenses(1) == "1 license"
    assert wording.count_licenses(25) == "25 licenses"
    assert wording.count_months(12) == "12 months"
    assert format_count(-3) == "−3"


def test_lines_are_called_as_the_rules_say() -> None:
    day = datetime(2012, 1, 4, 3, 4, 5, tzinfo=UTC)
    words = {
        kind: describe_line(kind, tier_title="Basic", quantity=5, since=day)
        for kind in LineKind
        if kind is not LineKind.ONE_OFF
    }
    assert words == {
        LineKind.FIRST: "Basic",
        LineKind.RENEWAL: "Basic - renewal",
        LineKind.ADDED: "5 licenses added on 4 January",
        LineKind.DISCOUNT: "New customer discount",
        LineKind.CREDIT: "Unused time on Basic",
        LineKind.ADJUSTMENT: "Late report: 5 licenses added on 4 January",
    }
    one = describe_line(LineKind.ADDED, tier_title="Basic", quantity=1, since=day)
    assert one == "1 license added on 4 January"
    sent = [
        describe_line(LineKind.FIRST, tier_title="Basic", months_from_payment=months)
        for months in (1, 12)
    ]
    assert sent == ["Basic, 1 month from payment", "Basic, 12 months from payment"]


def test_a_line_without_its_day_or_own_text_is_refused() -> None:
    with pytest.raises(ValueError, match="described by its day"):
        describe_line(LineKind.ADDED, tier_title="Basic", quantity=1)
    with pytest.raises(ValueError, match="whoever adds it"):
        describe_line(LineKind.ONE_OFF, tier_title="Basic", since=MOMENT)


def test_cards() -> None:
    assert describe_card("visa", "4242", 4, 2030) == "Visa ending 4242, expires 4/2030"
    assert (
        describe_card("new_scheme", "1881", 12, 2031) == "New scheme ending 1881, expires 12/2031"
    )
    assert describe_card("", "1881", 12, 2031) == "Card ending 1881, expires 12/2031"


@pytest.mark.parametrize(
    ("filter_name", "values"),
    [
        ("schedule", Schedule),
        ("schedule_unit", Schedule),
        ("collection", Collection),
        ("management", LicenseManagement),
        ("plan_status", PlanStatus),
        ("plan_tone", PlanStatus),
        ("at_cycle_end", AtCycleEnd),
        ("invoice_status", InvoiceStatus),
        ("invoice_tone", InvoiceStatus),
        ("purchase_status", PurchaseStatus),
        ("purchase_tone", PurchaseStatus),
        ("customer_kind", CustomerKind),
    ],
)
def test_every_state_has_a_word(app: Flask, filter_name: str, values: Any) -> None:
    with app.app_context():
        for value in values:
            text = render_template_string("{{ value|" + filter_name + " }}", value=value)
            assert text and "_" not in text


# --- errors ---


def raised_errors(root: Path) -> Iterator[tuple[str, int, str | None, frozenset[str]]]:
    """Where each BillingError is made: file, line, its code (None when it is computed), and the
    names of its parameters ("*" among them when they are computed)."""
    for path in sorted(root.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call) or not _is_billing_error(node.func):
                continue
            first = node.args[0] if node.args else None
            if ast.unparse(first or node) == "refusal.code":
                # A refusal that was stored or stands in a table of the API: told again, not made.
                continue
            code = str(first.value) if isinstance(first, ast.Constant) else None
            names = frozenset(keyword.arg or "*" for keyword in node.keywords)
            yield path.name, node.lineno, code, names


def _is_billing_error(function: ast.expr) -> bool:
    return isinstance(function, ast.Name) and function.id == "BillingError"


def message_problems(root: Path, messages: Mapping[str, Any]) -> list[str]:
    """Errors whose code has no message, or whose message wants a parameter they do not carry."""
    found = []
    for file, line, code, names in raised_errors(root):
        if code is None:
            found.append(f"{file}:{line}: the code is computed, so nobody can check its message")
        elif code not in messages:
            found.append(f"{file}:{line}: {code} has no message")
        elif isinstance(messages[code], LazyString) and "*" not in names:
            wanted = set(re.findall(r"%\((\w+)\)s", str(messages[code])))
            if missing := wanted - names:
                found.append(f"{file}:{line}: {code} carries no {', '.join(sorted(missing))}")
    return found


def test_every_error_has_a_message_that_fits() -> None:
    assert message_problems(APP, get_messages()) == []


def test_the_walk_over_errors_bites(tmp_path: Path) -> None:
    planted = tmp_path / "planted.py"
    planted.write_text(
        "raise BillingError('nobody_knows_me')\n"
        "raise BillingError('missing_data')\n"
        "raise BillingError(code)\n"
        "raise BillingError('needs', amount=1)\n"
    )
    messages = {"missing_data": get_messages()["missing_data"], "needs": _lazy("%(other)s")}
    assert message_problems(tmp_path, messages) == [
        "planted.py:1: nobody_knows_me has no message",
        "planted.py:3: the code is computed, so nobody can check its message",
        "planted.py:4: needs carries no other",
    ]


def _lazy(text: str) -> LazyString:
    return LazyString(lambda: text)


def test_messages_hold_no_stray_placeholders() -> None:
    for code, message in get_messages().items():
        if isinstance(message, LazyString):
            names = re.findall(r"%\((\w+)\)s", str(message))
            assert str(message) % dict.fromkeys(names, "x"), code


def test_parameters_become_words(monkeypatch: pytest.MonkeyPatch) -> None:
    planted = {
        "planted": _lazy("%(amount)s %(new_price)s %(count)s %(until)s %(schedule)s %(age)s %(x)s"),
        "counted": lambda params: wording.count_people(params["people"]),
    }
    monkeypatch.setattr(wording, "get_messages", lambda: planted)
    error = BillingError(
        "planted",
        amount=6050,
        new_price=350,
        currency="eur",
        count=1250,
        until=MOMENT,
        schedule=Schedule.ANNUAL,
        age=timedelta(days=2),
        x="100 %",
    )
    assert message_for(error) == "€60.50 €3.50 1,250 2 March 2027 Annual 2 days 100 %"
    assert message_for(BillingError("counted", people=1)) == "1 person"


def test_errors_without_a_form_have_words_too() -> None:
    assert "two days" in message_for(MissingDataError())
    assert message_for(NotFoundError("plan"))
