"""What may happen to a sample customer in the months before today.

Days count back from the demo's present. Who does it: the owner (`app/demo/owners.py`), or our staff
(`app/demo/staff.py`).
"""

from dataclasses import dataclass

from app.domain.kinds import LicenseManagement, Schedule
from app.domain.sponsorship import OrganizationType

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
    """The owner buys a plan, by card. `licenses` counts under manual management only, `coupon` is
    the code that is entered. `tries`: it begins with a free trial."""

    days_ago: int
    tier: str
    schedule: Schedule = Schedule.MONTHLY
    management: LicenseManagement = LicenseManagement.AUTOMATIC
    licenses: int | None = None
    coupon: str | None = None
    tries: bool = False


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


@dataclass(frozen=True, slots=True)
class SwitchSchedule:
    """The owner lets the plan go on by another schedule from its next cycle."""

    days_ago: int
    schedule: Schedule


@dataclass(frozen=True, slots=True)
class ScheduleNext:
    """The owner of a legacy plan chooses what follows it; `licenses` by hand."""

    days_ago: int
    tier: str
    licenses: int


@dataclass(frozen=True, slots=True)
class AskToBeSponsored:
    """The owner asks for it, and tells about the organization."""

    days_ago: int
    organization_type: OrganizationType
    website: str
    description: str


@dataclass(frozen=True, slots=True)
class Sponsor:
    """Staff say yes, for a year."""

    days_ago: int


@dataclass(frozen=True, slots=True)
class OfferFixedPrice:
    """Staff offer a tier for so many cents a year, whoever comes or goes."""

    days_ago: int
    tier: str
    yearly_price: int


@dataclass(frozen=True, slots=True)
class AcceptOffer:
    """The owner accepts the offer that there is, by card."""

    days_ago: int
    schedule: Schedule


@dataclass(frozen=True, slots=True)
class GiveLegacy:
    """Staff put the customer on a legacy plan, until so many days after today."""

    days_ago: int
    days_ahead: int


@dataclass(frozen=True, slots=True)
class GiveDiscount:
    """Staff take something off a tier's price: hundredths of a percent."""

    days_ago: int
    tier: str
    percent: int


@dataclass(frozen=True, slots=True)
class MakeCoupon:
    """Staff make a code for everybody: hundredths of a percent, for so many months."""

    days_ago: int
    code: str
    percent: int
    months: int


ByStaff = Sponsor | OfferFixedPrice | GiveLegacy | GiveDiscount | MakeCoupon
ByOwner = (
    Grow
    | EnterCard
    | Buy
    | BuyByInvoice
    | SecondPerson
    | EndPlan
    | SwitchSchedule
    | ScheduleNext
    | AskToBeSponsored
    | AcceptOffer
)
Happening = ByOwner | ByStaff
