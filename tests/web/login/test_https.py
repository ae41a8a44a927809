"""The login where the portal is reached by https: forms are refused without a Referer of ours."""

from collections.abc import Callable

from flask import Flask
from werkzeug.test import TestResponse

from tests.support.client import CheckedClient
from tests.support.login import add_organization, mailed_link, make_link
from tests.support.mail import RecordingMailer

BASE = "https://billing.test"


def policy_allows_referer(page: TestResponse) -> bool:
    """Whether a browser sends a Referer with the forms of this page to the same site."""
    return page.headers["Referrer-Policy"] not in {"no-referrer", "origin"}


def test_a_whole_login_by_https(make_app: Callable[..., Flask], mailer: RecordingMailer) -> None:
    app = make_app(base_url=BASE)
    ctx = app.extensions["tallyport"]
    acme = add_organization(ctx)
    client = app.test_client()
    assert isinstance(client, CheckedClient)

    def get(path: str) -> TestResponse:
        return client.get(path, base_url=BASE)

    def submit(page: TestResponse, **values: str) -> TestResponse:
        assert policy_allows_referer(page)
        referer = {"Referer": BASE + page.request.path}
        return client.submit(page, values, base_url=BASE, headers=referer)

    answer = get(make_link(ctx, acme))
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    page = get(answer.location)

    # Without a Referer, or with a foreign one, nothing is accepted: a policy of no-referrer on
    # pages would lock everybody out.
    for headers in ({}, {"Referer": "https://evil.test/"}, {"Referer": "http://billing.test/"}):
        assert client.submit(page, base_url=BASE, headers=headers).status_code == 400
    assert mailer.outbox == []

    assert submit(page).status_code == 303
    answer = submit(get(mailed_link(mailer, base_url=BASE)))
    answer = submit(get(answer.location), full_name="Iago", accepts_tos="y")
    assert answer.status_code == 303
    assert answer.location == acme.page("billing") or answer.location == acme.page("plans")
