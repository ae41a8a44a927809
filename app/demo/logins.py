"""How the people of the sample customers come to billing: through the pages of the doors, with the
mail that proves their address."""

import re

from sqlalchemy import select

from app.demo.browser import Browser, Page, PageError
from app.demo.servers import SampleServer
from app.models.mails import Mail
from app.models.people import BillingUser
from app.models.registrations import Server
from app.sample_server.records import Person
from app.services.context import Context
from app.services.unit_of_work import UnitOfWork, unit_of_work

_LINK = re.compile(r"https?://\S+/remote-billing-login/do-confirm/\S+")


def log_in_from_product(ctx: Context, server: SampleServer, person: Person) -> None:
    """From the gear menu; the first time a mail confirms the address. Raises PortalProblem and
    PageError."""
    with unit_of_work(ctx) as work:
        is_known = get_billing_user(work, server, person) is not None
    with Browser() as browser:
        page = browser.get(server.ask_for_billing(person))
        if not is_known:
            browser.send(page, page.form(having="email"))
            page = _confirm(ctx, browser, person, template="confirm_login")
        _complete(browser, page, person)


def log_in_with_key(ctx: Context, server: SampleServer, person: Person) -> None:
    """At the door of servers, by the id and the key that stand in the server's settings. Raises
    PageError."""
    settings = server.store.settings()
    with Browser() as browser:
        page = browser.get(f"{ctx.settings.base_url}/serverlogin/")
        form = page.form(having="server_id")
        secrets = {"server_id": settings.server_uuid, "server_key": settings.server_key}
        page = browser.send(page, form, **secrets)
        browser.send(page, page.form(having="email"), email=person.email)
        page = _confirm(ctx, browser, person, template="confirm_server_login")
        _complete(browser, page, person)


def get_billing_user(work: UnitOfWork, server: SampleServer, person: Person) -> BillingUser | None:
    """That person as the portal knows them; None before the first login."""
    if server.customer.pays_as_server:
        statement = (
            select(BillingUser)
            .join(Server, Server.id == BillingUser.server_id)
            .where(
                Server.uuid == server.store.settings().server_uuid,
                BillingUser.email == person.email,
            )
        )
    else:
        statement = select(BillingUser).where(BillingUser.user_uuid == person.uuid)
    return work.session.scalars(statement).one_or_none()


def _confirm(ctx: Context, browser: Browser, person: Person, *, template: str) -> Page:
    page = browser.get(_mailed_link(ctx, person.email, template=template))
    return browser.send(page, page.form(having="csrf_token"))


def _complete(browser: Browser, page: Page, person: Person) -> None:
    form = page.form(having="tos_version")
    wishes = {"wants_major_release_mails": "y", "wants_maintenance_mails": "y"}
    who = {"full_name": person.full_name, "accepts_tos": "y"}
    browser.post(form.action, **(form.fields | wishes | who))


def _mailed_link(ctx: Context, email: str, *, template: str) -> str:
    """The link in the newest mail to that address, as the page of caught mail shows it."""
    newest = (
        select(Mail.caught_text)
        .where(Mail.recipient == email, Mail.template == template)
        .order_by(Mail.id.desc())
    )
    with unit_of_work(ctx) as work:
        text = work.session.scalars(newest).first()
    found = _LINK.search(text or "")
    if found is None:
        raise PageError(f"no confirmation has come to {email}")
    return found.group()
