"""What the wire API tells a server when it refuses; some texts are part of the protocol."""

from collections.abc import Mapping
from typing import Any

from flask_babel import gettext, ngettext
from flask_babel import lazy_gettext as _l

from app.services.deactivation_rules import Obstacle, ObstacleKind
from app.web.wording import Message

# So many things that stand in the way are told one by one.
MOST_OBSTACLES = 5


def _deactivation_refused(params: Mapping[str, Any]) -> str:
    obstacles: tuple[Obstacle, ...] = params["obstacles"]
    told = [_obstacle_words(obstacle) for obstacle in obstacles[:MOST_OBSTACLES]]
    left = len(obstacles) - len(told)
    if left:
        told.append(
            ngettext(
                "%(num)s more stands in the way.", "%(num)s more of these stand in the way.", left
            )
        )
    return " ".join([*told, gettext("End that before deactivating.")])


def _obstacle_words(obstacle: Obstacle) -> str:
    values = {"holder": obstacle.held.holder, "tier": obstacle.held.tier_title}
    if obstacle.kind is ObstacleKind.OPEN_PURCHASE:
        return gettext("%(holder)s has a payment for the plan %(tier)s under way.", **values)
    if obstacle.kind is ObstacleKind.SCHEDULED_PLAN:
        return gettext("%(holder)s has the plan %(tier)s scheduled.", **values)
    return gettext("%(holder)s has the plan %(tier)s, which is not set to end.", **values)


MESSAGES: dict[str, Message] = {
    # Fields of a request; `field` is the name on the wire.
    "field_missing": _l("%(field)s: this field is missing."),
    "field_twice": _l("%(field)s: given more than once."),
    "field_not_text": _l("%(field)s: must be a text."),
    "field_not_json": _l("%(field)s: is not valid JSON."),
    "field_wrong": _l("%(field)s: %(problem)s."),
    "field_unknown": _l("%(field)s: this key is not known here."),
    "field_too_long": _l("%(field)s: must have at most %(most)s characters."),
    "field_characters": _l("%(field)s: contains control characters or half characters."),
    "field_not_uuid": _l("%(field)s: must be a UUID in lower case, written with hyphens."),
    "field_not_server_uuid": _l("%(field)s: must be a UUID of version 4 in lower case."),
    "field_not_key": _l("%(field)s: must have exactly 64 printable characters."),
    "field_not_hostname": _l("%(field)s: must be a bare host name, or host:port."),
    "field_not_url": _l("%(field)s: must be an http or https address."),
    "field_not_email": _l("%(field)s: is not a valid email address."),
    "field_example_domain": _l("%(field)s: addresses at example.com receive no mail."),
    "field_disposable_domain": _l("%(field)s: disposable addresses are not accepted."),
    "field_no_mail_server": _l("%(field)s: the domain of this address receives no mail."),
    "field_not_public_key": _l("%(field)s: must be an Ed25519 public key, 32 bytes in Base64."),
    "field_not_time": _l("%(field)s: must be seconds since 1970, before the year 9999."),
    "field_not_choice": _l("%(field)s: must be one of %(choices)s."),
    "field_not_digest": _l("%(field)s: must be 64 hexadecimal digits in lower case."),
    "field_repeated_value": _l("%(field)s: another entry has the same."),
    "payload_too_large": _l(
        "The body is larger than %(most)s bytes, and this service accepts no more. Send fewer rows "
        "at once."
    ),
    # Who calls.
    "server_credentials": _l(
        "Server not registered, or its key is wrong: no registration matches %(uuid)s."
    ),
    "server_unauthenticated": _l("Send the server's UUID and key by HTTP Basic authentication."),
    "server_deactivated": _l("The registration of this server has been deactivated."),
    "hostname_in_use": _l("A server with the hostname %(hostname)s is already registered."),
    # What an upload breaks; these words are the protocol's own.
    "data_out_of_order": _l("Data is out of order."),
    "invalid_event_type": _l("Invalid event type."),
    "invalid_property": _l("Invalid property %(property)s"),
    "malformed_audit_log_data": _l("Malformed audit log data"),
    "duplicate_registration": _l("Duplicate registration detected."),
    # Organizations and plans.
    "organization_unknown": _l(
        "This organization is not known yet. Upload the server's data and try again."
    ),
    "organization_of_other_server": _l(
        "This organization is registered to another server. Write to %(support)s if it has moved."
    ),
    "deactivation_refused": _deactivation_refused,
}

# Errors of HTTP itself under /api/, by status.
HTTP_MESSAGES = {
    400: _l("The request cannot be understood."),
    404: _l("There is nothing at this address."),
    405: _l("This address does not take that method; the Allow header lists those it takes."),
    413: _l("The body is larger than this service accepts. Send fewer rows at once."),
    429: _l("Too many requests. Wait as long as Retry-After says."),
    500: _l("Something went wrong here; it has been logged. Nothing was stored."),
    503: _l("The service cannot reach its database. Try again later; nothing was stored."),
}
