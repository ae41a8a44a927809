"""What time it is for the emulator: the demo's clock file, or real time.

`created` and every other stamp in an object follows the demo's clock, so that an invoice of a demo
February is dated in February. Webhook signatures and retry delays use real time, because the
receiver compares a signature's stamp with its own real clock.
"""

import json
import os
import time
from datetime import UTC, datetime

CLOCK_FILE_VARIABLE = "TALLYPORT_CLOCK_FILE"


def real_now() -> int:
    """Real time in whole seconds since 1970 (UTC)."""
    return int(time.time())


def now() -> int:
    """The demo's time in whole seconds since 1970 (UTC).

    The clock file is read at every call, so a jump is seen by the next request. A file that is
    missing, unreadable or malformed means real time: a half-written file must not stop the demo.
    """
    path = os.environ.get(CLOCK_FILE_VARIABLE)
    if not path:
        return real_now()
    try:
        with open(path, encoding="utf-8") as file:
            content = json.load(file)
        if "frozen" in content:
            moment = datetime.fromisoformat(str(content["frozen"]))
            if moment.tzinfo is None:
                moment = moment.replace(tzinfo=UTC)
            return int(moment.timestamp() // 1)
        return int((real_now() + int(content.get("offset_seconds", 0))) // 1)
    except (OSError, ValueError, TypeError, AttributeError, OverflowError):
        return real_now()
