"""`flask billing notify | announce`: who hears what, what is refused, and going on after a crash."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import Result
from sqlalchemy import select, update

from app.models.deals import Announcement
from app.models.mails import Mail
from app.models.people import BillingUser
from app.services import announce
from app.services.context import CLI
from app.services.customer_mails import record_customer_mail
from app.services.legacy import create_legacy_plan
from app.services.unit_of_work import unit_of_work
from tests.scenarios.people import add_person, told
from tests.scenarios.story import Story
from tests.support.mail import RecordingMailer

REASON = ("--reason", "prices change in March")


@pytest.fixture
def story(app, ctx, clock, payments) -> Story:
    """Three customers: Basic monthly, Business annual, and a legacy one."""
    story = Story(app, ctx, clock, payments)
    for name, tier, schedule in (("ann", "basic", "monthly"), ("bob", "business", "annual")):
        server = story.server(seats=(18,))
        add_person(story, server, f"{name}@acme.test")
        story.upgrade(server, tier=tier, schedule=schedule)
    server = story.server(seats=(18,))
    add_person(story, server, "cleo@acme.test")
    add_person(story, server, "dan@acme.test")
    add_person(story, server, "never@acme.test", confirmed=False)
    until = datetime(2012, 4, 1, tzinfo=UTC)
    create_legacy_plan(ctx, story.payer(server), until=until, reason="old terms", actor=CLI)
    return story


@pytest.fixture
def body(tmp_path: Path) -> Path:
    """A text of two paragraphs."""
    path = tmp_path / "body.txt"
    path.write_text("From March on\nBasic costs $4.00.\n\nNothing changes before.\n")
    return path


def run(story: Story, *arguments: object) -> Result:
    words = [str(argument) for argument in arguments]
    return story.app.test_cli_runner().invoke(args=["billing", *words])


def announce_to(story: Story, body: Path, *filters: str) -> Result:
    return run(
        story, "announce", "--subject", "Prices change", "--body-file", body, *REASON, *filters
    )


def refused(result: Result) -> str:
    assert result.exit_code != 0
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return str(result.output)


@pytest.mark.parametrize(
    ("filters", "people"),
    [
        ((), ["ann", "bob", "cleo", "dan"]),
        (("--tier", "basic"), ["ann"]),
        (("--tier", "basic", "--tier", "business"), ["ann", "bob"]),
        (("--schedule", "annual", "--tier", "business"), ["bob"]),
        (("--kind", "server"), []),
        (("--legacy-ending-before", "2012-04-02"), ["cleo", "dan"]),
        (("--legacy-ending-before", "2012-04-01"), []),
    ],
)
@pytest.mark.sqlite_only
def test_the_list_is_what_the_filters_say(
    story: Story, body: Path, filters: tuple[str, ...], people: list[str]
) -> None:
    result = announce_to(story, body, *filters)
    if people:
        assert result.exit_code == 0, result.output
        assert f"mails={len(people)}" in result.output
    else:
        assert "nobody to write to" in refused(result)
    assert sorted(told(story, "announcement")) == [f"{name}@acme.test" for name in people]


def test_a_dry_run_shows_who_and_what(story: Story, body: Path) -> None:
    result = announce_to(story, body, "--dry-run")
    assert result.exit_code == 0, result.output
    assert "3 customers, 4 people" in result.output
    assert "Subject: Prices change" in result.output
    assert "From March on Basic costs $4.00." in result.output
    assert "dry run: nothing was sent" in result.output
    assert told(story, "announcement") == []
    with story.ctx.sessions() as session:
        assert session.scalars(select(Announcement)).all() == []


def test_a_test_goes_to_one_address_only(story: Story, body: Path, mailer: RecordingMailer) -> None:
    result = announce_to(story, body, "--test-to", "me@vendor.test")
    assert result.exit_code == 0, result.output
    assert told(story, "announcement") == ["me@vendor.test"]
    assert mailer.outbox[-1].subject == "Prices change"
    again = announce_to(story, body, "--test-to", "me@vendor.test")
    assert again.exit_code == 0, "as often as it is asked for"


def test_it_reaches_each_person_once_and_goes_on_after_a_crash(
    story: Story, body: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []

    def dies(work, customer, mail):
        calls.append(customer.id)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return record_customer_mail(work, customer, mail)

    monkeypatch.setattr(announce, "record_customer_mail", dies)
    announce_to(story, body)
    assert len(told(story, "announcement")) < 4
    monkeypatch.undo()
    assert "--resume 1" in refused(announce_to(story, body))
    result = run(story, "announce", "--resume", 1)
    assert result.exit_code == 0, result.output
    assert sorted(told(story, "announcement")) == [
        f"{name}@acme.test" for name in ("ann", "bob", "cleo", "dan")
    ]
    assert "mails=0" in run(story, "announce", "--resume", 1).output
    with story.ctx.sessions() as session:
        stored = session.scalars(select(Announcement)).one()
        assert (stored.customers, stored.finished_at) == (3, story.clock.now())
        assert stored.reason == "prices change in March"


def test_whoever_wants_no_news_gets_none(story: Story, body: Path) -> None:
    with unit_of_work(story.ctx) as work:
        ann = BillingUser.email == "ann@acme.test"
        work.session.execute(update(BillingUser).where(ann).values(wants_announcement_mails=False))
        work.commit()
    announce_to(story, body)
    assert "ann@acme.test" not in told(story, "announcement")
    with story.ctx.sessions() as session:
        mail = session.scalars(select(Mail).where(Mail.template == "announcement")).first()
        assert mail is not None and mail.kind == "announcements" and mail.billing_user_id


@pytest.mark.sqlite_only
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--subject", "x"], "--subject and --body-file are needed"),
        (["--subject", "x", "--body-file", "BODY"], "--reason is needed"),
        (["--subject", " ", "--body-file", "BODY", *REASON], "needs a subject"),
        (["--subject", "x" * 151, "--body-file", "BODY", *REASON], "at most 150 characters"),
        (["--subject", "x", "--body-file", "EMPTY", *REASON], "needs a subject"),
        (["--subject", "x", "--body-file", "LATIN", *REASON], "not written in UTF-8"),
        (["--subject", "x", "--body-file", "BODY", "--tier", "gold", *REASON], "basic"),
        (["--subject", "x", "--body-file", "BODY", "--schedule", "daily"], "daily"),
        (["--subject", "x", "--body-file", "BODY", "--test-to", "nobody"], "--test-to"),
        (["--subject", "x", "--body-file", "BODY", "--legacy-ending-before", "soon"], "soon"),
        (["--resume", "99"], "99"),
        (["--subject", "x", "--body-file", "MISSING"], "MISSING"),
    ],
)
def test_bad_input_is_one_clear_line(
    story: Story, body: Path, tmp_path: Path, arguments: list[str], said: str
) -> None:
    (tmp_path / "empty.txt").write_text(" \n")
    (tmp_path / "latin.txt").write_bytes("Gr\xfc\xdfe".encode("latin-1"))
    files = {"BODY": body, "EMPTY": tmp_path / "empty.txt", "LATIN": tmp_path / "latin.txt"}
    result = run(story, "announce", *(files.get(word, word) for word in arguments))
    output = refused(result)
    assert said in output and "Traceback" not in output
    assert told(story, "announcement") == []


def test_notify_tells_what_is_ahead(story: Story) -> None:
    story.on("2012-02-10")
    result = run(story, "notify")
    assert result.exit_code == 0, result.output
    # Their servers have been silent for weeks, and the legacy plan ends in 51 days.
    assert "processed=3 mails=4 failed=0" in result.output
    assert "mails=0" in run(story, "notify").output


def test_the_daily_run_tells_too(story: Story) -> None:
    story.on("2012-02-01")
    assert run(story, "invoice-plans", "--dry-run").exit_code == 0
    assert run(story, "invoice-plans", "--as-of", "2012-02-03").exit_code == 0
    assert told(story, "legacy_ends") == []
    assert run(story, "invoice-plans").exit_code == 0
    assert told(story, "legacy_ends") == ["cleo@acme.test", "dan@acme.test"]
