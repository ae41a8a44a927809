"""A server restores an older store: it sends nothing under numbers that the portal knows, says so
on its page, and goes on when staff have set the numbers back.

Servers that do not ask first are refused: tests/scenarios/test_rewind.py.
"""

import sqlite3
from contextlib import closing
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.e2e import road
from tests.e2e.world import World

LOST = "The billing service has rows that this server has lost."


def heading(page: Page):
    return expect(page.get_by_role("heading", level=1))


def copy_store(source: Path, target: Path) -> None:
    """As a backup does it, with the server running."""
    with closing(sqlite3.connect(source)) as one, closing(sqlite3.connect(target)) as other:
        one.backup(other)


def add_people(page: Page, world: World, number: int) -> None:
    page.goto(world.sample.organization_url("acme") + "/people/")
    page.get_by_label("How many").fill(str(number))
    page.get_by_role("button", name="Add people").click()


def last_row(path: Path) -> int:
    """The highest number of a row in a store's audit log."""
    with closing(sqlite3.connect(path)) as connection:
        return int(connection.execute("SELECT max(id) FROM audit_rows").fetchone()[0])


def rewind(world: World, *, audit_log: int) -> None:
    """What support types."""
    server_uuid = world.sample.store.settings().server_uuid
    words = ["billing", "rewind-ids", server_uuid, "--audit-log", str(audit_log)]
    counts = ["--realm-counts", "0", "--installation-counts", "0", "--reason", "a restored store"]
    result = world.app.test_cli_runner().invoke(args=[*words, *counts])
    assert result.exit_code == 0, result.output


def test_a_restored_store(page: Page, world: World) -> None:
    base = road.subscribe(page, world)
    backup = world.folder / "backup.sqlite3"
    copy_store(world.sample.store.path, backup)
    world.at("2012-01-04 03:04:05")
    add_people(page, world, 5)
    world.upload()
    before = road.export(world, base)["ledger"]
    assert before[-1]["licenses"] == 23

    # The store of two days ago is back, and two people come anew.
    copy_store(backup, world.sample.store.path)
    world.at("2012-01-05 03:04:05")
    road.open_product(page, world)
    add_people(page, world, 2)
    road.upload_by_button(page, world.sample)
    expect(page.locator("main")).to_contain_text(LOST)
    expect(page.locator("main")).to_contain_text("ask support to set back the numbers")
    # Nothing that is new was sent under a number of something else.
    assert road.export(world, base)["ledger"] == before

    rewind(world, audit_log=last_row(backup))
    road.upload_by_button(page, world.sample)
    expect(page.locator("main")).not_to_contain_text(LOST)
    expect(page.get_by_role("status")).to_contain_text("Uploaded: 2 audit rows were accepted.")
    # What was paid for stays, and the next renewal is for those who are there.
    after = road.export(world, base)["ledger"]
    assert after[: len(before)] == before
    assert (after[-1]["licenses"], after[-1]["licenses_at_next_renewal"]) == (23, 20)
    road.later_login(page, world)
    heading(page).to_contain_text("Basic, 20 people.")

    # Support had no need to know the number: with 0 everything comes again and changes nothing.
    rewind(world, audit_log=0)
    world.upload()
    assert road.export(world, base)["ledger"] == after
