"""Requests as commands to copy into a shell in which PORTAL, ID and KEY are set."""

import shlex
from collections.abc import Mapping
from urllib.parse import quote

from app.web.openapi.samples import SERVER_ID, SERVER_KEY

# The page says once what they hold.
VARIABLES = {SERVER_ID: "$ID", SERVER_KEY: "$KEY"}
CONTINUED = " \\\n  "


def curl_command(method: str, path: str, fields: Mapping[str, object], *, with_key: bool) -> str:
    """The request as curl; `fields` are those of a form, or of the query string of a GET."""
    start = "curl -s -u $ID:$KEY" if with_key else "curl -s"
    address = f"$PORTAL{path}"
    if method == "get":
        query = "&".join(f"{name}={quote(str(value))}" for name, value in fields.items())
        return f'{start} "{address}?{query}"' if query else f"{start} {address}"
    if not fields:
        return f"{start} -X POST {address}"
    return CONTINUED.join([f"{start} {address}", *map(_field, fields.items())])


def _field(pair: tuple[str, object]) -> str:
    name, value = pair[0], str(pair[1])
    if value in VARIABLES:
        return f"-d {name}={VARIABLES[value]}"
    return f"--data-urlencode {shlex.quote(f'{name}={value}')}"
