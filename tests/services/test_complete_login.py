"""The end of a login at the level of services: races, and where it leads."""

import threading
from collections.abc import Callable

import pytest
from sqlalchemy import func, select

from app.domain.errors import BillingError
from app.domain.kinds import CustomerKind, PlanStatus, TierKind
from app.models import BillingUser, BrowserSession, LoginLink, Organization, Server
from app.services.browser_sessions import SessionChanges, session_id_hashes, store_session
from app.services.complete_login import CompletedLogin, CompleteLogin, complete_login
from app.services.confirm_email import SendConfirmation, confirm_email, send_confirmation
from app.services.context import Context
from app.services.landing import decide_landing
from app.services.login_failures import LoginRefused
from app.services.login_links import HalfLogin
from tests.support.login import KnownOrganization, add_organization, mailed_link, make_link
from tests.support.mail import RecordingMailer
from tests.web.login.plans import add_plan


def at_once(call: Callable[[], object], times: int = 4) -> list[object]:
    """What `call` returns, or the errors it raises, when several threads call it at once."""
    start = threading.Barrier(times)
    found: list[object] = []

    def run() -> None:
        start.wait(10)
        try:
            found.append(call())
        except BillingError as error:
            found.append(error.code)

    threads = [threading.Thread(target=run) for _ in range(times)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(found) == times
    return found


def new_link(ctx: Context, organization: KnownOrganization) -> HalfLogin:
    make_link(ctx, organization)
    with ctx.sessions() as session:
        return HalfLogin(session.scalars(select(func.max(LoginLink.id))).one())


def confirm_key(ctx: Context, mailer: RecordingMailer, half: HalfLogin) -> str:
    send_confirmation(ctx, SendConfirmation(half, "iago@acme.test"), ip=None)
    return mailed_link(mailer).rpartition("/")[2]


def confirm(ctx: Context, key: str) -> HalfLogin:
    return confirm_email(ctx, key, ip=None)


def browser(ctx: Context) -> str:
    """The session of a browser that is in the middle of a login."""
    secret = store_session(ctx, SessionChanges({"logins": []}), id_hash=None)
    assert secret is not None
    return session_id_hashes(ctx.tokens, secret)[0]


def complete(ctx: Context, half: HalfLogin, *, replaces: str | None) -> CompletedLogin:
    command = CompleteLogin(
        half=half,
        full_name="Iago",
        tos_version="1.0",
        wants_major_release_mails=None,
        wants_maintenance_mails=None,
    )
    return complete_login(ctx, command, replaces=replaces, session_data={}, ip=None)


def test_a_mailed_link_used_by_many_at_once_works_once(
    ctx: Context, mailer: RecordingMailer
) -> None:
    key = confirm_key(ctx, mailer, new_link(ctx, add_organization(ctx)))
    found = at_once(lambda: confirm(ctx, key))
    assert found.count("confirmation_used") == 3
    with ctx.sessions() as session:
        assert len(session.scalars(select(BillingUser)).all()) == 1


def test_two_mailed_links_at_once_make_one_person(ctx: Context, mailer: RecordingMailer) -> None:
    acme = add_organization(ctx)
    keys = [confirm_key(ctx, mailer, new_link(ctx, acme)) for _ in range(4)]
    found = at_once(lambda: confirm(ctx, keys.pop()))
    assert all(isinstance(half, HalfLogin) for half in found)
    with ctx.sessions() as session:
        assert len(session.scalars(select(BillingUser)).all()) == 1


def test_a_login_completed_by_many_at_once_is_one(ctx: Context, mailer: RecordingMailer) -> None:
    acme = add_organization(ctx)
    confirmed = confirm(ctx, confirm_key(ctx, mailer, new_link(ctx, acme)))
    for half in (confirmed, new_link(ctx, acme)):
        row = browser(ctx)
        found = at_once(lambda half=half, row=row: complete(ctx, half, replaces=row))  # type: ignore[misc]  # bound for each round
        assert sum(isinstance(one, CompletedLogin) for one in found) == 1
        assert found.count("login_link_used") == 3


def test_one_link_in_many_browsers_completes_one_login(
    ctx: Context, mailer: RecordingMailer
) -> None:
    acme = add_organization(ctx)
    confirm(ctx, confirm_key(ctx, mailer, new_link(ctx, acme)))
    half = new_link(ctx, acme)
    rows = [browser(ctx) for _ in range(4)]
    found = at_once(lambda: complete(ctx, half, replaces=rows.pop()))
    assert sum(isinstance(one, CompletedLogin) for one in found) == 1
    with ctx.sessions() as session:
        logged_in = select(BrowserSession).where(BrowserSession.billing_user_id.is_not(None))
        assert len(session.scalars(logged_in).all()) == 1


def test_nothing_is_half_done_when_a_login_is_refused(
    ctx: Context, mailer: RecordingMailer
) -> None:
    acme = add_organization(ctx)
    half = new_link(ctx, acme)
    with pytest.raises(LoginRefused, match="login_email_first"):
        complete(ctx, half, replaces=browser(ctx))
    confirm(ctx, confirm_key(ctx, mailer, half))
    with pytest.raises(LoginRefused, match="login_link_used"):
        complete(ctx, half, replaces=None)
    row = browser(ctx)
    command = CompleteLogin(half, "Iago", None, None, None)
    with pytest.raises(BillingError, match="tos_not_accepted"):
        complete_login(ctx, command, replaces=row, session_data={}, ip=None)
    with ctx.sessions() as session:
        assert row in session.scalars(select(BrowserSession.id_hash)).all()
        assert session.get_one(LoginLink, half.link_id).completed_at is None
        assert session.scalars(select(BillingUser)).one().last_login_at is None
    complete(ctx, half, replaces=row)


def landing(ctx: Context, organization: KnownOrganization, next_page: str | None = None) -> str:
    with ctx.sessions() as session:
        row = session.get_one(Organization, organization.id)
        return decide_landing(session, row, next_page=next_page, catalog=ctx.catalog)


def test_where_a_login_leads(ctx: Context) -> None:
    (sponsored,) = (t.key for t in ctx.catalog.tiers.values() if t.kind is TierKind.SPONSORED)
    own, of_server, scheduled, ended, free, given = (
        add_organization(ctx, host=f"host-{number}.test") for number in range(6)
    )
    add_plan(ctx, own)
    add_plan(ctx, of_server, kind=CustomerKind.SERVER)
    add_plan(ctx, scheduled, status=PlanStatus.NEVER_STARTED)
    add_plan(ctx, ended, status=PlanStatus.ENDED)
    add_plan(ctx, given, tier=sponsored)
    neighbor = add_organization(ctx, host="neighbor.test", server_id=own.server_id)
    assert landing(ctx, own) == "billing"
    assert landing(ctx, of_server) == "billing", "the page says that the server's plan covers it"
    assert landing(ctx, scheduled) == "billing"
    assert landing(ctx, ended) == landing(ctx, free) == landing(ctx, neighbor) == "plans"
    assert landing(ctx, given) == "sponsorship"
    assert landing(ctx, own, next_page="invoices") == "invoices"
    assert landing(ctx, free, next_page="//evil.test") == "plans"


def test_where_the_login_of_a_server_leads(ctx: Context) -> None:
    (sponsored,) = (t.key for t in ctx.catalog.tiers.values() if t.kind is TierKind.SPONSORED)
    paid, of_organization, scheduled, ended, free, given = (
        add_organization(ctx, host=f"host-{number}.test") for number in range(6)
    )
    add_plan(ctx, paid, kind=CustomerKind.SERVER)
    add_plan(ctx, of_organization)
    add_plan(ctx, scheduled, kind=CustomerKind.SERVER, status=PlanStatus.NEVER_STARTED)
    add_plan(ctx, ended, kind=CustomerKind.SERVER, status=PlanStatus.ENDED)
    add_plan(ctx, given, kind=CustomerKind.SERVER, tier=sponsored)

    def leads_to(organization: KnownOrganization, next_page: str | None = None) -> str:
        with ctx.sessions() as session:
            row = session.get_one(Server, organization.server_id)
            return decide_landing(session, row, next_page=next_page, catalog=ctx.catalog)

    assert leads_to(paid) == leads_to(scheduled) == "billing"
    assert leads_to(of_organization) == leads_to(ended) == leads_to(free) == "plans"
    assert leads_to(given) == "sponsorship"
    assert leads_to(paid, "deactivate") == leads_to(free, "deactivate") == "deactivate"
