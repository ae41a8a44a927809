"""Addresses of stylesheets and scripts that change with their content, so browsers may keep them."""

from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from flask import Flask, Response, request

from app.extensions import limiter

VERSION = "v"
A_YEAR = 365 * 24 * 3600
ASSETS = frozenset({"static", "bootstrap.static", "look.brand_css", "look.logo"})


@cache
def _version_of(path: Path) -> str:
    return fingerprint(path.read_bytes())


def fingerprint(content: bytes) -> str:
    """A short name for exactly this content."""
    return sha256(content).hexdigest()[:12]


def init_app(app: Flask) -> None:
    """Put the version into every address of a static file, and let versioned answers be kept."""
    # A page brings half a dozen of them; the limits are about what people and servers ask for.
    limiter.request_filter(lambda: request.endpoint in ASSETS)

    @app.url_defaults
    def add_version(endpoint: str, values: dict[str, Any]) -> None:
        if endpoint not in {"static", "bootstrap.static"} or VERSION in values:
            return
        blueprint = app.blueprints.get("bootstrap") if endpoint == "bootstrap.static" else app
        folder = blueprint.static_folder if blueprint is not None else None
        path = Path(folder or ".") / str(values.get("filename", ""))
        if path.is_file():
            values[VERSION] = _version_of(path)

    @app.after_request
    def keep_versioned(response: Response) -> Response:
        if request.endpoint in ASSETS and response.status_code == 200:
            if VERSION in request.args:
                response.headers["Cache-Control"] = f"public, max-age={A_YEAR}, immutable"
            else:
                response.headers["Cache-Control"] = "public, max-age=300"
        return response
