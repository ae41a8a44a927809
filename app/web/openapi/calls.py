"""The calls of the wire API, one value each: what no code says by itself."""

from app.services.deactivation_rules import HeldPlan, Obstacle, ObstacleKind
from app.web.openapi import fields, samples
from app.web.openapi.shapes import Call, Example, Field, Refusal
from app.web.remotes.transfer_views import ACCESS_TOKEN_FORM
from app.web.remotes.views import BASE

# What the host itself serves, by its own name and the token it chose.
VERIFY_ADDRESS = (
    "https://{$request.body#/hostname}/api/v1/zulip-services/verify/{$request.body#/access_token}/"
)

TRANSFER_LIMITS = (
    ("rate_limit_transfer_address", "one address"),
    ("rate_limit_transfer", "all together"),
)

# Whoever must show a key can fail to in these ways.
KEY_REFUSALS = (
    Refusal("server_unauthenticated"),
    Refusal("server_credentials", {"uuid": samples.SERVER_ID}),
    Refusal("server_deactivated"),
)
ORGANIZATION_REFUSALS = (
    Refusal("organization_unknown"),
    Refusal("organization_of_other_server", {"support": samples.SUPPORT_EMAIL}),
)

REGISTER = Call(
    endpoint="remotes.post_register",
    method="post",
    path=f"{BASE}/server/register",
    summary="Register a server, update it, or rotate its key",
    description=(
        "The first call with a UUID creates the registration. Later calls with the right key "
        "update hostname, contact address and signing key, and replace the key when a new one is "
        "given. Clients of 2.x send the fields in the query string, newer ones as a form; a field "
        "may be given only once, under one of its names. A hostname can be held by one "
        "registration only: a server that lost its key proves control of its hostname instead, "
        "see the transfer of a registration."
    ),
    fields=fields.REGISTRATION,
    answer=(fields.CREATED,),
    examples={
        "register": Example(
            summary="A new server",
            fields=samples.REGISTRATION,
            answer={"created": True},
        ),
        "update": Example(
            summary="The same by the neutral names: an update",
            fields=samples.NEUTRAL_REGISTRATION,
            answer={"created": False},
        ),
        "rotate": Example(
            summary="A new key",
            fields=samples.REGISTRATION | {"new_org_key": samples.NEW_KEY},
            answer={"created": False},
        ),
    },
    refusals=(
        Refusal("field_missing", {"field": "contact_email"}),
        Refusal("field_not_key", {"field": "zulip_org_key"}),
        Refusal("server_credentials", {"uuid": samples.SERVER_ID}),
        Refusal("hostname_in_use", {"hostname": samples.HOSTNAME}),
        Refusal("server_deactivated"),
    ),
    is_authenticated=False,
    takes_query=True,
    limits=(("rate_limit_register", "one address"),),
)

TRANSFER = Call(
    endpoint="remotes.post_transfer",
    method="post",
    path=f"{BASE}/server/register/transfer",
    summary="Begin to take a registration over by its hostname",
    description=(
        "For a server that lost its UUID or its key. The answer is a secret that the host serves "
        "at its own address; then it calls `server/register/verify_challenge`."
    ),
    fields=(fields.HOSTNAME_FIELD,),
    answer=(fields.VERIFICATION_SECRET,),
    examples={
        "transfer": Example(
            summary="Ask for a secret",
            fields={"hostname": samples.HOSTNAME},
            answer={"verification_secret": samples.SECRET},
        )
    },
    refusals=(
        Refusal("field_not_hostname", {"field": "hostname"}),
        Refusal("hostname_not_registered", {"hostname": samples.HOSTNAME}),
    ),
    is_authenticated=False,
    limits=TRANSFER_LIMITS,
)

VERIFY_CHALLENGE = Call(
    endpoint="remotes.post_verify_challenge",
    method="post",
    path=f"{BASE}/server/register/verify_challenge",
    summary="Prove control of the hostname and get a new key",
    description=(
        "The portal fetches the secret from the registered host, over https, without following "
        "redirects, in at most 5 seconds and 4 KiB. When it is the one that was given out, the "
        "server gets a new key; the old one stops working, logins and pending links end, "
        "and the contact address is told. A secret is accepted once."
    ),
    fields=(
        fields.HOSTNAME_FIELD,
        Field(
            name="access_token",
            schema={"type": "string", "pattern": f"^{ACCESS_TOKEN_FORM}$"},
            description="Chosen by the server; the last part of the address that is fetched.",
        ),
    ),
    answer=fields.NEW_SECRETS,
    examples={
        "verify": Example(
            summary="The host serves the secret now",
            fields={"hostname": samples.HOSTNAME, "access_token": samples.ACCESS_TOKEN},
            answer={"zulip_org_id": samples.SERVER_ID, "zulip_org_key": samples.NEW_KEY},
        )
    },
    refusals=(
        Refusal("field_not_access_token", {"field": "access_token"}),
        *(
            Refusal(code, {"hostname": samples.HOSTNAME})
            for code in (
                "hostname_not_registered",
                "transfer_not_started",
                "transfer_secret_missing",
                "transfer_secret_wrong",
                "transfer_secret_expired",
                "transfer_secret_used",
            )
        ),
        *(
            Refusal(code, {"host": samples.HOSTNAME, "status": 302})
            for code in (
                "host_not_public",
                "host_unreachable",
                "host_not_https",
                "host_certificate",
                "host_too_slow",
                "host_wrong_status",
                "host_answer_broken",
                "host_answer_too_large",
                "host_answer_not_json",
            )
        ),
    ),
    is_authenticated=False,
    limits=TRANSFER_LIMITS,
    callback=VERIFY_ADDRESS,
)

