"""Values of the sample server: roles, event types, and the frozen rows that pages and calls get."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

# The numbers are those of the wire protocol's role counts and event types.
OWNER, ADMIN, MODERATOR, MEMBER, GUEST = 100, 200, 300, 400, 600
ROLE_NAMES: Mapping[int, str] = {
    OWNER: "owner",
    ADMIN: "admin",
    MODERATOR: "moderator",
    MEMBER: "member",
    GUEST: "guest",
}
ROLE_NUMBERS: Mapping[str, int] = {name: number for number, name in ROLE_NAMES.items()}
BOT = "bot"

USER_CREATED, USER_ACTIVATED, USER_DEACTIVATED = 101, 102, 103
USER_REACTIVATED, USER_ROLE_CHANGED = 104, 105
ORGANIZATION_DEACTIVATED, ORGANIZATION_REACTIVATED = 201, 202
ORGANIZATION_IMPORTED = 229
EVENT_TYPES = frozenset(
    {
        USER_CREATED,
        USER_ACTIVATED,
        USER_DEACTIVATED,
        USER_REACTIVATED,
        USER_ROLE_CHANGED,
        ORGANIZATION_DEACTIVATED,
        ORGANIZATION_REACTIVATED,
        ORGANIZATION_IMPORTED,
    }
)

ACTIVE, DEACTIVATED, INVITED = "active", "deactivated", "invited"


class InputError(ValueError):
    """Something that was typed or sent cannot be done; the text is for the person who sent it."""


@dataclass(frozen=True)
class Organization:
    """One organization of this server; `name` is its host's first label."""

    id: int
    name: str
    title: str
    uuid: str
    uuid_owner_secret: str
    org_type: int
    created: int
    deactivated: bool

    def host(self, port: int) -> str:
        """Return the host:port under which the organization is reached, as sent on the wire."""
        return f"{self.name}.localhost:{port}"

    def url(self, port: int) -> str:
        """Return the organization's address without a trailing slash."""
        return f"http://{self.host(port)}"

    def billing_url(self, port: int) -> str:
        """Return the address of the organization's page that leads to the billing portal."""
        return f"{self.url(port)}/self-hosted-billing/"


@dataclass(frozen=True)
class Person:
    """A person or a bot of one organization."""

    id: int
    organization_id: int
    uuid: str
    email: str
    full_name: str
    role: int
    is_bot: bool
    state: str
    created: int

    @property
    def role_name(self) -> str:
        """Return the word for the role; bots have one of their own."""
        return BOT if self.is_bot else ROLE_NAMES[self.role]

    @property
    def is_active(self) -> bool:
        """Tell whether the person counts and may log in."""
        return self.state == ACTIVE

    @property
    def is_billing_admin(self) -> bool:
        """Tell whether the person may see Billing and manage people: owners and admins."""
        return not self.is_bot and self.is_active and self.role in (OWNER, ADMIN)

    @property
    def initials(self) -> str:
        """Return up to two letters for the avatar."""
        return "".join(part[0] for part in self.full_name.split()[:2]).upper()

    @property
    def color(self) -> int:
        """Return which of the six avatar colors the person has."""
        return self.id % 6


@dataclass(frozen=True)
class RoleCounts:
    """Active people by role, and bots: the content of an audit row."""

    by_role: Mapping[int, int]
    bots: int

    @property
    def people(self) -> int:
        """Return the number of people; bots never count."""
        return sum(self.by_role.values())

    def extra_data(self) -> dict[str, object]:
        """Return the counts as the wire protocol writes them, keys always strings."""
        roles = {str(role): self.by_role.get(role, 0) for role in ROLE_NAMES}
        return {"10": {"11": roles, "12": self.bots}}

    def changed(self, *, role: int, is_bot: bool, by: int) -> RoleCounts:
        """Return the counts after `by` more (or fewer) active people of a role, or bots."""
        if is_bot:
            return RoleCounts(self.by_role, self.bots + by)
        return RoleCounts({**self.by_role, role: self.by_role.get(role, 0) + by}, self.bots)


@dataclass(frozen=True)
class Message:
    """One chat message."""

    author: Person
    text: str
    at: int


@dataclass(frozen=True)
class UploadReport:
    """What one upload did: kept in the store and shown on a page."""

    at: int
    trigger: str
    format: str
    calls: int
    audit_rows: int
    realm_counts: int
    installation_counts: int
    http_status: int | None
    code: str | None
    message: str
    retry_after: int | None
    answer: str

    @property
    def ok(self) -> bool:
        """Tell whether every call of the upload was answered with success."""
        return self.code is None

    def as_dict(self) -> dict[str, object]:
        """Return the report for the control API."""
        return {
            "ok": self.ok,
            "at": self.at,
            "trigger": self.trigger,
            "format": self.format,
            "calls": self.calls,
            "rows": {
                "realmauditlog_rows": self.audit_rows,
                "realm_counts": self.realm_counts,
                "installation_counts": self.installation_counts,
            },
            "http_status": self.http_status,
            "code": self.code,
            "message": self.message,
            "retry_after": self.retry_after,
        }
