"""What is said about changes of a running plan: what each will do, and what became of it."""

from flask_babel import gettext

from app.domain.kinds import AtCycleEnd, LicenseManagement, Schedule
from app.services.pages.billing import SwitchView
from app.services.pages.plan_change import ChangePage
from app.services.pages.plan_management import ManagementPage
from app.services.upgrade_tier import UpgradeOutcome, UpgradeResult
from app.web.wording import (
    Message,
    count_licenses,
    count_people,
    format_date,
    format_money,
    schedule_unit,
)

MESSAGES: dict[str, Message] = {}

# --- what a change does ---


def change_headline(page: ChangePage) -> str:
    """ "Change to Plus now: $48.00 today"; "Change to Basic on 2 February 2012?"."""
    day = format_date(page.at)
    if page.is_at_once:
        due = format_money(page.due, page.currency)
        if page.is_by_invoice:
            return gettext(
                "Change to %(tier)s now: an invoice with %(due)s to pay", tier=page.title, due=due
            )
        return gettext("Change to %(tier)s now: %(due)s today", tier=page.title, due=due)
    if page.is_other_tier:
        return gettext("Change to %(tier)s on %(day)s?", tier=page.title, day=day)
    return gettext(
        "Pay for %(tier)s %(each)s from %(day)s on?", tier=page.title, each=_each(page), day=day
    )


def _each(page: ChangePage) -> str:
    return gettext("by the year") if page.schedule.months > 1 else gettext("by the month")


def change_consequences(page: ChangePage) -> list[str]:
    """What will happen, for whom, from when, for how much: a sentence for each."""
    if page.in_trial:
        said = _in_trial(page)
    else:
        said = _at_once(page) if page.is_at_once else _at_cycle_end(page)
    return [text for text in said if text]


def _in_trial(page: ChangePage) -> list[str]:
    return [
        gettext(
            "Your free trial goes on to the same day, %(day)s. Nothing is charged before.",
            day=format_date(page.at),
        ),
        gettext(
            "On that day you are charged %(total)s for %(licenses)s (%(why)s), if nobody comes or "
            "goes.",
            total=format_money(page.total, page.currency),
            licenses=count_licenses(page.licenses),
            why=_why_so_many(page),
        ),
        gettext("Until then you can change back, or end the plan."),
    ]


def switched_in_trial_words(schedule: Schedule) -> str:
    """What was done to a plan in its free trial."""
    if schedule is Schedule.ANNUAL:
        return gettext("Your plan is paid by the year from the end of the free trial on.")
    return gettext("Your plan is paid by the month from the end of the free trial on.")


def _at_once(page: ChangePage) -> list[str]:
    return [
        gettext(
            "%(old)s ends now and %(new)s begins, for %(licenses)s: %(why)s.",
            old=page.old_title,
            new=page.title,
            licenses=count_licenses(page.licenses),
            why=_why_so_many(page),
        ),
        _credit_words(page),
        _void_words(page),
        _payment_words(page),
        _given_up(page),
        gettext(
            "It renews on %(day)s for %(total)s, if nobody comes or goes.",
            day=format_date(page.next_at),
            total=format_money(page.next_total, page.currency),
        ),
    ]


def _at_cycle_end(page: ChangePage) -> list[str]:
    day, total = format_date(page.at), format_money(page.total, page.currency)
    if page.is_by_invoice:
        asked = gettext(
            "On that day an invoice over %(total)s is sent, if nobody comes or goes.", total=total
        )
    else:
        asked = gettext(
            "On that day you are charged %(total)s, if nobody comes or goes.", total=total
        )
    return [
        gettext(
            "Until %(day)s nothing changes: %(old)s runs to the end of the time you paid for.",
            day=day,
            old=page.old_title,
        ),
        gettext(
            "From then on you have %(new)s for %(licenses)s (%(why)s), at %(price)s a license "
            "%(unit)s.",
            new=page.title,
            licenses=count_licenses(page.licenses),
            why=_why_so_many(page),
            price=format_money(page.price, page.currency),
            unit=schedule_unit(page.schedule),
        ),
        asked,
        gettext("You can take this back until then."),
    ]


def _why_so_many(page: ChangePage) -> str:
    people = count_people(page.people)
    if page.licenses == page.people:
        return gettext("one for each of your %(people)s", people=people)
    if page.is_chosen and page.licenses != page.terms["tier_minimum"]:
        return gettext("the number that you chose, for %(people)s", people=people)
    return gettext("you have %(people)s, and it is the least for this plan", people=people)


def _credit_words(page: ChangePage) -> str:
    if not page.credit:
        return gettext("Nothing was paid for time that %(old)s has not used.", old=page.old_title)
    credit = format_money(page.credit, page.currency)
    said = gettext(
        "%(credit)s that you paid for time you do not use come back as credit on your balance, "
        "which pays for this change first.",
        credit=credit,
    )
    if page.credit <= page.total:
        return said
    rest = format_money(page.credit - page.total, page.currency)
    return f"{said} {gettext('%(rest)s of it are left for later invoices.', rest=rest)}"


