"""From the fields of the wire to the commands of the services."""

import re
from collections.abc import Sequence

import msgspec

from app.domain.errors import BillingError
from app.services.authenticate_server import AuthenticatedServer
from app.services.create_billing_link import CreateBillingLink
from app.services.login_links import NEXT_PAGES
from app.services.register_server import RegisterServer
from app.services.upload_commands import (
    RecordUpload,
    UploadedAuditRow,
    UploadedCount,
    UploadedOrganization,
)
from app.web.remotes.bodies import Fields, check_text
from app.web.remotes.schemas import (
    DIGEST_FORM,
    LONGEST_HOST,
    LONGEST_ORGANIZATION_NAME,
    LONGEST_PERSON_NAME,
    LONGEST_SECRET,
    LONGEST_SUBGROUP,
    LONGEST_URL,
    MOST_AUTHENTICATION_METHODS,
    InstallationCount,
    Realm,
    RealmAuditLogRow,
    RealmCount,
    SeatDigests,
    SmallNumber,
    User,
)
from app.web.remotes.values import (
    read_contact_email,
    read_hostname,
    read_instant,
    read_key,
    read_microseconds,
    read_person_email,
    read_public_key,
    read_server_uuid,
    read_url,
    read_uuid,
)

URI_SCHEMES = ("https://", "http://")
LONGEST_SERVER_HOST = 128
LONGEST_VERSION = 64

_DIGEST = re.compile(DIGEST_FORM)


def read_registration(fields: Fields, *, check_deliverability: bool) -> RegisterServer:
    """`server/register`, by the wire's names or their neutral aliases."""
    new_key = fields.optional_text("new_org_key", "new_server_key")
    public_key = fields.optional_text("signing_public_key")
    return RegisterServer(
        uuid=read_server_uuid(fields.text("zulip_org_id", "server_id"), "zulip_org_id"),
        key=read_key(fields.text("zulip_org_key", "server_key"), "zulip_org_key"),
        hostname=read_hostname(fields.text("hostname"), "hostname", most=LONGEST_SERVER_HOST),
        new_key=read_key(new_key, "new_org_key") if new_key is not None else None,
        signing_public_key=(
            read_public_key(public_key, "signing_public_key") if public_key is not None else None
        ),
        # Last, since it may ask the network.
        contact_email=read_contact_email(
            fields.text("contact_email"),
            "contact_email",
            check_deliverability=check_deliverability,
        ),
    )


def read_upload(fields: Fields, *, server_id: int) -> RecordUpload:
    """`server/analytics`, in the format of two tables or of three."""
    realm_counts = fields.nested("realm_counts", list[RealmCount])
    installation_counts = fields.nested("installation_counts", list[InstallationCount])
    audit_rows = fields.optional_nested("realmauditlog_rows", list[RealmAuditLogRow])
    realms = fields.optional_nested("realms", list[Realm])
    _check_digests(fields)
    return RecordUpload(
        server_id=server_id,
        organization_counts=[
            _count(row, row.realm, f"realm_counts[{index}]")
            for index, row in enumerate(realm_counts)
        ],
        server_counts=[
            _count(row, None, f"installation_counts[{index}]")
            for index, row in enumerate(installation_counts)
        ],
        audit_rows=None if audit_rows is None else _audit_rows(audit_rows),
        organizations=None if realms is None else _organizations(realms),
        product_version=_version(fields),
        api_feature_level=fields.optional_nested("api_feature_level", SmallNumber),
    )


def read_billing_call(fields: Fields, caller: AuthenticatedServer) -> CreateBillingLink:
    """`server/billing`."""
    user = fields.nested("user", User)
    organization = _organization(fields.nested("realm", Realm), "realm")
    return CreateBillingLink(
        server_id=caller.id,
        key_hash=caller.key_hash,
        organization_uuid=organization.uuid,
        user_uuid=read_uuid(user.uuid, "user.uuid"),
        email=read_person_email(user.email, "user.email"),
        full_name=check_text(user.full_name, "user.full_name", most=LONGEST_PERSON_NAME),
        uri_scheme=_choice(fields, "uri_scheme", URI_SCHEMES) or URI_SCHEMES[0],
        next_page=_choice(fields, "next_page", NEXT_PAGES),
    )


