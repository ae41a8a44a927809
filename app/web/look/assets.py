"""Addresses of stylesheets and scripts that change with their content, so browsers may keep them."""

from collections.abc import Mapping
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any, cast

from flask import Flask, Response, current_app, request

from app.extensions import limiter

VERSION = "v"
_MADE = "tallyport.assets"
A_YEAR = 365 * 24 * 3600
ASSETS = frozenset({"static", "bootstrap.static", "look.brand_css", "look.logo"})


@cache
def _version_of(path: Path) -> str:
    return fingerprint(path.read_bytes())


def fingerprint(content: bytes) -> str:
    """A short name for exactly this content."""
    return sha256(content).hexdigest()[:12]


def made() -> Mapping[str, bytes]:
    """What is made of the catalog when the portal starts, by endpoint."""
    return cast(Mapping[str, bytes], current_app.extensions[_MADE])


def init_app(app: Flask, *, made_of_catalog: Mapping[str, bytes]) -> None:
    """Put the version into every address of a static file and of what is made of the catalog,
    and let versioned answers be kept."""
    app.extensions[_MADE] = made_of_catalog
    versions = {endpoint: fingerprint(content) for endpoint, content in made_of_catalog.items()}
    # A page brings half a dozen of them; the limits are about what people and servers ask for.
    limiter.request_filter(lambda: request.endpoint in ASSETS)

    @app.url_defaults
    def add_version(endpoint: str, values: dict[str, Any]) -> None:
        if endpoint in versions:
            values.setdefault(VERSION, versions[endpoint])
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
