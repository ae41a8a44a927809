"""What each error code of the protocol means for an admin: words, status and exit code."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .portal_client import (
    NOT_REGISTERED,
    TIMEOUT,
    UNREACHABLE,
    UNREADABLE,
    UPLOAD_BUSY,
    PortalProblem,
)
from .registration import DEACTIVATE
from .transfer import BEGIN, VERIFY
from .uploads import LASTING, UPLOAD

BAD_REQUEST = "BAD_REQUEST"
EMAIL_IN_TEXT = re.compile(r"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,180}[A-Za-z0-9])")
REGISTER_COMMAND = "python -m app.sample_server register"
TRANSFER_COMMAND = f"{REGISTER_COMMAND} --registration-transfer"
MISMATCH = "REMOTE_REALM_SERVER_MISMATCH_ERROR"


@dataclass(frozen=True)
class Explanation:
    """One error code in words; `status` is our page's, `exit_code` our commands'."""

    title: str
    what: str
    todo: str
    status: int
    exit_code: int


EXPLANATIONS: dict[str, Explanation] = {
    "BAD_REQUEST": Explanation(
        "The billing service did not accept the request",
        "Something that this server sent is missing or not in the form the service expects.",
        "Check the address that you followed, above all what stands after “next_page”. If you came "
        "from the menu, send the answer below to support.",
        400,
        8,
    ),
    "INVALID_ZULIP_SERVER": Explanation(
        "Your server's key was not accepted",
        "The billing service does not recognize this server's id, or its key is not the one on "
        "file.",
        "If the server was registered before, whoever runs it can transfer the registration to it: "
        f"on the server's Registration page, or with “{TRANSFER_COMMAND}”. If it never was, "
        f"“{REGISTER_COMMAND}” registers it.",
        502,
        4,
    ),
    "REMOTE_SERVER_DEACTIVATED": Explanation(
        "This server's registration has ended",
        "The registration of this server was deactivated at the billing service.",
        "If that was not intended, ask support to reactivate it. Nothing on this server was "
        "changed.",
        403,
        5,
    ),
    "HOSTNAME_ALREADY_IN_USE_BOUNCER_ERROR": Explanation(
        "The hostname belongs to another registration",
        "Another server is registered under this server's hostname.",
        "If the hostname is this server's own, transfer the registration to it: on the server's "
        f"Registration page, or with “{TRANSFER_COMMAND}”. Otherwise register under another "
        "hostname with “--hostname”.",
        409,
        6,
    ),
    "MISSING_REMOTE_REALM": Explanation(
        "The billing service has not seen this organization",
        "This server uploaded its organizations and asked again, and the service still does not "
        "know this one.",
        "Check on the server's upload page that organizations are being sent (the two-table "
        "format does not send them), upload, then try again.",
        502,
        11,
    ),
    MISMATCH: Explanation(
        "This organization is registered to another server",
        "The billing service knows this organization as part of another server, perhaps the one "
        "it was exported from. Its plan goes on there. While that is so, the service also refuses "
        "this server's uploads, and nothing of them is lost.",
        "If the organization has moved here for good, move its billing too: that takes this "
        "server's id and key, and the organization's owner secret or a mail to somebody who manages "
        "its billing. Support can help as well; name this server's id and the organization's.",
        403,
        12,
    ),
    "RATE_LIMIT_HIT": Explanation(
        "Too many requests just now",
        "The billing service has asked this server to slow down.",
        "Wait, then try again. Nothing is lost.",
        429,
        7,
    ),
    "PAYLOAD_TOO_LARGE": Explanation(
        "The upload was too large",
        "The billing service refused an upload because it was larger than it allows.",
        "Nothing is lost: the rows stay here. Ask support to raise the limit for this server.",
        502,
        9,
    ),
    "NOT_FOUND": Explanation(
        "There is no billing service at that address",
        "Something answers at the configured address, but it does not have what was asked for.",
        f"Check the portal's address. “{REGISTER_COMMAND} --portal ADDRESS” changes it.",
        502,
        13,
    ),
    "METHOD_NOT_ALLOWED": Explanation(
        "The billing service does not take this kind of request",
        "Something answers at the configured address, but not in the way this server expects.",
        "Check that the portal's address is right and that its version fits this server's.",
        502,
        14,
    ),
    UNREACHABLE: Explanation(
        "The billing service cannot be reached",
        "No connection could be made to it, or the connection broke.",
        "Try again in a few minutes. If it stays so, whoever runs this server can check the "
        "portal's address and the network.",
        502,
        3,
    ),
    TIMEOUT: Explanation(
        "The billing service is too slow to answer",
        "It was asked, and gave no full answer in time.",
        "Try again in a few minutes. Nothing on this server was changed.",
        504,
        3,
    ),
    UNREADABLE: Explanation(
        "The billing service gave an answer that makes no sense",
        "What came back is not an answer of a billing service. There may be something else at its "
        "address.",
        f"Check the portal's address. “{REGISTER_COMMAND} --portal ADDRESS” changes it.",
        502,
        15,
    ),
    NOT_REGISTERED: Explanation(
        "This server is not registered yet",
        "Billing needs the server to be registered at the billing service first.",
        f"Whoever runs this server can do that with “{REGISTER_COMMAND}”.",
        409,
        16,
    ),
    UPLOAD_BUSY: Explanation(
        "Another upload is running",
        "This server is already uploading, and one upload runs at a time.",
        "Try again in a minute.",
        503,
        17,
    ),
}

UNKNOWN = Explanation(
    "The billing service refused the request",
    "It gave a reason that this version of the server does not know.",
    "Try again later. If it stays so, send the code and the answer below to support.",
    502,
    18,
)


# What BAD_REQUEST means where it was not the visitor's request that was refused.
EXPLANATIONS_OF_STEPS: dict[str, Explanation] = {
    BEGIN: Explanation(
        "The transfer was not begun",
        "The billing service did not begin a transfer for this server's hostname. Nothing was "
        "changed.",
        "Read the answer below. A transfer takes over a registration that exists under exactly "
        f"this hostname (“--hostname” names another); “{REGISTER_COMMAND}” makes a new one.",
        409,
        8,
    ),
    VERIFY: Explanation(
        "The billing service could not verify this server",
        "It looked for the proof at this server's hostname, by https, and did not find it. The "
        "registration was not transferred, and nothing on this server was changed.",
        "Make sure that the server runs, that its hostname leads to it from outside, and that it "
        "answers by https with a valid certificate. Then try again.",
        502,
        8,
    ),
    DEACTIVATE: Explanation(
        "The registration was not deactivated",
        "The billing service keeps it for now; its answer says what stands in the way. Nothing was "
        "changed.",
        "Do what the answer asks for, on the billing pages, then try again.",
        409,
        8,
    ),
    UPLOAD: Explanation(
        "The upload was not accepted",
        "The billing service refused what this server sent, and stored nothing of it.",
        "Nothing is lost: the rows stay here. Send the answer below to support.",
        502,
        8,
    ),
}
# Two refusals of uploads that an admin can do something about, by the protocol's own words.
EXPLANATIONS_OF_UPLOADS: dict[str, Explanation] = {
    "Duplicate registration detected.": Explanation(
        "An organization here is registered to another server",
        "The billing service refused the whole upload, because one of this server's organizations, "
        "perhaps an imported one, belongs to another server's registration.",
        "Open Billing in the organization that came from elsewhere: the page there says what to "
        "do. Nothing is lost: the rows stay here until they are accepted.",
        502,
        8,
    ),
    "Data is out of order.": Explanation(
        "The numbers of this server's rows have been used before",
        "The billing service has accepted rows with these numbers already. That happens when a "
        "server's store was lost or an older one restored.",
        "Ask support to set back the numbers for this server; rows that are known already are "
        "left out then.",
        502,
        8,
    ),
}

# No refusal of the portal's: what a server finds out when it asks what the portal has.
ROWS_BEHIND = Explanation(
    "The billing service has rows that this server has lost",
    "Its store was lost or an older one restored, and new rows under numbers that were used before "
    "are not sent.",
    "Restore the newest backup, or ask support to set back the numbers for this server.",
    409,
    0,
)


@dataclass(frozen=True)
class ProblemPage:
    """Everything an error page or a command says about a problem."""

    code: str
    explanation: Explanation
    answer: str
    support: str | None
    wait: str | None
    retry_after: int | None
    # Whether the server's Registration page offers what helps.
    registration_helps: bool
    # Whether the answer says what stands in the way, so that it is no detail.
    is_worth_reading: bool


def explain(problem: PortalProblem) -> ProblemPage:
    """Return the words for a problem; an unknown code gets general ones and is named."""
    found = EMAIL_IN_TEXT.search(problem.message)
    wait = None
    if problem.code == "RATE_LIMIT_HIT" and problem.retry_after is not None:
        wait = describe_wait(problem.retry_after)
    return ProblemPage(
        code=problem.code,
        explanation=_find_explanation(problem),
        answer=problem.message,
        support=found.group(0) if found else None,
        wait=wait,
        retry_after=problem.retry_after if wait else None,
        registration_helps=problem.code in LASTING,
        is_worth_reading=problem.code == BAD_REQUEST and problem.step in EXPLANATIONS_OF_STEPS,
    )


def _find_explanation(problem: PortalProblem) -> Explanation:
    if problem.code != BAD_REQUEST or problem.step not in EXPLANATIONS_OF_STEPS:
        return EXPLANATIONS.get(problem.code, UNKNOWN)
    if problem.step == UPLOAD and problem.message in EXPLANATIONS_OF_UPLOADS:
        return EXPLANATIONS_OF_UPLOADS[problem.message]
    return EXPLANATIONS_OF_STEPS[problem.step]


def describe_wait(seconds: int) -> str:
    """Return a waiting time in words, never shorter than it is."""
    if seconds < 120:
        return "1 second" if seconds == 1 else f"{seconds} seconds"
    minutes = -(-seconds // 60)
    if minutes < 120:
        return f"{minutes} minutes"
    return f"{-(-minutes // 60)} hours"
