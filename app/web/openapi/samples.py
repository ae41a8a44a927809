"""The values of the examples: one server, one organization, one person."""

from typing import Any

SERVER_ID = "6cde5f7a-1f7e-4978-9716-49f69ebfc9fe"
SERVER_KEY = "0123456789abcdef" * 4
NEW_KEY = "fedcba9876543210" * 4
ORGANIZATION_UUID = "e6f8b2c4-6d63-4c3c-9d4b-6f7b0a9a2f11"
HOSTNAME = "chat.acme.test"
SUPPORT_EMAIL = "support@vendor.test"
ACCESS_TOKEN = "T6yYh0Ue2vQf1aN8s4Wd"
SECRET = "eyJob3N0bmFtZSI6ImNoYXQuYWNtZS50ZXN0In0.YsQr4w.c2lnbmVk"

REGISTRATION: dict[str, Any] = {
    "zulip_org_id": SERVER_ID,
    "zulip_org_key": SERVER_KEY,
    "hostname": HOSTNAME,
    "contact_email": "root@acme.test",
}
NEUTRAL_REGISTRATION: dict[str, Any] = {
    "server_id": SERVER_ID,
    "server_key": SERVER_KEY,
    "hostname": HOSTNAME,
    "contact_email": "root@acme.test",
}
TWO_TABLES: dict[str, Any] = {
    "realm_counts": [
        {
            "id": 1,
            "property": "invites_sent::day",
            "subgroup": None,
            "end_time": 1325462400.0,
            "value": 5,
            "realm": 2,
        }
    ],
    "installation_counts": [
        {
            "id": 1,
            "property": "messages_sent:is_bot:hour",
            "subgroup": "false",
            "end_time": 1325462400.0,
            "value": 12,
        }
    ],
}
REALM: dict[str, Any] = {
    "id": 2,
    "uuid": ORGANIZATION_UUID,
    "uuid_owner_secret": "zuliprealm_x",
    "host": "acme.test",
    "url": "https://acme.test",
    "name": "Acme",
    "org_type": 10,
    "date_created": 1325376000.0,
    "deactivated": False,
    "is_system_bot_realm": False,
    "authentication_methods": {"Email": True},
}
THREE_TABLES: dict[str, Any] = {
    "realm_counts": [],
    "installation_counts": [],
    "realmauditlog_rows": [
        {
            "id": 10,
            "realm": 2,
            "event_time": 1325473445.0,
            "backfilled": False,
            "extra_data": {
                "10": {"11": {"100": 1, "200": 1, "300": 0, "400": 8, "600": 1}, "12": 2}
            },
            "event_type": 101,
        }
    ],
    "realms": [REALM],
    "version": "8.0",
    "api_feature_level": 237,
}
BILLING: dict[str, Any] = {
    "user": {
        "uuid": "0b4c2d1e-5f3a-4b6c-8d7e-9a0b1c2d3e4f",
        "email": "iago@acme.test",
        "full_name": "Iago",
    },
    "realm": REALM,
    "uri_scheme": "https://",
    "next_page": "upgrade",
}
