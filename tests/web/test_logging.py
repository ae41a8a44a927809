"""Tokens of login links do not reach any log."""

import logging
from collections.abc import Callable
from datetime import timedelta
from types import SimpleNamespace

import pytest
from flask import Flask
from gunicorn.config import Config  # type: ignore[import-untyped]  # gunicorn has no types

from app.web.logging import MaskingLogger, TokenFilter, mask_tokens
from tests.support.client import CheckedClient
from tests.support.login import add_organization, make_link

SECRET = "ImRhdGEi.Tw4yZQ.c2lnbmF0dXJl-_"


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        (
            f"GET /remote-billing-login/{SECRET} HTTP/1.1",
            "GET /remote-billing-login/[token] HTTP/1.1",
        ),
        (
            f'"POST /remote-billing-login/do-confirm/{SECRET}" 303',
            '"POST /remote-billing-login/do-confirm/[token]" 303',
        ),
        (
            f"http://localhost/remote-billing-login/{SECRET}?next=1",
            "http://localhost/remote-billing-login/[token]?next=1",
        ),
        (f"/remote-billing-login/{SECRET}/", "/remote-billing-login/[token]/"),
        (f"/remote-billing-login/confirmx{SECRET}", "/remote-billing-login/[token]"),
        (
            f"/remote-billing-login/server/{SECRET} HTTP/1.1",
            "/remote-billing-login/server/[token] HTTP/1.1",
        ),
        (f"/remote-billing-login/server{SECRET}", "/remote-billing-login/[token]"),
        ("/remote-billing-login/confirm/", "/remote-billing-login/confirm/"),
        ("/remote-billing-login/complete/ HTTP/1.1", "/remote-billing-login/complete/ HTTP/1.1"),
        ("/remote-billing-login/sent/", "/remote-billing-login/sent/"),
        ("/realm/1/billing/", "/realm/1/billing/"),
    ],
)
def test_what_is_masked(text: str, masked: str) -> None:
    assert mask_tokens(text) == masked


def test_gunicorns_access_log() -> None:
    logger = MaskingLogger(Config())
    response = SimpleNamespace(status="302 FOUND", headers=[], sent=0)
    request = SimpleNamespace(headers=[("REFERER", f"/remote-billing-login/{SECRET}")])
    path = f"/remote-billing-login/{SECRET}"
    environ = {
        "REQUEST_METHOD": "GET",
        "RAW_URI": path,
        "PATH_INFO": path,
        "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_REFERER": f"http://localhost{path}",
        "REMOTE_ADDR": "127.0.0.1",
    }
    atoms = logger.atoms(response, request, environ, timedelta(seconds=1))
    line = logger.cfg.access_log_format % logger.atoms_wrapper_class(atoms)
    assert SECRET not in line
    assert "GET /remote-billing-login/[token] HTTP/1.1" in line


def test_the_logs_of_flask_and_of_servers(
    app: Flask, client: CheckedClient, caplog: pytest.LogCaptureFixture
) -> None:
    names = ("werkzeug", "gunicorn.access", "gunicorn.error")
    for logger in (app.logger, *(logging.getLogger(name) for name in names)):
        with caplog.at_level(logging.INFO, logger=logger.name):
            logger.info("%s - %s", "127.0.0.1", f'"GET /remote-billing-login/{SECRET}" 302')
    assert SECRET not in caplog.text
    assert caplog.text.count("/remote-billing-login/[token]") == 4


def test_the_filter_is_there_once(make_app: Callable[..., Flask]) -> None:
    make_app()
    make_app()
    filters = logging.getLogger("werkzeug").filters
    assert sum(isinstance(known, TokenFilter) for known in filters) == 1


@pytest.mark.sqlite_only
def test_a_crash_does_not_log_the_token(
    make_app: Callable[..., Flask],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    app = make_app()
    app.config["PROPAGATE_EXCEPTIONS"] = False
    link = make_link(app.extensions["tallyport"], add_organization(app.extensions["tallyport"]))

    def crash(*_args: object, **_kwargs: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("app.web.login.views.open_login_link", crash)
    assert app.test_client().get(link).status_code == 500
    (crashed,) = (record for record in caplog.records if record.msg == "page.crashed")
    token = link.rpartition("/")[2]
    fields = crashed.__dict__["fields"]
    assert fields["path"] == "/remote-billing-login/[token]"
    assert token not in caplog.text and token not in str(fields)