def _audit_rows(rows: Sequence[RealmAuditLogRow]) -> list[UploadedAuditRow]:
    return [
        UploadedAuditRow(
            row.id,
            row.realm,
            row.event_type,
            read_microseconds(row.event_time, f"realmauditlog_rows[{index}].event_time"),
            row.backfilled,
            row.extra_data,
        )
        for index, row in enumerate(rows)
    ]


def _count(
    row: RealmCount | InstallationCount, organization: int | None, where: str
) -> UploadedCount:
    if row.subgroup is not None:
        check_text(row.subgroup, f"{where}.subgroup", most=LONGEST_SUBGROUP)
    end_time = read_instant(row.end_time, f"{where}.end_time")
    return UploadedCount(row.id, organization, row.property, row.subgroup, end_time, row.value)


def _organizations(realms: Sequence[Realm]) -> list[UploadedOrganization]:
    ids: set[int] = set()
    uuids: set[str] = set()
    read = []
    for index, realm in enumerate(realms):
        where = f"realms[{index}]"
        if realm.id in ids:
            raise BillingError("field_repeated_value", field=f"{where}.id")
        if realm.uuid in uuids:
            raise BillingError("field_repeated_value", field=f"{where}.uuid")
        ids.add(realm.id)
        uuids.add(realm.uuid)
        read.append(_organization(realm, where))
    return read


def _organization(realm: Realm, where: str) -> UploadedOrganization:
    methods = realm.authentication_methods
    for method in methods:
        check_text(method, f"{where}.authentication_methods", most=LONGEST_ORGANIZATION_NAME)
    if len(methods) > MOST_AUTHENTICATION_METHODS:
        raise BillingError(
            "field_wrong", field=f"{where}.authentication_methods", problem="has too many keys"
        )
    if not realm.uuid_owner_secret:
        raise BillingError("field_missing", field=f"{where}.uuid_owner_secret")
    return UploadedOrganization(
        remote_id=realm.id,
        uuid=read_uuid(realm.uuid, f"{where}.uuid"),
        owner_secret=check_text(
            realm.uuid_owner_secret, f"{where}.uuid_owner_secret", most=LONGEST_SECRET
        ),
        host=read_hostname(realm.host, f"{where}.host", most=LONGEST_HOST),
        url=read_url(realm.url, f"{where}.url", most=LONGEST_URL),
        name=check_text(realm.name, f"{where}.name", most=LONGEST_ORGANIZATION_NAME),
        org_type=realm.org_type,
        date_created=read_instant(realm.date_created, f"{where}.date_created"),
        deactivated=realm.deactivated,
        is_system_bot_realm=realm.is_system_bot_realm,
        authentication_methods=methods,
    )


def _version(fields: Fields) -> str | None:
    """In a form the version carries the quotes of JSON; without them it is taken as text."""
    text = fields.optional_text("version")
    if text is None or fields.is_json or not text.startswith('"'):
        found = None if text == "null" and not fields.is_json else text
    else:
        try:
            found = msgspec.json.decode(text, type=str)
        except (msgspec.DecodeError, ValueError):
            raise BillingError("field_not_json", field="version") from None
    return None if found is None else check_text(found, "version", most=LONGEST_VERSION)


def _check_digests(fields: Fields) -> None:
    """Rosters are for accounts, which do not exist yet; their shape is held to already."""
    for index, entry in enumerate(fields.optional_nested("seat_digests", list[SeatDigests]) or ()):
        if not all(_DIGEST.fullmatch(digest) for digest in entry.digests):
            raise BillingError("field_not_digest", field=f"seat_digests[{index}].digests")


def _choice(fields: Fields, name: str, choices: Sequence[str]) -> str | None:
    found = fields.optional_text(name)
    if found is not None and found not in choices:
        raise BillingError("field_not_choice", field=name, choices=", ".join(choices))
    return found
