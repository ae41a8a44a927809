"""The table of docs/rules/purchases.md is what a quote says."""

import pytest

from app.domain.errors import BillingError
from app.domain.kinds import Collection, LicenseManagement, Schedule
from app.services.customers import claim_payer
from app.services.quote import PurchaseChoice, make_quote
from app.services.unit_of_work import unit_of_work
from tests.domain.test_docs import Row, tables
from tests.scenarios.story import Story

TABLE = tables()["table", "licenses by invoice"]


@pytest.mark.parametrize("row", TABLE, ids=lambda row: " ".join(row.values()))
@pytest.mark.sqlite_only
def test_licenses_by_invoice(story: Story, row: Row) -> None:
    acme = story.server(seats=(int(row["people"]),))
    payer = story.payer(acme)
    with unit_of_work(story.ctx) as work:
        _, customer = claim_payer(work, payer)
        customer.minimum_licenses = int(row["minimum"])
        customer.exempt_from_license_number_check = row["exempt"] == "yes"
        work.commit()
    is_said = row["chosen"] != "-"
    choice = PurchaseChoice(
        "basic",
        Schedule.ANNUAL,
        LicenseManagement.MANUAL if is_said else LicenseManagement.AUTOMATIC,
        int(row["chosen"]) if is_said else None,
        Collection.SEND_INVOICE,
    )
    with unit_of_work(story.ctx) as work:
        try:
            quote = make_quote(
                work.session, story.ctx.catalog, payer, choice, now=story.clock.now()
            )
        except BillingError as error:
            limit = error.params.get("minimum", error.params.get("maximum"))
            assert f"{error.code} {limit}" == row["answer"]
            return
    assert str(quote.licenses) == row["answer"]
    assert quote.license_management is LicenseManagement.MANUAL
