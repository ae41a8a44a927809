"""The worked tables about changes, discounts and coverage, read from docs/rules and tried."""

import re
from datetime import timedelta

from app.domain.calendar import cycle_at, cycle_number, whole_months_between
from app.domain.coverage import Cover, decide_entitlement
from app.domain.discounts import NewCustomerTerms, StaffDiscount
from app.domain.invoicing import PaidLine, PlanTerms, unused_value
from app.domain.kinds import AtCycleEnd, PlanStatus, PromoKind, Schedule
from app.domain.money import monthly_part
from app.domain.transitions import TRANSITIONS, Change
from tests.domain.book import ANCHOR, instant
from tests.domain.test_docs import Row, span, table, yes

NOW = instant("2012-06-01 00:00:00")
END = instant("2012-07-01 00:00:00")


def percent(text: str) -> int | None:
    """ "33.33 %" in hundredths of a percent; None for what is no percentage."""
    found = re.fullmatch(r"(\d+)\.(\d\d) %", text)
    return int(found[1]) * 100 + int(found[2]) if found else None


def test_transitions() -> None:
    written = {
        (
            PlanStatus(row["status"]),
            AtCycleEnd(row["instruction"]),
            Change(row["change"]),
        ): (PlanStatus(row["status after"]), AtCycleEnd(row["instruction after"]))
        for row in table("transitions")
    }
    assert written == TRANSITIONS
    assert len(table("transitions")) == len(written)


def test_every_change_is_explained() -> None:
    from tests.domain.test_docs import PAGES

    page = (PAGES / "transitions.md").read_text()
    explained = re.search(r"\| change \| who asks.*?\n\n", page, re.DOTALL)
    assert explained is not None
    assert set(re.findall(r"[a-z]+(?:_[a-z]+)*", explained[0])) >= {c.value for c in Change}


def cover_of(row: Row) -> Cover | None:
    waiting = None if row["waiting"] == "–" else NOW - span(row["waiting"])
    ending = END if row["plan"].endswith("ending") else None
    if row["plan"].startswith("per license"):
        return Cover(ends_at=ending, deferred_since=waiting)
    if row["plan"] == "fixed price":
        return Cover(is_per_license=False, deferred_since=waiting)
    return None


def test_entitlement() -> None:
    ages = {"fresh": timedelta(0), "stale": timedelta(days=3), "never": None}
    for row in table("entitlement"):
        age = ages[row["last upload"]]
        found = decide_entitlement(
            now=NOW,
            is_deactivated=row["plan"] == "deactivated server",
            is_sponsored=row["plan"] == "sponsored",
            cover=cover_of(row),
            people=int(row["people"]),
            free_seats=10,
            last_audit_log_update=None if age is None else NOW - age,
            is_stale=row["last upload"] != "fresh",
        )
        assert found.is_allowed is (row["answer"] == "on"), row
        assert found.reason == row["reason"], row
        assert (found.expected_end is not None) is yes(row["names the end"]), row


def test_credit_of_time() -> None:
    for row in table("credit of time"):
        start, end = instant(row["from"]), instant(row["to"])
        lines = [PaidLine(int(amount), start, end) for amount in row["paid"].split(", ")]
        assert unused_value(lines, at=instant(row["changed at"])) == int(row["credit"]), row


def test_months_given_back() -> None:
    for row in table("months given back"):
        months = whole_months_between(
            instant(row["anchor"]), instant(row["changed at"]), instant(row["cycle ends"])
        )
        assert months == int(row["whole months"]), row


def test_fixed() -> None:
    for row in table("fixed"):
        price = int(row["price of the year"])
        parts = [monthly_part(price, month) for month in range(12)]
        assert parts == [int(row["months 1 to 11"])] * 11 + [int(row["month 12"])], row
        assert sum(parts) == price
        assert [monthly_part(price, month) for month in range(12, 24)] == parts


def test_coupons() -> None:
    for row in table("coupons"):
        rate = percent(row["coupon"])
        terms = NewCustomerTerms(
            amount=0 if rate else int(row["coupon"].split()[0]),
            months_at_start=int(row["months left"]),
            kind=PromoKind.COUPON,
            percent=rate or 0,
        )
        taken_off = terms.amount_for(
            int(row["cycle"]), Schedule(row["schedule"]), licenses_total=int(row["licenses cost"])
        )
        assert taken_off == int(row["taken off"]), row


def test_staff_discounts() -> None:
    for row in table("staff discounts"):
        rate = percent(row["discount"])
        price = int(row["discount"]) if rate is None else None
        discount = StaffDiscount(percent=rate, monthly_price=price)
        list_price = int(row["list price"])
        terms = PlanTerms(
            ANCHOR,
            Schedule.MONTHLY,
            list_price,
            discounted_price=discount.price_for(list_price, Schedule.MONTHLY),
            discount_ends_at=None if row["ends"] == "–" else instant(row["ends"]),
        )
        cycle = cycle_at(ANCHOR, Schedule.MONTHLY, instant(row["cycle begins"]))
        assert cycle.start == instant(row["cycle begins"])
        assert terms.price_in(cycle) == int(row["price"]), row


def test_a_price_for_one_schedule_leaves_the_other_alone() -> None:
    discount = StaffDiscount(monthly_price=300)
    assert discount.price_for(4200, Schedule.ANNUAL) is None
    terms = PlanTerms(ANCHOR, Schedule.ANNUAL, 4200)
    assert terms.price_in(cycle_number(ANCHOR, Schedule.ANNUAL, 0)) == 4200
