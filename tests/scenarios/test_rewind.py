"""A server loses its database and restores an older one: refused, told why, rewound, and every
charge is what it would have been.

What may be rewound and how rows of different numberings are told apart is in
tests/services/test_rewind_ids.py; why, in docs/decisions/0011-a-rewind-begins-an-epoch.md.
"""

import re
from typing import Any

import pytest
from flask import Flask

from app.clock import FixedClock
from app.gateways.fake_payments import FakePayments
from app.services.context import Context
from tests.scenarios.story import GOLDEN
from tests.support.client import CheckedClient
from tests.support.shop import Shop, headline, words

IN_TIME, TOO_LATE = "rewind.txt", "rewind_late.txt"
OUT_OF_ORDER = "Data is out of order."


@pytest.fixture
def shop(
    app: Flask, ctx: Context, clock: FixedClock, payments: FakePayments, client: CheckedClient
) -> Shop:
    """A customer who pays for 18 people."""
    return Shop(app, ctx, clock, payments, client).open(18).buy()


def grow(shop: Shop) -> list[dict[str, Any]]:
    """Five people come on 4 January; returns their rows, ids 2 to 6, the last of the backup that
    is made in the night."""
    shop.story.on("2012-01-04")
    rows = [shop.story.set_people(shop.server, people) for people in range(19, 24)]
    shop.story.upload(shop.server)
    return rows


def grow_after_the_backup(shop: Shop) -> None:
    """Three rows that the backup does not have."""
    shop.story.on("2012-01-10").upload_seats(shop.server, 24, 25)
    shop.story.on("2012-01-12").upload_seats(shop.server, 22)


def live_on(shop: Shop, day: str, people: int) -> dict[str, Any]:
    """What happens on the server after the 12th, whichever database it has."""
    return shop.story.on(day).set_people(shop.server, people)


def try_to_upload(shop: Shop, rows: list[dict[str, Any]]) -> tuple[int, str]:
    """Send these rows and no others; the answer's status and its words."""
    shop.server.rows = list(rows)
    response = shop.client.post(
        "/api/v1/remotes/server/analytics",
        headers=shop.server.headers,
        data=shop.story.upload_form(shop.server),
    )
    return response.status_code, response.get_json()["msg"]


def staff_rewind(shop: Shop, *, audit_log: int) -> str:
    """What staff type, and what they read."""
    arguments = ["billing", "rewind-ids", shop.server.uuid, "--audit-log", str(audit_log)]
    reason = ["--reason", "restored the backup of 5 January"]
    result = shop.story.app.test_cli_runner().invoke(args=[*arguments, *reason])
    assert result.exit_code == 0, result.output
    return result.output


def finish(shop: Shop) -> str:
    """On to the day after the renewal, as every day is; returns the statement."""
    shop.story.run_jobs_until("2012-02-04", shop.server)
    shop.story.assert_nothing_left_to_do()
    return statement(shop)


def statement(shop: Shop) -> str:
    return shop.story.statement(shop.story.payer(shop.server))


def bill(text: str) -> str:
    """The invoices of a statement, with their lines."""
    return text[text.index("\ninvoice ") :]


def without_row_ids(text: str) -> str:
    return re.sub(r"row \d+", "row", text)


def ledger(shop: Shop) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = shop.story.export(shop.story.payer(shop.server))["ledger"]
    return entries


@pytest.mark.parametrize(
    ("rewound_on", "golden"), [("2012-01-24", IN_TIME), ("2012-02-03", TOO_LATE)]
)
def test_a_lost_database(shop: Shop, rewound_on: str, golden: str) -> None:
    """Staff help before the renewal, or only after it was due."""
    in_backup = grow(shop)
    grow_after_the_backup(shop)
    before = statement(shop)

    # The database of the 5th is restored, and its ids begin again below those we have.
    shop.server.next_row_id = in_backup[-1]["id"] + 1
    rows = [live_on(shop, "2012-01-14", 24)]
    assert rows[0]["id"] == 7
    assert try_to_upload(shop, rows) == (400, OUT_OF_ORDER)
    rows.append(live_on(shop, "2012-01-20", 26))
    assert try_to_upload(shop, rows) == (400, OUT_OF_ORDER)
    assert statement(shop) == before

    # The customer is told why, and what to do; and nothing is charged on old numbers.
    shop.log_in()
    page = shop.get("missing-data")
    assert headline(page) == "Your server's report of 20 January 2012, 03:04:05 UTC was refused."
    assert OUT_OF_ORDER in words(page)
    assert "the server's database was restored from a backup" in words(page)
    assert "Nothing is charged that depends on the missing numbers." in words(page)
    assert "was refused" in words(shop.get("billing"))
    shop.story.run_jobs_until(rewound_on)
    assert bill(statement(shop)) == bill(before)
    known = ledger(shop)

    assert staff_rewind(shop, audit_log=4).endswith("audit_log=4\n")
    # The server sends what the backup has above that once more, and what came since.
    assert try_to_upload(shop, in_backup[3:] + rows) == (200, "")
    # No entry was changed, and none came of a row that was known.
    assert [entry for entry in ledger(shop) if entry in known] == known
    came = [entry["log_entry"] for entry in ledger(shop) if entry not in known]
    assert [row["remote_id"] for row in came if row] == [7, 8]
    shop.log_in()
    # Reports arrive, so the page about missing ones leads away.
    assert shop.get("missing-data").location == shop.page("billing")
    finish(shop)
    shop.story.assert_statement(shop.story.payer(shop.server), golden)


def test_it_is_the_bill_of_a_server_that_lost_nothing(shop: Shop) -> None:
    grow(shop)
    grow_after_the_backup(shop)
    for day, people in (("2012-01-14", 24), ("2012-01-20", 26)):
        live_on(shop, day, people)
        shop.story.upload(shop.server)
    found = finish(shop)
    # The rows have other ids, and that is all.
    assert without_row_ids(found) == without_row_ids((GOLDEN / IN_TIME).read_text())
    # A renewal that came before the reports did was put right, and charged once, when they came.
    assert bill(found) == bill((GOLDEN / TOO_LATE).read_text())
