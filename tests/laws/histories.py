"""Drawn histories: what people, servers and time do to one customer, and how it is played.

The same history is played for an organization and for a whole server with the same people.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from app.domain.errors import BillingError
from app.domain.kinds import LicenseManagement, Schedule
from app.services import change_plan
from app.services.change_management import change_management
from app.services.customers import Payer
from app.services.next_terms import PlanChoice
from app.services.preview_change import make_change
from app.services.switch_plan import switch_at_cycle_end
from app.services.unit_of_work import UnitOfWork
from app.services.upgrade_tier import upgrade_tier
from tests.scenarios.story import BUYER, SampleServer, Story

Step = tuple[Any, ...]
TIERS = st.sampled_from(["standard", "plus"])
SCHEDULES = st.sampled_from(["monthly", "annual"])


@dataclass
class Player:
    """One customer in the world, and its server."""

    story: Story
    server: SampleServer
    payer: Payer
    organization: int | None

    def try_to(self, act: Callable[[], object]) -> str:
        """Do something that may be refused; tells how."""
        try:
            with self.story.app.app_context():
                act()
        except BillingError as error:
            return error.code
        return "done"

    def change(self, act: Callable[[UnitOfWork], object]) -> str:
        """The same for what is done in a unit of work."""
        return self.try_to(lambda: make_change(self.story.ctx, act))


def steps() -> st.SearchStrategy[list[Step]]:
    """A history: it begins with a purchase, and then anything may happen."""
    purchase = st.tuples(
        st.just("buy"),
        TIERS,
        SCHEDULES,
        st.booleans(),
    )
    anything = st.one_of(
        st.tuples(st.just("wait"), st.sampled_from([1, 9, 28, 31, 62, 365])),
        st.tuples(st.just("people"), st.integers(1, 30)),
        st.tuples(st.just("people"), st.integers(1, 30)),
        st.tuples(st.just("late"), st.integers(1, 30), st.integers(0, 20)),
        st.tuples(st.just("silence"), st.sampled_from([3, 40])),
        st.tuples(st.just("switch"), TIERS, SCHEDULES),
        st.tuples(st.just("switch"), TIERS, SCHEDULES),
        st.tuples(st.just("upgrade"), SCHEDULES),
        st.tuples(st.just("manage"), st.sampled_from(LicenseManagement)),
        st.tuples(st.just("end")),
        st.tuples(st.just("keep")),
        st.tuples(st.just("licenses"), st.integers(1, 40)),
        st.tuples(st.just("licenses at renewal"), st.integers(1, 40)),
        purchase,
    )
    return st.builds(
        lambda first, rest: [first, *rest], purchase, st.lists(anything, min_size=2, max_size=7)
    )


def play(player: Player, step: Step) -> str:
    """Let one step happen to the customer; time is not the player's."""
    story, payer = player.story, player.payer
    match step:
        case ("people", int(people)):
            story.upload_seats(player.server, people)
        case ("late", int(people), int(days)):
            at = story.clock.now() - timedelta(days=days)
            story.set_people(player.server, people, at=at)
            story.upload(player.server)
        case ("buy", str(tier), str(schedule), bool(manual)):
            licenses = 45 if manual else None
            return player.try_to(
                lambda: story.upgrade(
                    player.server,
                    tier=tier,
                    schedule=schedule,
                    licenses=licenses,
                    organization=player.organization,
                )
            )
        case ("switch", str(tier), str(schedule)):
            choice = PlanChoice(tier, Schedule(schedule))
            return player.change(lambda work: switch_at_cycle_end(work, payer, choice, actor=BUYER))
        case ("upgrade", str(schedule)):
            choice = PlanChoice("plus", Schedule(schedule))
            return player.try_to(lambda: upgrade_tier(story.ctx, payer, choice, actor=BUYER))
        case ("manage", LicenseManagement() as management):
            return player.change(
                lambda work: change_management(work, payer, management, actor=BUYER)
            )
        case ("end",):
            return player.try_to(
                lambda: change_plan.end_plan_at_cycle_end(story.ctx, payer, actor=BUYER)
            )
        case ("keep",):
            return player.try_to(lambda: change_plan.keep_plan(story.ctx, payer, actor=BUYER))
        case ("licenses", int(number)):
            return player.try_to(
                lambda: change_plan.change_licenses_now(
                    story.ctx, payer, licenses=number, actor=BUYER
                )
            )
        case ("licenses at renewal", int(number)):
            return player.try_to(
                lambda: change_plan.change_licenses_at_renewal(
                    story.ctx, payer, licenses=number, actor=BUYER
                )
            )
    return "done"


def pass_time(story: Story, days: int, *servers: SampleServer) -> None:
    """Let days pass; the servers upload and the jobs run at the end of each stretch of at most ten
    days, so that several boundaries may come at once."""
    left = days
    while left:
        stretch = min(left, 10)
        story.clock.set(story.clock.now() + timedelta(days=stretch))
        for server in servers:
            story.upload(server)
        story.run_jobs()
        left -= stretch


def instant(text: str | None) -> datetime | None:
    """A time of an export."""
    return None if text is None else datetime.fromisoformat(text.replace("Z", "+00:00"))
