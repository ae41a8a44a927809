"""What is told when a registration is transferred, and when staff change one."""

from flask_babel import lazy_gettext as _l

from app.web.wording import Message

MESSAGES: dict[str, Message] = {
    # Of the two calls of a transfer; `hostname` and `host` are what the caller sent.
    "field_not_access_token": _l(
        "%(field)s: must be 16 to 128 letters, digits, hyphens and underscores."
    ),
    "hostname_not_registered": _l("hostname: no active registration has %(hostname)s."),
    "transfer_not_started": _l(
        "No verification secret is waiting for %(hostname)s. Ask for one by server/register/"
        "transfer; it is good for ten minutes."
    ),
    "transfer_secret_missing": _l("%(hostname)s answered without a verification_secret."),
    "transfer_secret_wrong": _l(
        "%(hostname)s answered with a verification_secret that is not ours, or not for this host."
    ),
    "transfer_secret_expired": _l(
        "The verification_secret that %(hostname)s answered with is older than ten minutes."
    ),
    "transfer_secret_used": _l(
        "The verification_secret that %(hostname)s answered with has been used already."
    ),
    # Of asking a host that somebody typed. Nothing here tells what our own network looks like.
    "host_not_public": _l("%(host)s: the name does not lead to a public address."),
    "host_unreachable": _l("%(host)s: no connection could be opened."),
    "host_not_https": _l("%(host)s: no encrypted connection (https) could be opened."),
    "host_certificate": _l("%(host)s: the certificate is not valid for this name."),
    "host_too_slow": _l("%(host)s: no complete answer came within five seconds."),
    "host_wrong_status": _l(
        "%(host)s: answered with status %(status)s instead of 200; redirects are not followed."
    ),
    "host_answer_too_large": _l("%(host)s: the answer was longer than 4 KiB."),
    "host_answer_broken": _l("%(host)s: the answer was not HTTP, or it broke off."),
    "host_answer_not_json": _l("%(host)s: the answer was not a JSON object."),
    # Of what staff do on the command line.
    "server_active": _l("%(host)s is not deactivated."),
    "rewind_higher": _l("%(table)s: the last accepted id is %(present)s; it can only be lowered."),
    "rewind_negative": _l("%(table)s: an id is not negative."),
    "rewind_nothing": _l("No id would become lower. Name a table and the id to go back to."),
    "rewind_too_often": _l("The ids of this server have been rewound too often."),
}
