"""The switch of the free trials, and the coupon that visitors may try."""

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.demo.cast_agreed import COUPON
from app.demo.folder import DemoFolder
from app.demo.start import reset
from app.services.context import CLI, Context
from app.services.create_coupon import CreateCoupon, create_coupon
from tests.support.client import CheckedClient

pytestmark = pytest.mark.sqlite_only


def trial_days(app: Flask) -> dict[str, int]:
    """The days of a free trial by tier, as the portal sells now."""
    ctx: Context = app.extensions["tallyport"]
    return {key: tier.trial_days for key, tier in ctx.catalog.tiers.items() if tier.self_serve}


def overview(app: Flask) -> CheckedClient:
    """A client that checks every page."""
    client = app.test_client()
    assert isinstance(client, CheckedClient)
    return client


def test_the_switch_turns_trials_on_and_off(demo_app: Flask, folder: DemoFolder) -> None:
    client = overview(demo_app)
    page = client.get("/demo/")
    assert "without a free trial" in page.get_data(as_text=True)
    assert trial_days(demo_app) == {"basic": 0, "business": 0}
    page = client.submit(page, action="/trials/on/", follow_redirects=True)
    assert "Free trials are on" in page.get_data(as_text=True)
    assert "with a free trial of 30 days" in page.get_data(as_text=True)
    assert trial_days(demo_app) == {"basic": 30, "business": 0}
    page = client.submit(client.get("/demo/"), action="/trials/off/", follow_redirects=True)
    assert "Free trials are off" in page.get_data(as_text=True)
    assert trial_days(demo_app) == {"basic": 0, "business": 0}


def test_every_process_follows_the_switch(demo_app: Flask, folder: DemoFolder) -> None:
    # Another process of the portal has turned it.
    folder.trials_file.touch()
    overview(demo_app).get("/terms/")
    assert trial_days(demo_app)["basic"] == 30
    reset(folder)
    overview(demo_app).get("/terms/")
    assert trial_days(demo_app)["basic"] == 0


def test_the_switch_takes_a_form_of_ours_and_a_demo(demo_app: Flask, app: Flask) -> None:
    assert FlaskClient(demo_app).post("/demo/trials/on/").status_code == 400
    assert FlaskClient(demo_app).get("/demo/trials/on/").status_code == 405
    for portal, path in ((demo_app, "/demo/trials/maybe/"), (app, "/demo/trials/on/")):
        portal.config["WTF_CSRF_ENABLED"] = False
        assert FlaskClient(portal).post(path).status_code == 404


def test_the_coupon_is_shown_while_it_can_be_used(demo_app: Flask, demo_ctx: Context) -> None:
    assert COUPON not in overview(demo_app).get("/demo/").get_data(as_text=True)
    made = CreateCoupon(code=COUPON, percent=2500, months=6, reason="For visitors.")
    create_coupon(demo_ctx, made, actor=CLI)
    page = overview(demo_app).get("/demo/").get_data(as_text=True)
    assert f"{COUPON} takes 25% off the licenses of the first 6 months" in page
