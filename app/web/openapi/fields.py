"""The top-level fields of the calls: names, shapes and limits as app/web/remotes reads them."""

from app.domain.coverage import EntitlementReason
from app.services.login_links import NEXT_PAGES
from app.web.openapi.shapes import Field, Json, list_of, ref
from app.web.remotes.commands import LONGEST_SERVER_HOST, LONGEST_VERSION, URI_SCHEMES
from app.web.remotes.values import KEY_FORM, LONGEST_EMAIL, SERVER_UUID_FORM, UUID_FORM

UUID: Json = {"type": "string", "pattern": f"^{UUID_FORM}$"}
SERVER_UUID: Json = {"type": "string", "pattern": f"^{SERVER_UUID_FORM}$"}
KEY: Json = {"type": "string", "pattern": f"^{KEY_FORM}$"}
HOSTNAME: Json = {"type": "string", "minLength": 1, "maxLength": LONGEST_SERVER_HOST}
ROW_ID: Json = {"type": "integer", "minimum": 0}
CAN_PUSH: Json = {"type": "boolean"}
END: Json = {"type": ["integer", "null"]}

HOSTNAME_FIELD = Field(
    name="hostname",
    schema=HOSTNAME,
    description="The server's host, or host:port: no scheme, no path. Kept in lower case.",
)

REGISTRATION = (
    Field(
        name="zulip_org_id",
        alias="server_id",
        schema=SERVER_UUID,
        description="The server's UUID of version 4, in lower case, made by the server itself.",
    ),
    Field(
        name="zulip_org_key",
        alias="server_key",
        schema=KEY,
        description="The server's key: exactly 64 printable characters. Kept as a hash only.",
    ),
    HOSTNAME_FIELD,
    Field(
        name="contact_email",
        schema={"type": "string", "format": "email", "maxLength": LONGEST_EMAIL},
        description="Who is written to about this server. No disposable address.",
    ),
    Field(
        name="new_org_key",
        alias="new_server_key",
        schema=KEY,
        description="Replaces the key: from now on only this one is right.",
        is_required=False,
    ),
    Field(
        name="signing_public_key",
        schema={"type": "string", "contentEncoding": "base64"},
        description="An Ed25519 public key, 32 bytes in Base64, for offline bundles.",
        is_required=False,
    ),
)

UPLOAD = (
    Field(
        name="realm_counts",
        schema=list_of("RealmCount"),
        description="Counts of single organizations, by ascending id; `[]` for none.",
        is_nested=True,
    ),
    Field(
        name="installation_counts",
        schema=list_of("InstallationCount"),
        description="Counts of the whole server, by ascending id; `[]` for none.",
        is_nested=True,
    ),
    Field(
        name="realmauditlog_rows",
        schema=list_of("RealmAuditLogRow"),
        description="The audit log, by ascending id. Even an empty list proves that the link "
        "works. Servers of the two-table format leave it out.",
        is_required=False,
        is_nested=True,
    ),
    Field(
        name="realms",
        schema=list_of("Realm"),
        description="Every organization of the server: one that is missing from the list counts "
        "as deleted there, until a list names it again.",
        is_required=False,
        is_nested=True,
    ),
    Field(
        name="version",
        schema={"type": "string", "maxLength": LONGEST_VERSION},
        description="The product's version. In a form as a JSON text with its quotes; one without "
        "quotes is taken as it is.",
        is_required=False,
        is_nested=True,
    ),
    Field(
        name="api_feature_level",
        schema={"type": "integer", "minimum": 0, "maximum": 2**31 - 1},
        description="The product's own number for what its API can do.",
        is_required=False,
        is_nested=True,
    ),
    Field(
        name="seat_digests",
        schema=list_of("SeatDigests"),
        description="Rosters of people as digests, for accounts. Checked, and not used yet.",
        is_required=False,
        is_nested=True,
    ),
)

BILLING = (
    Field(
        name="user",
        schema=ref("User"),
        description="The person who clicked.",
        is_nested=True,
    ),
    Field(
        name="realm",
        schema=ref("Realm"),
        description="The organization to pay for, as in `realms` of an upload.",
        is_nested=True,
    ),
    Field(
        name="uri_scheme",
        schema={"type": "string", "enum": list(URI_SCHEMES), "default": URI_SCHEMES[0]},
        description="How the organization is reached, for the way back.",
        is_required=False,
    ),
    Field(
        name="next_page",
        schema={"type": "string", "enum": list(NEXT_PAGES)},
        description="Where to go after the login; the billing page if left out.",
        is_required=False,
    ),
)

ENTITLEMENT_QUERY = (Field(name="realm_uuid", schema=UUID, description="The organization's UUID."),)

VERIFICATION_SECRET = Field(
    name="verification_secret",
    schema={"type": "string", "minLength": 1},
    description="Signed, bound to the hostname, good for 10 minutes and accepted once.",
)

# --- answers ---

CREATED = Field(
    name="created",
    schema={"type": "boolean"},
    description="Whether this call made the registration; false when it updated one.",
)
LAST_IDS = (
    Field(
        name="last_realm_count_id",
        schema=ROW_ID,
        description="Of `realm_counts`; 0 when none was accepted.",
    ),
    Field(
        name="last_installation_count_id",
        schema=ROW_ID,
        description="Of `installation_counts`; 0 when none was accepted.",
    ),
    Field(
        name="last_realmauditlog_id",
        schema=ROW_ID,
        description="Of `realmauditlog_rows`; 0 when none was accepted.",
    ),
)
CAN_PUSH_FIELD = Field(
    name="can_push",
    schema=CAN_PUSH,
    description="Whether the paid feature is on for this organization.",
)
END_FIELD = Field(
    name="expected_end_timestamp",
    schema=END,
    description="When that is known to end, in POSIX seconds; null when no end is known.",
)
REALMS_ANSWER = Field(
    name="realms",
    schema={"type": "object", "additionalProperties": ref("Entitlement")},
    description="By UUID, for exactly the organizations that the upload named.",
)
ENTITLEMENT = (
    CAN_PUSH_FIELD,
    END_FIELD,
    Field(
        name="plan",
        schema={"type": "string"},
        description="The tier that covers the organization, a key of the catalog.",
    ),
    Field(
        name="reason",
        schema={"type": "string", "enum": [reason.value for reason in EntitlementReason]},
        description="Why the feature is on or off.",
    ),
    Field(
        name="licenses",
        schema={"type": ["integer", "null"], "minimum": 0},
        description="Licenses of the plan that covers it, null without one.",
    ),
    Field(
        name="seats",
        schema={"type": "integer", "minimum": 0},
        description="People of this organization now.",
    ),
    Field(
        name="quotas",
        schema={"type": "array", "maxItems": 0},
        description="Always empty: packages with quotas are not sold yet.",
    ),
)
LINK = Field(
    name="billing_access_url",
    schema={"type": "string", "format": "uri"},
    description="Where to send the person's browser: good for two hours and one login.",
)
NEW_SECRETS = (
    Field(name="zulip_org_id", schema=SERVER_UUID, description="The server's UUID, unchanged."),
    Field(
        name="zulip_org_key",
        schema=KEY,
        description="The new key. The old one is refused from now on.",
    ),
)
