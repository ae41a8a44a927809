"""The words of the queues of staff: what waits, whose turn it is, what can be done."""

from flask_babel import gettext, lazy_gettext, ngettext

from app.services.pages.queue_columns import What
from app.services.pages.queue_sources import Queue
from app.services.pages.queues import QueueItem, QueuePage, Turn
from app.web.wording import Message, format_count, format_date, format_money, format_percent

MESSAGES: dict[str, Message] = {
    "help_request_closed": lazy_gettext("Somebody else has closed this already."),
    "help_answer_empty": lazy_gettext("Write an answer: the person gets it by mail."),
    "help_answer_too_long": lazy_gettext("An answer has at most %(maximum)s characters."),
}

_TITLES = {
    Queue.SPONSORSHIPS: lazy_gettext("Sponsorship requests"),
    Queue.HELP: lazy_gettext("Requests for help"),
    Queue.APPROVALS: lazy_gettext("Approvals"),
    Queue.LATE_FALLS: lazy_gettext("Late falls"),
    Queue.PARKED: lazy_gettext("Parked customers"),
    Queue.PAYMENTS: lazy_gettext("Failed payments"),
    Queue.VANISHED: lazy_gettext("Vanished organizations that pay"),
    Queue.UNFINISHED: lazy_gettext("Acts that did not finish"),
    Queue.DEALS: lazy_gettext("Deals that end soon"),
    Queue.OFFERS: lazy_gettext("Offers that wait"),
    Queue.STALE: lazy_gettext("Silent servers"),
    Queue.TRANSFERS: lazy_gettext("Recent transfers"),
}
_NOTES = {
    Queue.SPONSORSHIPS: lazy_gettext("Organizations that asked to be sponsored."),
    Queue.HELP: lazy_gettext("What people asked from their billing pages."),
    Queue.APPROVALS: lazy_gettext("Acts above the threshold that a second person has to approve."),
    Queue.LATE_FALLS: lazy_gettext(
        "Uploads that came late say that fewer people were there than were billed. Nothing is given "
        "back by itself."
    ),
    Queue.PARKED: lazy_gettext("A run failed for them, or somebody parked them by hand."),
    Queue.PAYMENTS: lazy_gettext("Invoices whose card was refused, or whose day is over."),
    Queue.VANISHED: lazy_gettext(
        "Their server does not list them any more, and their plan goes on."
    ),
    Queue.UNFINISHED: lazy_gettext(
        "They began more than 15 minutes ago and never said how they ended. Look at the audit "
        "trail of the customer before you do them again."
    ),
    Queue.DEALS: lazy_gettext(
        "Discounts, fixed prices, legacy plans and sponsorships that end within 62 days with "
        "nothing to follow."
    ),
    Queue.OFFERS: lazy_gettext("Fixed prices that the customer has not accepted yet."),
    Queue.STALE: lazy_gettext("No uploads for two days. Those with a plan come first."),
    Queue.TRANSFERS: lazy_gettext(
        "Registrations, organizations and plans that changed hands within 30 days."
    ),
}
_TURNS = {
    Turn.SUPPORT: lazy_gettext("Ours"),
    Turn.SECOND_PERSON: lazy_gettext("A second person"),
    Turn.SALES: lazy_gettext("Whoever made the deal"),
    Turn.CUSTOMER: lazy_gettext("The customer"),
    Turn.NOBODY: lazy_gettext("Nobody: to know about"),
}
_MOVED = {
    What.REGISTRATION: lazy_gettext("The registration of the server changed hands"),
    What.ORGANIZATION: lazy_gettext("The organization moved from %(old)s to %(new)s"),
    What.PLAN: lazy_gettext("The plan moved between %(old)s and its organization"),
}
_AGREED = {
    What.DISCOUNT: lazy_gettext("Discount"),
    What.FIXED_PRICE: lazy_gettext("Fixed price"),
    What.LEGACY: lazy_gettext("Legacy plan"),
    What.SPONSORED: lazy_gettext("Sponsorship"),
}


def queue_title(queue: Queue) -> str:
    """What a queue is called."""
    return str(_TITLES[queue])


def queue_note(queue: Queue) -> str:
    """What stands in it, in a sentence or two."""
    return str(_NOTES[queue])


def queue_headline(page: QueuePage) -> str:
    """The first line of a queue."""
    if not page.part.total:
        return gettext("%(title)s: nothing waits", title=queue_title(page.queue))
    return gettext(
        "%(title)s: %(count)s", title=queue_title(page.queue), count=format_count(page.part.total)
    )


def queues_headline(waiting: int) -> str:
    """The first line of all queues: how much is ours to do."""
    if not waiting:
        return gettext("Nothing waits for us")
    return ngettext(
        "%(count)s thing waits for us",
        "%(count)s things wait for us",
        waiting,
        count=format_count(waiting),
    )


