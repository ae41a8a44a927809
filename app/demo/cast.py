"""The sample customers: who they are and what happens to them in the months before today.

Every one is there to show one thing. Days count back from the demo's present; what happens at them
goes through the same doors as everything else (`app/demo/seed.py`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from app.domain.kinds import LicenseManagement, Schedule

GOOD_CARD = "4242424242424242"
OTHER_GOOD_CARD = "5555555555554444"
# Can be entered, and is declined whenever it is charged.
DECLINED_LATER = "4000000000000341"


@dataclass(frozen=True, slots=True)
class Grow:
    """People join (or, below zero, leave)."""

    days_ago: int
    people: int


@dataclass(frozen=True, slots=True)
class EnterCard:
    """The owner enters a card on the provider's page."""

    days_ago: int
    number: str = GOOD_CARD


@dataclass(frozen=True, slots=True)
class Buy:
    """The owner buys a plan, by card. `licenses` counts under manual management only."""

    days_ago: int
    tier: str
    schedule: Schedule = Schedule.MONTHLY
    management: LicenseManagement = LicenseManagement.AUTOMATIC
    licenses: int | None = None


@dataclass(frozen=True, slots=True)
class BuyByInvoice:
    """The owner orders a plan by invoice, and the company pays it at once on its page."""

    days_ago: int
    tier: str
    licenses: int
    schedule: Schedule = Schedule.MONTHLY


@dataclass(frozen=True, slots=True)
class SecondPerson:
    """An admin of the organization comes to its billing, too."""

    days_ago: int


@dataclass(frozen=True, slots=True)
class EndPlan:
    """The owner lets the plan end with its cycle."""

    days_ago: int


Happening = Grow | EnterCard | Buy | BuyByInvoice | SecondPerson | EndPlan


@dataclass(frozen=True, slots=True)
class Branch:
    """One more organization on the same server; `people` is all of them, its owner included."""

    name: str
    title: str
    people: int


@dataclass(frozen=True, slots=True)
class SampleCustomer:
    """One organization on a server of its own. `name` is its host's first label, `owner` who
    manages its billing; `people` does not count the owner.

    `pays_as_server`: the server is the customer, for the organization and its `branches`, and the
    owner comes in by its key. `silent_for` days it has not uploaded; None when it uploads as it
    should.
    """

    name: str
    title: str
    hostname: str
    owner: str
    founded: int
    people: Mapping[str, int]
    happenings: tuple[Happening, ...] = field(default=())
    branches: tuple[Branch, ...] = ()
    pays_as_server: bool = False
    silent_for: int | None = None

    @property
    def owner_email(self) -> str:
        """The owner's address."""
        first_name = self.owner.removeprefix("Dr. ").partition(" ")[0].lower()
        return f"{first_name}@{self.name}.test"

    @property
    def contact_email(self) -> str:
        """Whom the server names as its contact: of one that pays, whoever pays for it."""
        return self.owner_email if self.pays_as_server else f"it@{self.name}.test"


def _people(number: int) -> dict[str, int]:
    """`number` people with believable roles, the owner among them but not named, and a bot."""
    return {"admin": 1, "member": number - 3, "guest": 1, "bot": 1}


CAST: tuple[SampleCustomer, ...] = (
    SampleCustomer(
        name="larkspur",
        title="Larkspur Books",
        hostname="chat.larkspur.test",
        owner="Maren Holt",
        founded=128,
        people=_people(14),
        happenings=(
            EnterCard(127),
            Buy(127, "basic"),
            Grow(101, 3),
            SecondPerson(90),
            Grow(72, 5),
            Grow(58, 2),
            Grow(30, 4),
            Grow(20, -1),
            Grow(9, 2),
        ),
    ),
    SampleCustomer(
        name="harbor-clinic",
        title="Harbor Clinic",
        hostname="chat.harbor-clinic.test",
        owner="Dr. Ines Falk",
        founded=112,
        people=_people(38),
        happenings=(
            EnterCard(110, OTHER_GOOD_CARD),
            Buy(110, "business", schedule=Schedule.ANNUAL),
            Grow(12, 2),
        ),
    ),
    SampleCustomer(
        name="tern-fisher",
        title="Tern & Fisher",
        hostname="talk.tern-fisher.test",
        owner="Joss Tern",
        founded=82,
        people=_people(18),
        happenings=(
            EnterCard(80),
            Buy(80, "basic", management=LicenseManagement.MANUAL, licenses=20),
            Grow(6, 4),
        ),
    ),
    SampleCustomer(
        name="quill-street",
        title="Quill Street School",
        hostname="chat.quill-street.test",
        owner="Petra Quill",
        founded=68,
        people=_people(26),
        happenings=(EnterCard(66), Buy(66, "basic"), EndPlan(3)),
    ),
    SampleCustomer(
        name="copper-kettle",
        title="Copper Kettle Roasters",
        hostname="chat.copper-kettle.test",
        owner="Amadou Diallo",
        founded=66,
        people=_people(16),
        happenings=(EnterCard(64), Buy(64, "basic"), EnterCard(20, DECLINED_LATER)),
    ),
    SampleCustomer(
        name="saltmarsh",
        title="Saltmarsh Trust",
        hostname="chat.saltmarsh.test",
        owner="Edda Marsh",
        founded=38,
        people=_people(21),
        branches=(Branch("saltmarsh-labs", "Saltmarsh Labs", 12),),
        pays_as_server=True,
        happenings=(BuyByInvoice(36, "basic", 36),),
    ),
    SampleCustomer(
        name="juniper-choir",
        title="Juniper Choir",
        hostname="chat.juniper-choir.test",
        owner="Ruth Castellan",
        founded=45,
        people=_people(8),
    ),
    SampleCustomer(
        name="ashdown",
        title="Ashdown Robotics",
        hostname="chat.ashdown.test",
        owner="Kenji Ashdown",
        founded=40,
        people=_people(24),
        silent_for=9,
    ),
)
NAMES = tuple(customer.name for customer in CAST)
