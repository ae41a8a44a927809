"""The sample customers whose plan is not just bought and renewed: old terms, discounts, what stands
in the way of an invoice."""

from app.demo.happenings import (
    OTHER_GOOD_CARD,
    AcceptOffer,
    AskToBeSponsored,
    Buy,
    EnterCard,
    GiveDiscount,
    GiveLegacy,
    Grow,
    MakeCoupon,
    OfferFixedPrice,
    ScheduleNext,
    Sponsor,
    SwitchSchedule,
)
from app.demo.sample_customer import SampleCustomer, some_people
from app.domain.kinds import Schedule
from app.domain.sponsorship import OrganizationType

# What visitors may enter, too; the demo's first page shows it.
COUPON = "HARVEST25"

AGREED: tuple[SampleCustomer, ...] = (
    SampleCustomer(
        name="fennel-studio",
        title="Fennel Studio",
        hostname="chat.fennel-studio.test",
        owner="Carla Fenn",
        founded=12,
        people=some_people(16),
        happenings=(EnterCard(11), Buy(11, "basic", tries=True), Grow(4, 2)),
    ),
    SampleCustomer(
        name="heron-press",
        title="Heron Press",
        hostname="chat.heron-press.test",
        owner="Lior Navon",
        founded=37,
        people=some_people(17),
        happenings=(
            GiveLegacy(36, days_ahead=11),
            EnterCard(8),
            ScheduleNext(7, "basic", licenses=20),
        ),
    ),
    SampleCustomer(
        name="mill-lane",
        title="Mill Lane Potters",
        hostname="chat.mill-lane.test",
        owner="Oona Mill",
        founded=36,
        people=some_people(13),
        happenings=(GiveLegacy(35, days_ahead=50),),
    ),
    SampleCustomer(
        name="beacon-library",
        title="Beacon Library",
        hostname="chat.beacon-library.test",
        owner="Samira Haddad",
        founded=40,
        people=some_people(28),
        happenings=(
            GiveDiscount(39, "business", percent=4000),
            EnterCard(38),
            Buy(38, "business"),
        ),
    ),
    SampleCustomer(
        name="pomelo-games",
        title="Pomelo Games",
        hostname="chat.pomelo-games.test",
        owner="Theo Lindqvist",
        founded=35,
        people=some_people(15),
        happenings=(
            MakeCoupon(34, COUPON, percent=2500, months=6),
            EnterCard(33),
            Buy(33, "basic", coupon=COUPON),
            Grow(10, 3),
        ),
    ),
    SampleCustomer(
        name="granite-works",
        title="Granite Works",
        hostname="chat.granite-works.test",
        owner="Ulrike Stein",
        founded=27,
        people=some_people(46),
        happenings=(
            OfferFixedPrice(26, "enterprise", yearly_price=600_000),
            EnterCard(25, OTHER_GOOD_CARD),
            AcceptOffer(24, Schedule.MONTHLY),
            Grow(10, 5),
        ),
    ),
    SampleCustomer(
        name="open-orchard",
        title="Open Orchard",
        hostname="chat.open-orchard.test",
        owner="Bilal Osei",
        founded=34,
        people=some_people(31),
        happenings=(
            AskToBeSponsored(
                33,
                OrganizationType.OPEN_SOURCE,
                "https://open-orchard.test/",
                "We write a free program that plans orchards, and talk about it here.",
            ),
            Sponsor(31),
        ),
    ),
    SampleCustomer(
        name="lantern-shelter",
        title="Lantern Shelter",
        hostname="chat.lantern-shelter.test",
        owner="Grace Obi",
        founded=6,
        people=some_people(22),
        happenings=(
            AskToBeSponsored(
                3,
                OrganizationType.NON_PROFIT,
                "https://lantern-shelter.test/",
                "A night shelter. Volunteers agree here who has which shift.",
            ),
        ),
    ),
    SampleCustomer(
        name="marlow-dental",
        title="Marlow Dental",
        hostname="chat.marlow-dental.test",
        owner="Priya Marlow",
        founded=24,
        people=some_people(12),
        happenings=(
            EnterCard(23, OTHER_GOOD_CARD),
            Buy(23, "basic", schedule=Schedule.ANNUAL),
            SwitchSchedule(5, Schedule.MONTHLY),
        ),
    ),
    SampleCustomer(
        name="sable-freight",
        title="Sable Freight",
        hostname="chat.sable-freight.test",
        owner="Nils Sable",
        founded=36,
        people=some_people(19),
        happenings=(EnterCard(35), Buy(35, "basic")),
        silent_for=8,
    ),
)
