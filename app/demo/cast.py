"""The sample customers: who they are and what happens to them in the months before today.

Every one is there to show one thing. Days count back from the demo's present; what happens at them
goes through the same doors as everything else (`app/demo/seed.py`).
"""

from app.demo.cast_agreed import AGREED
from app.demo.happenings import (
    DECLINED_LATER,
    OTHER_GOOD_CARD,
    Buy,
    BuyByInvoice,
    EndPlan,
    EnterCard,
    Grow,
    SecondPerson,
)
from app.demo.sample_customer import Branch, SampleCustomer, some_people
from app.domain.kinds import LicenseManagement, Schedule

ON_THEIR_OWN: tuple[SampleCustomer, ...] = (
    SampleCustomer(
        name="larkspur",
        title="Larkspur Books",
        hostname="chat.larkspur.test",
        owner="Maren Holt",
        founded=128,
        people=some_people(14),
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
        people=some_people(38),
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
        people=some_people(18),
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
        people=some_people(26),
        happenings=(EnterCard(66), Buy(66, "basic"), EndPlan(3)),
    ),
    SampleCustomer(
        name="copper-kettle",
        title="Copper Kettle Roasters",
        hostname="chat.copper-kettle.test",
        owner="Amadou Diallo",
        founded=66,
        people=some_people(16),
        happenings=(EnterCard(64), Buy(64, "basic"), EnterCard(20, DECLINED_LATER)),
    ),
    SampleCustomer(
        name="saltmarsh",
        title="Saltmarsh Trust",
        hostname="chat.saltmarsh.test",
        owner="Edda Marsh",
        founded=38,
        people=some_people(21),
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
        people=some_people(8),
    ),
    SampleCustomer(
        name="ashdown",
        title="Ashdown Robotics",
        hostname="chat.ashdown.test",
        owner="Kenji Ashdown",
        founded=40,
        people=some_people(24),
        silent_for=9,
    ),
)
# A demo that was begun by an earlier release has the first of them only.
CAST = ON_THEIR_OWN + AGREED
NAMES = tuple(customer.name for customer in CAST)