STATUS = Call(
    endpoint="remotes.get_analytics_status",
    method="get",
    path=f"{BASE}/server/analytics/status",
    summary="What has been accepted so far",
    description="The highest row id accepted in each table: a server sends what comes after.",
    answer=fields.LAST_IDS,
    examples={
        "status": Example(
            summary="Before the first upload",
            fields={},
            answer={
                "last_realm_count_id": 0,
                "last_installation_count_id": 0,
                "last_realmauditlog_id": 0,
            },
        )
    },
    refusals=KEY_REFUSALS,
)

ANALYTICS = Call(
    endpoint="remotes.post_analytics",
    method="post",
    path=f"{BASE}/server/analytics",
    summary="Upload counts, the audit log and the list of organizations",
    description=(
        "All of it is kept or nothing. Ids ascend within each table and exceed the last accepted "
        "one; send at most 10,000 rows of a table at once. Rows that are stored already under "
        "another id are dropped, not refused. Times are POSIX seconds; what lies more than five "
        "minutes ahead is kept and not counted before its time. The example counts 11 people."
    ),
    fields=fields.UPLOAD,
    answer=(fields.REALMS_ANSWER,),
    examples={
        "two_table": Example(
            summary="The format of two tables (2.0)",
            fields=samples.TWO_TABLES,
            answer={"realms": {}},
        ),
        "three_table": Example(
            summary="The format of three tables (8.0 and later)",
            fields=samples.THREE_TABLES,
            answer={
                "realms": {
                    samples.ORGANIZATION_UUID: {
                        "can_push": False,
                        "expected_end_timestamp": None,
                    }
                }
            },
        ),
    },
    refusals=(
        *KEY_REFUSALS,
        Refusal("field_missing", {"field": "realm_counts"}),
        Refusal("field_unknown", {"field": "realms[0].color"}),
        Refusal("data_out_of_order"),
        Refusal("invalid_event_type"),
        Refusal("invalid_property", {"property": "Not A Property"}),
        Refusal("malformed_audit_log_data"),
        Refusal("duplicate_registration"),
    ),
)

BILLING = Call(
    endpoint="remotes.post_billing",
    method="post",
    path=f"{BASE}/server/billing",
    summary="A link for somebody who clicked Billing",
    description=(
        "The product sends the person's browser to the link. An organization that is not known "
        "yet is refused as `MISSING_REMOTE_REALM`: upload, then ask again."
    ),
    fields=fields.BILLING,
    answer=(fields.LINK,),
    examples={
        "upgrade": Example(
            summary="To the upgrade page",
            fields=samples.BILLING,
            answer={
                "billing_access_url": "{base_url}/remote-billing-login/WyIxIiwiMCJd.T0k1aA.c2lnbg"
            },
        )
    },
    refusals=(
        *KEY_REFUSALS,
        *ORGANIZATION_REFUSALS,
        Refusal("field_missing", {"field": "user.email"}),
        Refusal("field_not_choice", {"field": "next_page", "choices": "billing, upgrade"}),
    ),
)

ENTITLEMENT = Call(
    endpoint="remotes.get_entitlement",
    method="get",
    path=f"{BASE}/server/entitlement",
    summary="Whether an organization has the paid feature, and why",
    description=(
        "The same answer as an upload gets, with what it follows from. A tier covers the "
        "organization when it has a live plan; without one the feature is on up to the free "
        "limit, as long as uploads are fresh."
    ),
    fields=fields.ENTITLEMENT_QUERY,
    answer=fields.ENTITLEMENT,
    examples={
        "entitlement": Example(
            summary="An organization over the free limit",
            fields={"realm_uuid": samples.ORGANIZATION_UUID},
            answer={
                "can_push": False,
                "expected_end_timestamp": None,
                "plan": "free",
                "reason": "over_free_limit",
                "licenses": None,
                "seats": 11,
                "quotas": [],
            },
        )
    },
    refusals=(
        *KEY_REFUSALS,
        *ORGANIZATION_REFUSALS,
        Refusal("field_not_uuid", {"field": "realm_uuid"}),
    ),
)

DEACTIVATE = Call(
    endpoint="remotes.post_deactivate",
    method="post",
    path=f"{BASE}/server/deactivate",
    summary="End the registration",
    description=(
        "Refused while a paid plan lives that is not set to end; `msg` says which. Afterwards "
        "every call with this key is refused as `REMOTE_SERVER_DEACTIVATED`. There are no fields."
    ),
    answer=(),
    examples={"deactivate": Example(summary="Leave", fields={}, answer={})},
    refusals=(
        *KEY_REFUSALS,
        Refusal(
            "deactivation_refused",
            {
                "obstacles": (
                    Obstacle(
                        ObstacleKind.PLAN,
                        HeldPlan(holder="Acme", is_own=False, tier_title="Basic", until=None),
                    ),
                )
            },
        ),
    ),
)

# In the order in which a server comes to need them, which is that of the page.
CALLS = (
    REGISTER,
    STATUS,
    ANALYTICS,
    BILLING,
    ENTITLEMENT,
    TRANSFER,
    VERIFY_CHALLENGE,
    DEACTIVATE,
)
