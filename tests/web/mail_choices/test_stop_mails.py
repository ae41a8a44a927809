"""Stopping mails by the link in them: a look does nothing, a button does, mail programs may post."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from app.domain.kinds import MailKind
from app.models.audit import AuditEntry
from app.models.people import BillingUser
from app.services.mail_choices import MAX_AGE, unsubscribe_address
from app.services.unit_of_work import unit_of_work
from app.web.logging import mask_tokens
from tests.support.shop import Shop, headline, words

WORDS = {
    MailKind.RENEWALS: "renewals and ends of plans",
    MailKind.USAGE: "people, licenses and reports of your server",
    MailKind.ANNOUNCEMENTS: "news about plans and prices",
}


@pytest.fixture
def iago(shop: Shop) -> int:
    """The one person who manages billing; nobody is logged in."""
    shop.open()
    with shop.ctx.sessions() as session:
        person_id = session.scalars(select(BillingUser.id)).one()
    shop.client.delete_cookie("session")
    return person_id


def link_of(shop: Shop, person_id: int, kind: MailKind) -> str:
    address = unsubscribe_address(shop.ctx, person_id, kind)
    return address.removeprefix(shop.ctx.settings.base_url)


def wishes(shop: Shop, person_id: int) -> dict[MailKind, bool]:
    with shop.ctx.sessions() as session:
        person = session.get_one(BillingUser, person_id)
        return {
            MailKind.RENEWALS: person.wants_renewal_mails,
            MailKind.USAGE: person.wants_usage_mails,
            MailKind.ANNOUNCEMENTS: person.wants_announcement_mails,
        }


def audited(shop: Shop) -> list[AuditEntry]:
    stopped = AuditEntry.action == "billing_user.mails_stopped"
    with shop.ctx.sessions() as session:
        return list(session.scalars(select(AuditEntry).where(stopped)))


@pytest.mark.parametrize("kind", MailKind)
def test_a_look_and_then_the_button(shop: Shop, iago: int, kind: MailKind) -> None:
    link = link_of(shop, iago, kind)
    page = shop.client.get(link)
    assert page.status_code == 200 and page.headers["Cache-Control"] == "no-store"
    assert headline(page) == f"Stop mails about {WORDS[kind]}?"
    assert all(wishes(shop, iago).values()), "programs that read mail fetch every link"
    answer = shop.client.post(link)
    assert answer.status_code == 200
    assert headline(answer) == f"Mails about {WORDS[kind]} are stopped"
    assert wishes(shop, iago) == {other: other is not kind for other in MailKind}
    (entry,) = audited(shop)
    assert (entry.actor, entry.after) == (
        f"billing_user:{iago}",
        {f"{kind.value}_mails": False, "billing_user": iago},
    )


@pytest.mark.sqlite_only
def test_mail_programs_post_without_any_page_of_ours(shop: Shop, iago: int) -> None:
    link = link_of(shop, iago, MailKind.RENEWALS)
    stranger = shop.client.application.test_client()
    for _ in range(2):
        answer = stranger.post(link, data={"List-Unsubscribe": "One-Click"})
        assert answer.status_code == 200
    assert not wishes(shop, iago)[MailKind.RENEWALS]
    assert len(audited(shop)) == 1, "the second time nothing changes"
    assert "are stopped" in headline(shop.client.get(link)), "and the page says so"


@pytest.mark.sqlite_only
@pytest.mark.parametrize("wrong", ["cut", "other purpose", "old", "nonsense", "gone", "strange"])
def test_a_wrong_link_says_what_to_do(shop: Shop, iago: int, wrong: str) -> None:
    link = link_of(shop, iago, MailKind.USAGE)
    tokens = shop.ctx.tokens
    if wrong == "cut":
        link = f"{link[:-6]}/"
    elif wrong == "other purpose":
        link = f"/mail/unsubscribe/{tokens.sign('quote', [iago, 'usage'])}/"
    elif wrong == "old":
        shop.clock.advance(seconds=int((MAX_AGE + timedelta(seconds=2)).total_seconds()))
    elif wrong == "nonsense":
        link = "/mail/unsubscribe/nonsense/"
    elif wrong == "gone":
        link = link_of(shop, iago + 1000, MailKind.USAGE)
    else:
        link = f"/mail/unsubscribe/{tokens.sign('mail-unsubscribe', 'usage')}/"
    for answer in (shop.client.get(link), shop.client.post(link)):
        assert answer.status_code == 400
        assert headline(answer) == "This link does not work"
        assert "People page" in words(answer)
    assert all(wishes(shop, iago).values())


@pytest.mark.sqlite_only
def test_somebody_removed_can_still_stop_mails(shop: Shop, iago: int) -> None:
    with unit_of_work(shop.ctx) as work:
        work.session.get_one(BillingUser, iago).deactivated_at = work.now
        work.commit()
    assert shop.client.post(link_of(shop, iago, MailKind.USAGE)).status_code == 200
    assert not wishes(shop, iago)[MailKind.USAGE]


def test_the_secret_stays_out_of_logs() -> None:
    line = 'GET /mail/unsubscribe/WzEsInVzYWdlIl0.T0k1aA.c2lnbg/ HTTP/1.1" 200'
    assert mask_tokens(line) == 'GET /mail/unsubscribe/[token]/ HTTP/1.1" 200'
