"""The nested values of the wire, by their names there: shapes and types only."""

from typing import Annotated, Any

from msgspec import Meta, Struct

# Integer columns hold 64 bits, and 32 where the number is a small one.
Number = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
OrganizationId = Annotated[int, Meta(ge=0, le=2**63 - 1)]
SmallNumber = Annotated[int, Meta(ge=0, le=2**31 - 1)]


class RealmCount(Struct, gc=False):
    """A row of `realm_counts`."""

    property: str
    realm: OrganizationId
    id: Number
    end_time: float
    subgroup: str | None
    value: Number


class InstallationCount(Struct, gc=False):
    """A row of `installation_counts`."""

    property: str
    id: Number
    end_time: float
    subgroup: str | None
    value: Number


class RealmAuditLogRow(Struct):
    """A row of `realmauditlog_rows`."""

    id: Number
    realm: OrganizationId
    event_time: float
    backfilled: bool
    extra_data: Any
    event_type: Number


class Realm(Struct, forbid_unknown_fields=True):
    """An entry of `realms`, and the `realm` of a billing call. No other keys."""

    id: OrganizationId
    uuid: str
    uuid_owner_secret: str
    host: str
    url: str
    date_created: float
    deactivated: bool
    name: str = ""
    org_type: SmallNumber = 0
    is_system_bot_realm: bool = False
    authentication_methods: dict[str, bool] = {}


class User(Struct):
    """The `user` of a billing call."""

    uuid: str
    email: str
    full_name: str


class SeatDigests(Struct):
    """An entry of `seat_digests`."""

    realm: OrganizationId
    digests: list[str]
