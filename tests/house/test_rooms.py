"""The dependency rule, and each way of breaking it."""

from pathlib import Path

import pytest

from tests.house.guards import rooms
from tests.house.plant import ROOT, Guard, plant


@pytest.mark.parametrize(
    "guard",
    [
        rooms.rooms_import_inward,
        rooms.domain_is_pure,
        rooms.libraries_stay_in_their_place,
        rooms.services_know_no_request,
        rooms.blueprints_keep_apart,
        rooms.implementations_are_wired,
        rooms.only_the_guarded_client_connects,
    ],
)
def test_the_rooms_keep_the_rule(guard: Guard) -> None:
    assert guard(ROOT) == []


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("app/domain/money.py", "from app.models.plans import Plan"),
        ("app/domain/money.py", "from app import clock"),
        ("app/domain/money.py", "from ..services import ledger"),
        ("app/domain/money.py", "def late():\n    import app.services.ledger"),
        ("app/models/plans.py", "from app.services.context import Context"),
        ("app/models/plans.py", "from app.clock import Clock"),
        ("app/gateways/mail.py", "from app.models.mails import Mail"),
        ("app/services/ledger.py", "from app.web.wording import money"),
        ("app/services/ledger.py", "from app.jobs.runner import run"),
        ("app/jobs/daily.py", "from app.web import wording"),
        ("app/web/wording.py", "from app.jobs import daily"),
        ("app/web/wording.py", "from app import wiring"),
        ("app/cli.py", "from app.web.sessions import init_app"),
        ("app/cli.py", "from app.demo.start import run_demo"),
        ("app/cli_servers.py", "from app.web.sessions import init_app"),
        ("app/web/demo/views.py", "from app.demo.seed import seed"),
        ("app/demo/seed.py", "from app.web.sessions import init_app"),
        ("app/services/ledger.py", "from app.demo.folder import DemoFolder"),
        ("app/stripe_emulator/work.py", "from app.clock import Clock"),
        ("app/sample_server/store.py", "from app import settings"),
        ("app/helpers/__init__.py", ""),
    ],
)
def test_an_import_against_the_arrows_is_seen(path: str, text: str, tmp_path: Path) -> None:
    found = rooms.rooms_import_inward(plant(tmp_path, path, text))
    assert len(found) == 1 and found[0].startswith(path)


@pytest.mark.parametrize(
    "text",
    [
        "from sqlalchemy import select",
        "import flask",
        "import itsdangerous.signer",
        "import os",
        "from urllib.request import urlopen",
        "def read(path):\n    return open(path)",
    ],
)
def test_an_impure_domain_is_seen(text: str, tmp_path: Path) -> None:
    assert len(rooms.domain_is_pure(plant(tmp_path, "app/domain/money.py", text))) == 1


def test_a_pure_domain_is_let_be(tmp_path: Path) -> None:
    text = "from fractions import Fraction\nfrom dateutil.relativedelta import relativedelta"
    assert rooms.domain_is_pure(plant(tmp_path, "app/domain/money.py", text)) == []


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("app/services/delivery.py", "import stripe"),
        ("app/gateways/fake_payments.py", "from stripe.error import CardError"),
        ("app/services/login.py", "from itsdangerous import URLSafeSerializer"),
        ("app/services/mails.py", "from flask_babel import gettext"),
        ("app/web/staff/provider_views.py", "from joserfc import jwt"),
    ],
)
def test_a_library_out_of_its_place_is_seen(path: str, text: str, tmp_path: Path) -> None:
    assert len(rooms.libraries_stay_in_their_place(plant(tmp_path, path, text))) == 1


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("app/services/ledger.py", "from flask import g"),
        ("app/services/ledger.py", "from flask_login import current_user"),
        ("app/models/plans.py", "from flask import current_app"),
        ("app/jobs/daily.py", "import flask"),
        ("app/gateways/mail.py", "from flask import request"),
        ("app/models/plans.py", "from werkzeug.local import LocalProxy"),
    ],
)
def test_a_service_that_knows_the_request_is_seen(path: str, text: str, tmp_path: Path) -> None:
    assert len(rooms.services_know_no_request(plant(tmp_path, path, text))) == 1


@pytest.mark.parametrize(
    "text",
    [
        "from app.web.portal.views import billing",
        "from app.web import portal",
        "from ..portal import forms",
        "from app.models import Plan",
        "from app.models.plans import Plan",
        "from sqlalchemy import select",
    ],
)
def test_a_blueprint_that_reaches_out_is_seen(text: str, tmp_path: Path) -> None:
    plant(tmp_path, "app/web/portal/views.py", "")
    plant(tmp_path, "app/web/login/views.py", "")
    plant(tmp_path, "app/web/login/forms.py", "from app.web.login import blueprint")
    assert rooms.blueprints_keep_apart(tmp_path) == []
    plant(tmp_path, "app/web/login/views.py", text)
    assert len(rooms.blueprints_keep_apart(tmp_path)) == 1


def test_what_blueprints_share_may_know_them(tmp_path: Path) -> None:
    plant(tmp_path, "app/web/portal/views.py", "from app.web import errors")
    plant(tmp_path, "app/web/errors.py", "from app.web.portal import views")
    assert rooms.blueprints_keep_apart(tmp_path) == []


@pytest.mark.parametrize(
    "text",
    [
        "from app.gateways.stripe_gateway import StripeGateway",
        "from app.gateways import fake_payments",
        "from app.gateways.oidc import OpenIdProvider",
        "from importlib import import_module",
    ],
)
def test_a_service_that_chooses_its_gateway_is_seen(text: str, tmp_path: Path) -> None:
    assert len(rooms.implementations_are_wired(plant(tmp_path, "app/services/pay.py", text))) == 1


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("app/services/hooks.py", "import requests"),
        ("app/web/login/oidc.py", "from requests import get"),
        ("app/services/hooks.py", "import urllib.request"),
        ("app/services/hooks.py", "from urllib.request import urlopen"),
        ("app/services/hooks.py", "from urllib import request"),
        ("app/services/hooks.py", "from http.client import HTTPSConnection"),
        ("app/services/hooks.py", "from http import client"),
        ("app/gateways/oidc.py", "import httpx"),
        ("app/gateways/oidc.py", "from authlib.integrations.flask_client import OAuth"),
        ("app/gateways/tokens.py", "import socket"),
        ("app/services/leases.py", "import ssl"),
        ("app/services/outbox.py", "import smtplib"),
        ("app/cli.py", "def fetch():\n    import urllib3"),
    ],
)
def test_another_way_out_is_seen(path: str, text: str, tmp_path: Path) -> None:
    found = rooms.only_the_guarded_client_connects(plant(tmp_path, path, text))
    assert len(found) == 1 and found[0].startswith(path)


def test_the_ways_out_that_are_known(tmp_path: Path) -> None:
    plant(tmp_path, "app/gateways/outgoing.py", "import socket, ssl\nfrom http.client import X")
    plant(tmp_path, "app/gateways/mail.py", "import smtplib")
    plant(tmp_path, "app/services/leases.py", "import socket")
    plant(tmp_path, "app/web/access.py", "from urllib.parse import urlsplit\nimport http")
    plant(tmp_path, "app/sample_server/portal_client.py", "import requests")
    assert rooms.only_the_guarded_client_connects(tmp_path) == []
