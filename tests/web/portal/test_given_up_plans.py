"""A plan that was scheduled and given up before it began is never taken for the customer's plan."""

import pytest

from app.services.context import CLI
from app.services.schedule_upgrade import cancel_scheduled_upgrade
from tests.support.shop import Shop, headline

PAGES = ("billing", "plans", "usage", "invoices", "activity", "help", "sponsorship", "upgrade")


@pytest.mark.parametrize("when", ["2012-01-10", "2012-03-05"])
def test_every_page_stands_while_the_plan_before_it_runs_and_after_its_end(
    shop: Shop, when: str
) -> None:
    shop.open(18)
    shop.story.give_legacy(shop.server, "2012-03-02")
    shop.story.schedule_upgrade(shop.server)
    cancel_scheduled_upgrade(shop.ctx, shop.story.payer(shop.server), actor=CLI)
    shop.run_until(when, step=8)
    for name in PAGES:
        assert shop.get(name).status_code == 200, name
    if when == "2012-03-05":
        assert headline(shop.get("billing")) == "Your Legacy plan ended on 2 March."