def _void_words(page: ChangePage) -> str:
    if not page.void_total:
        return ""
    return gettext(
        "What you have not paid yet, %(total)s, is not owed any more: those invoices become void.",
        total=format_money(page.void_total, page.currency),
    )


def _payment_words(page: ChangePage) -> str:
    due = format_money(page.due, page.currency)
    if not page.due:
        return gettext("There is nothing to pay now.")
    if page.is_by_invoice:
        return gettext("An invoice with %(due)s to pay is sent. The plan does not wait.", due=due)
    return gettext(
        "Your card is charged %(due)s now. Should your bank refuse it, the invoice stays open and "
        "the plan runs meanwhile.",
        due=due,
    )


def _given_up(page: ChangePage) -> str:
    if page.gives_up is AtCycleEnd.END:
        return gettext("That %(old)s was set to end is forgotten.", old=page.old_title)
    if page.gives_up is not None:
        return gettext("The change that was scheduled is given up.")
    return ""


def switch_words(switch: SwitchView) -> str:
    """The change that will come, in a sentence."""
    day = format_date(switch.at)
    if switch.is_other_tier:
        return gettext("Your plan changes to %(tier)s on %(day)s.", tier=switch.tier_title, day=day)
    if switch.schedule.months > 1:
        return gettext("Your plan is paid for by the year from %(day)s on.", day=day)
    return gettext("Your plan is paid for by the month from %(day)s on.", day=day)


def kept_words(was: AtCycleEnd) -> str:
    """What was taken back."""
    if was is AtCycleEnd.END:
        return gettext("Your plan goes on.")
    return gettext("The change was taken back. Your plan goes on as it is.")


# --- who decides the number ---


def management_headline(page: ManagementPage) -> str:
    """The question that the page asks."""
    if page.target is LicenseManagement.AUTOMATIC:
        return gettext("Let the licenses follow the number of people?")
    return gettext("Choose the number of licenses yourself?")


def management_consequences(page: ManagementPage) -> list[str]:
    """What will happen, from when, for how much."""
    day, now = format_date(page.cycle_end), count_licenses(page.licenses)
    if page.target is LicenseManagement.MANUAL:
        return [
            gettext("You keep the %(licenses)s that you have.", licenses=now),
            gettext(
                "From now on nobody is added by itself: who joins needs a license that you add. "
                "With more people than licenses nothing is switched off; at the renewal the number "
                "is raised to your people."
            ),
            gettext(
                "On %(day)s the plan renews with %(licenses)s, unless you set another number.",
                day=day,
                licenses=count_licenses(page.licenses_at_renewal),
            ),
            gettext("Nothing is charged now. You can change this back at any time."),
        ]
    said = gettext("You keep the %(licenses)s that you have.", licenses=now)
    if page.needed > page.licenses:
        said = gettext(
            "You have %(people)s, so %(more)s are added now and stand on the next charge.",
            people=count_people(page.people or 0),
            more=count_licenses(page.needed - page.licenses),
        )
    return [
        said,
        gettext(
            "From now on who joins is added at once and paid for with the next charge; who leaves "
            "is not renewed."
        ),
        gettext("Until %(day)s the number can only go up.", day=day),
        gettext("You can change this back at any time."),
    ]


def managed_words(management: LicenseManagement) -> str:
    """What was done."""
    if management is LicenseManagement.AUTOMATIC:
        return gettext("Your licenses follow the number of people from now on.")
    return gettext("You choose the number of licenses from now on.")


# --- what became of it ---


def upgraded_words(result: UpgradeResult, title: str) -> str:
    """That the new plan runs, and what was paid for it."""
    began = gettext("Your plan is %(tier)s now.", tier=title)
    due = format_money(result.total - result.balance_applied, result.currency)
    applied = format_money(result.balance_applied, result.currency)
    if result.outcome is UpgradeOutcome.PAID:
        paid = _paid_words(result, due, applied)
    elif result.outcome is UpgradeOutcome.SENT:
        paid = gettext("The invoice is on its way to you; %(due)s are to be paid.", due=due)
    elif result.outcome is UpgradeOutcome.UNPAID and result.message:
        paid = gettext(
            "But your bank refused %(due)s: “%(reason)s” Pay the open invoice here, or use another "
            "card.",
            due=due,
            reason=result.message,
        )
    elif result.outcome is UpgradeOutcome.UNPAID:
        paid = gettext("But %(due)s could not be charged. Pay the open invoice here.", due=due)
    else:
        paid = gettext("Its invoice is being charged; that is done within a few minutes.")
    return f"{began} {paid}"


def _paid_words(result: UpgradeResult, due: str, applied: str) -> str:
    if not result.balance_applied:
        return gettext("You paid %(due)s.", due=due)
    if result.total == result.balance_applied:
        return gettext("Credit from your balance paid for it: %(applied)s.", applied=applied)
    return gettext(
        "You paid %(due)s; credit from your balance paid %(applied)s.", due=due, applied=applied
    )
