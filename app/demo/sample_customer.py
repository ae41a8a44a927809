"""A customer of the demo: one organization on a server of its own, and what happens to it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from app.demo.happenings import Happening


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


def some_people(number: int) -> dict[str, int]:
    """`number` people with believable roles, the owner among them but not named, and a bot."""
    return {"admin": 1, "member": number - 3, "guest": 1, "bot": 1}