def turn_word(item: QueueItem) -> str:
    """Whose turn it is; by name where one is known."""
    if item.turn is Turn.SALES and item.owner:
        return item.owner
    return str(_TURNS[item.turn])


def queue_item_text(item: QueueItem, queue: Queue) -> str:
    """What waits, in a line."""
    return _TEXTS[queue](item)


def _sponsorship(item: QueueItem) -> str:
    return gettext(
        "Asks for %(tier)s as: %(kind)s",
        tier=item.tier_title,
        kind=(item.text or "").replace("_", " "),
    )


def _help(item: QueueItem) -> str:
    who = item.owner or gettext("somebody")
    message = " ".join((item.text or "").split())
    if len(message) > _LONGEST_MESSAGE:
        message = f"{message[:_LONGEST_MESSAGE]}…"
    return f"{who}: {message}"


_LONGEST_MESSAGE = 160


def _act(item: QueueItem) -> str:
    return gettext("%(act)s, asked for by %(name)s", act=item.text, name=item.owner)


def _late_fall(item: QueueItem) -> str:
    assert item.at is not None, "it has a cycle"
    return gettext(
        "%(billed)s licenses billed, %(needed)s needed, in the cycle of %(day)s",
        billed=format_count(item.number or 0),
        needed=format_count(item.other or 0),
        day=format_date(item.at),
    )


def _payment(item: QueueItem) -> str:
    parts = [
        format_money(item.amount or 0, item.currency or "usd"),
        item.owner or gettext("no number yet"),
        item.text or gettext("its day is over"),
    ]
    if item.at is not None:
        parts.append(gettext("next on %(day)s", day=format_date(item.at)))
    return " · ".join(parts)


def _vanished(item: QueueItem) -> str:
    return gettext(
        "%(tier)s goes on; it was on %(server)s", tier=item.tier_title, server=item.owner
    )


def _deal(item: QueueItem) -> str:
    assert item.at is not None and item.what is not None, "it has an end"
    parts = [str(_AGREED[item.what])]
    if item.what is What.DISCOUNT and item.number is not None:
        parts.append(format_percent(item.number))
    elif item.amount is not None:
        parts.append(
            gettext("%(price)s a year", price=format_money(item.amount, item.currency or "usd"))
        )
    if item.tier_title:
        parts.append(item.tier_title)
    parts.append(gettext("ends on %(day)s", day=format_date(item.at)))
    return " · ".join(parts)


def _offer(item: QueueItem) -> str:
    price = format_money(item.amount or 0, item.currency or "usd")
    text = gettext("%(tier)s for %(price)s a year", tier=item.tier_title, price=price)
    parts = [text]
    if item.owner:
        parts.append(gettext("promised by %(name)s", name=item.owner))
    if item.at is not None:
        parts.append(gettext("open until %(day)s", day=format_date(item.at)))
    return " · ".join(parts)


def _stale(item: QueueItem) -> str:
    heard = (
        gettext("never uploaded")
        if item.at is None
        else gettext("last upload on %(day)s", day=format_date(item.at))
    )
    return heard if item.tier_title is None else f"{item.tier_title} · {heard}"


def _transfer(item: QueueItem) -> str:
    assert item.what is not None, "it is one of three"
    return str(_MOVED[item.what]) % {"old": item.owner, "new": item.text}


_TEXTS = {
    Queue.SPONSORSHIPS: _sponsorship,
    Queue.HELP: _help,
    Queue.APPROVALS: _act,
    Queue.LATE_FALLS: _late_fall,
    Queue.PARKED: lambda item: item.text or "",
    Queue.PAYMENTS: _payment,
    Queue.VANISHED: _vanished,
    Queue.UNFINISHED: _act,
    Queue.DEALS: _deal,
    Queue.OFFERS: _offer,
    Queue.STALE: _stale,
    Queue.TRANSFERS: _transfer,
}


def together_said(queue: Queue, done: int, skipped: int) -> str:
    """What became of several things at once."""
    if queue is Queue.PARKED:
        said = ngettext(
            "%(count)s customer is tried again by the next run.",
            "%(count)s customers are tried again by the next run.",
            done,
            count=format_count(done),
        )
    elif queue is Queue.PAYMENTS:
        said = ngettext(
            "%(count)s invoice is charged again with the next delivery.",
            "%(count)s invoices are charged again with the next delivery.",
            done,
            count=format_count(done),
        )
    else:
        said = ngettext(
            "%(count)s request is closed.",
            "%(count)s requests are closed.",
            done,
            count=format_count(done),
        )
    if not skipped:
        return said
    left = ngettext(
        "%(count)s was left alone: it cannot be done for it any more.",
        "%(count)s were left alone: it cannot be done for them any more.",
        skipped,
        count=format_count(skipped),
    )
    return f"{said} {left}"
