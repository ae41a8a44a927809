"""`flask billing move-plan`: what staff do when a plan belongs elsewhere."""

import pytest
from click.testing import Result
from sqlalchemy import select

from app.models.audit import AuditEntry
from app.models.customers import Customer
from app.models.plans import Plan
from app.services.unit_of_work import unit_of_work
from tests.scenarios.story import Story

pytestmark = pytest.mark.sqlite_only
REASON = ("--reason", "they asked")
UNKNOWN = "0f1e2d3c-4b5a-4c6d-9e7f-8a9b0c1d2e3f"


def billing(story: Story, *arguments: str) -> Result:
    """Run one command as the command line does."""
    return story.app.test_cli_runner().invoke(args=["billing", *arguments])


def refused(result: Result) -> str:
    """What a command that refuses says; no trace."""
    assert result.exit_code != 0
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result.output


def holder(story: Story) -> str:
    """Whose the plan is."""
    with unit_of_work(story.ctx) as work:
        found = select(Customer.uuid).join(Plan, Plan.customer_id == Customer.id)
        return str(work.session.scalars(found).one())


def test_a_plan_goes_there_and_back(story: Story) -> None:
    server = story.server(seats=(18, 4))
    story.upgrade(server, organization=None)
    uuid = server.organizations[0].uuid
    there = ("move-plan", server.uuid, "--to", "organization", uuid.upper(), *REASON)
    tried = billing(story, *there, "--dry-run")
    assert tried.exit_code == 0, tried.output
    assert "licenses_at_next_renewal: 22 -> 18" in tried.output
    assert "dry run: nothing was changed" in tried.output
    assert holder(story) == server.uuid
    done = billing(story, *there)
    assert done.exit_code == 0 and done.output.splitlines()[-1] == "done"
    assert holder(story) == uuid
    with unit_of_work(story.ctx) as work:
        entry = work.session.scalars(
            select(AuditEntry).where(AuditEntry.action == "plan.transferred")
        ).one()
        assert entry.actor == "cli" and entry.after is not None
        assert entry.after["reason"] == "they asked"
    back = billing(story, "move-plan", uuid, "--to", "server", server.uuid, *REASON)
    assert "licenses_at_next_renewal: 18 -> 22" in back.output
    assert holder(story) == server.uuid


def test_what_cannot_be_is_one_line(story: Story) -> None:
    server = story.server(seats=(18,))
    uuid = server.organizations[0].uuid
    for arguments, said in (
        ((UNKNOWN, "--to", "organization", uuid), ""),
        ((server.uuid, "--to", "organization", UNKNOWN), ""),
        ((server.uuid, "--to", "server", uuid), "is not the UUID of a server"),
        ((server.uuid, "--to", "organization", uuid), "There is no live plan to move"),
        ((server.uuid, "--to", "account", uuid), "account"),
    ):
        output = refused(billing(story, "move-plan", *arguments, *REASON))
        assert said in output and "Traceback" not in output
    assert "--reason" in refused(
        billing(story, "move-plan", server.uuid, "--to", "organization", uuid)
    )
