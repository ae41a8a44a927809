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

EMAIL_IN_TEXT = re.compile(r"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,180}[A-Za-z0-9])")
REGISTER_COMMAND = "python -m app.sample_server register"


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
        "The billing service does not know this server",
        "The service does not recognize this server's id, or its key is not the one on file.",
        f"Whoever runs this server can register it with “{REGISTER_COMMAND}”. If it was registered "
        "before, its key has been changed elsewhere: restore the server's store from a backup, or "
        "ask support.",
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
        "If this server was set up anew, bring back its old store, which holds its id and key. "
        "Otherwise register under another hostname with “--hostname”, or ask support.",
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
    "REMOTE_REALM_SERVER_MISMATCH_ERROR": Explanation(
        "This organization is registered to another server",
        "The billing service knows this organization as part of another server, perhaps the one "
        "it was exported from.",
        "If it has moved here for good, ask support to move its registration to this server.",
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


@dataclass(frozen=True)
class ProblemPage:
    """Everything an error page or a command says about a problem."""

    code: str
    explanation: Explanation
    answer: str
    support: str | None
    wait: str | None
    retry_after: int | None


def explain(problem: PortalProblem) -> ProblemPage:
    """Return the words for a problem; an unknown code gets general ones and is named."""
    found = EMAIL_IN_TEXT.search(problem.message)
    wait = None
    if problem.code == "RATE_LIMIT_HIT" and problem.retry_after is not None:
        wait = describe_wait(problem.retry_after)
    return ProblemPage(
        code=problem.code,
        explanation=EXPLANATIONS.get(problem.code, UNKNOWN),
        answer=problem.message,
        support=found.group(0) if found else None,
        wait=wait,
        retry_after=problem.retry_after if wait else None,
    )


def describe_wait(seconds: int) -> str:
    """Return a waiting time in words, never shorter than it is."""
    if seconds < 120:
        return "1 second" if seconds == 1 else f"{seconds} seconds"
    minutes = -(-seconds // 60)
    if minutes < 120:
        return f"{minutes} minutes"
    return f"{-(-minutes // 60)} hours"
