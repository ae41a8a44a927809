"""Commands in another terminal find the demo that runs here, with nothing exported.

`flask demo advance 1month` and `flask billing ...` are typed beside a running demo. wsgi.py asks
this module first, and only it sets variables of our own process.
"""

import os
from collections.abc import Mapping, MutableMapping

from app.demo.folder import FOLDER_VARIABLE, get_demo_folder, read_environment

ENV_VARIABLE = "TALLYPORT_ENV"
# Somebody who sets one of these has a portal of their own in mind.
SETTING_PREFIXES = ("TALLYPORT_", "STRIPE_SECRET_KEY", "STRIPE_WEBHOOK_SECRET")


def join_running_demo(environ: MutableMapping[str, str] | None = None) -> bool:
    """Take over the settings of the demo that runs here; True when they were taken over.

    A production portal is never touched: it cannot start without settings of its own, and a single
    one of them (or TALLYPORT_ENV with anything but "demo") keeps this from doing anything. So does
    a demo that does not run: its settings would lead to nobody.
    """
    environ = os.environ if environ is None else environ
    if environ.get(ENV_VARIABLE, "").strip() not in {"", "demo"} or _has_settings(environ):
        return False
    folder = get_demo_folder(environ)
    values = read_environment(folder)
    if not values or not folder.is_running():
        return False
    environ.update(values)
    return True


def _has_settings(environ: Mapping[str, str]) -> bool:
    return any(
        name.startswith(SETTING_PREFIXES) and name not in {ENV_VARIABLE, FOLDER_VARIABLE}
        for name, text in environ.items()
        if text.strip()
    )
