"""The nested values of the wire, by their names there: shapes, types and what each key means.

Decoding reads the types; the API's description (app/web/openapi) reads the same classes, so that
what is told to others is what is taken here. `told` only tells: it changes nothing of what is
accepted, because the readers of app/web/remotes/values.py say more precisely what is wrong.
"""

from typing import Annotated, Any

from msgspec import Meta, Struct

from app.domain.row_order import LARGEST_ROW_ID
from app.domain.seats import EVENT_TYPES
from app.web.remotes.values import LONGEST_EMAIL, UUID_FORM

LONGEST_PROPERTY = 64
LONGEST_SUBGROUP = 64
LONGEST_HOST = 255
LONGEST_URL = 300
LONGEST_ORGANIZATION_NAME = 100
LONGEST_PERSON_NAME = 200
LONGEST_SECRET = 255
MOST_AUTHENTICATION_METHODS = 100
DIGEST_FORM = r"[0-9a-f]{64}"


def told(description: str, **shape: Any) -> Meta:
    """What the API's description says of a key: words, and keywords of JSON Schema."""
    return Meta(description=description, extra_json_schema=shape or None)


# Integer columns hold 64 bits, and 32 where the number is a small one.
Number = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
# Beyond this, readers of JSON disagree about what a number is (app/domain/row_order.py).
RowNumber = Annotated[int, Meta(ge=-(2**63), le=LARGEST_ROW_ID)]
OrganizationId = Annotated[int, Meta(ge=0, le=2**63 - 1)]
SmallNumber = Annotated[int, Meta(ge=0, le=2**31 - 1)]

_RowId = Annotated[RowNumber, told("The row's id in the server's own table; ids ascend.")]
_RealmId = Annotated[OrganizationId, told("The organization's id on this server.")]
_Property = Annotated[
    str,
    told(
        "What is counted: lower-case parts between colons, as in `messages_sent:is_bot:hour`.",
        maxLength=LONGEST_PROPERTY,
    ),
]
_Seconds = {"minimum": 0}
_EndTime = Annotated[float, told("When the counted span ended, in POSIX seconds.", **_Seconds)]
_Subgroup = Annotated[
    str | None, told("Which part of the property, or null.", maxLength=LONGEST_SUBGROUP)
]
_Value = Annotated[Number, told("The count.")]


class RealmCount(Struct, gc=False):
    """A row of `realm_counts`: a count of one organization."""

    property: _Property
    realm: _RealmId
    id: _RowId
    end_time: _EndTime
    subgroup: _Subgroup
    value: _Value


class InstallationCount(Struct, gc=False):
    """A row of `installation_counts`: a count of the whole server."""

    property: _Property
    id: _RowId
    end_time: _EndTime
    subgroup: _Subgroup
    value: _Value


class RealmAuditLogRow(Struct):
    """A row of `realmauditlog_rows`: what changed about the people of an organization, and how
    many of each role there are since."""

    id: _RowId
    realm: _RealmId
    event_time: Annotated[float, told("When it happened, in POSIX seconds.", **_Seconds)]
    backfilled: Annotated[bool, told("Whether the row was made up later for an older event.")]
    extra_data: Annotated[
        Any,
        told(
            "An object, or a text that holds one as JSON. People are the sum over "
            '`extra_data["10"]["11"]` (role: people; 100 owners, 200 administrators, '
            "300 moderators, 400 members, 600 guests); guests count, the bots of "
            '`extra_data["10"]["12"]` do not. Null, `""` and `{}` say nothing.',
            type=["object", "string", "null"],
        ),
    ]
    event_type: Annotated[
        Number,
        told(
            "101 user created, 102 activated, 103 deactivated, 104 reactivated, 105 role changed, "
            "201 organization deactivated, 202 reactivated, 229 imported.",
            enum=sorted(EVENT_TYPES),
        ),
    ]


class Realm(Struct, forbid_unknown_fields=True):
    """An entry of `realms`, and the `realm` of a billing call: one organization. No other keys."""

    id: _RealmId
    uuid: Annotated[
        str, told("The organization's own UUID, in lower case.", pattern=f"^{UUID_FORM}$")
    ]
    uuid_owner_secret: Annotated[
        str,
        told("Proves that a server owns the organization.", minLength=1, maxLength=LONGEST_SECRET),
    ]
    host: Annotated[
        str, told("Its host name, with a port if it has one.", minLength=1, maxLength=LONGEST_HOST)
    ]
    url: Annotated[
        str, told("Its http or https address.", pattern="^https?://", maxLength=LONGEST_URL)
    ]
    date_created: Annotated[float, told("When it was created, in POSIX seconds.", **_Seconds)]
    deactivated: Annotated[bool, told("Whether it is deactivated on the server.")]
    name: Annotated[
        str, told("Its name as people see it.", maxLength=LONGEST_ORGANIZATION_NAME)
    ] = ""
    org_type: Annotated[SmallNumber, told("The product's number for its kind.")] = 0
    is_system_bot_realm: Annotated[bool, told("Whether it only houses the product's own bots.")] = (
        False
    )
    authentication_methods: Annotated[
        dict[str, bool],
        told(
            "Which ways to log in are on, by their names.",
            maxProperties=MOST_AUTHENTICATION_METHODS,
        ),
    ] = {}


class User(Struct):
    """The `user` of a billing call: the person who clicked."""

    uuid: Annotated[str, told("The person's own UUID, in lower case.", pattern=f"^{UUID_FORM}$")]
    email: Annotated[
        str, told("Suggested at the login, where it is confirmed.", maxLength=LONGEST_EMAIL)
    ]
    full_name: Annotated[
        str, told("The name to show on billing pages.", maxLength=LONGEST_PERSON_NAME)
    ]


class SeatDigests(Struct):
    """An entry of `seat_digests`: the full roster of an organization, without its addresses."""

    realm: _RealmId
    digests: Annotated[
        list[Annotated[str, told("One person.", pattern=f"^{DIGEST_FORM}$")]],
        told("HMAC-SHA256 of each lower-cased address, in hexadecimal."),
    ]
