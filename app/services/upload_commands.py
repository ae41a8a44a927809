"""What an upload holds, in our words. Times are microseconds since 1970 or aware instants."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from app.domain.coverage import Entitlement


class UploadedAuditRow(NamedTuple):
    """A row of a server's audit log; `extra_data` is as sent and not looked at yet."""

    remote_id: int
    organization: int
    event_type: int
    event_time_us: int
    backfilled: bool
    extra_data: object


class UploadedCount(NamedTuple):
    """A row of counts; `organization` is None where the count is one of the whole server."""

    remote_id: int
    organization: int | None
    property: str
    subgroup: str | None
    end_time: datetime
    value: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadedOrganization:
    """One organization as its server describes it. `owner_secret` is never stored in clear."""

    remote_id: int
    uuid: str
    owner_secret: str
    host: str
    url: str
    name: str
    org_type: int
    date_created: datetime
    deactivated: bool
    is_system_bot_realm: bool
    authentication_methods: Mapping[str, bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordUpload:
    """One upload of a server. `audit_rows` and `organizations` are None when they were not sent,
    which is not the same as being empty."""

    server_id: int
    organization_counts: Sequence[UploadedCount]
    server_counts: Sequence[UploadedCount]
    audit_rows: Sequence[UploadedAuditRow] | None = None
    organizations: Sequence[UploadedOrganization] | None = None
    product_version: str | None = None
    api_feature_level: int | None = None


@dataclass(frozen=True, slots=True)
class Stored:
    """How many rows of a table were kept, and how many dropped as known already."""

    kept: int = 0
    dropped: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadResult:
    """What became of an upload. `entitlements` are by the UUIDs the upload named."""

    organization_counts: Stored
    server_counts: Stored
    audit_rows: Stored
    entitlements: Mapping[str, Entitlement] = field(default_factory=dict)
