"""One of each role of staff, for whoever looks at the support console of the demo."""

from dataclasses import dataclass

from app.domain.errors import BillingError
from app.domain.kinds import StaffRole
from app.services.context import CLI, Context
from app.services.staff_people import CreateStaff, create_staff

# It protects nothing but play money on this machine.
DEMO_PASSWORD = "play money only"


@dataclass(frozen=True, slots=True)
class DemoStaff:
    """Somebody of the demo's staff. All have the same password."""

    email: str
    full_name: str
    role: StaffRole


DEMO_STAFF = (
    DemoStaff("ada@support.test", "Ada Adair", StaffRole.ADMIN),
    DemoStaff("sam@support.test", "Sam Sato", StaffRole.SUPPORT),
    DemoStaff("rita@support.test", "Rita Roth", StaffRole.READ_ONLY),
)


def ensure_demo_staff(ctx: Context) -> None:
    """Make those who are not there yet."""
    for person in DEMO_STAFF:
        command = CreateStaff(person.email, person.full_name, person.role, password=DEMO_PASSWORD)
        try:
            create_staff(ctx, command, actor=CLI)
        except BillingError as error:
            if error.code != "staff_known":
                raise
