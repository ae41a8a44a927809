"""Words about what was agreed with a customer, for staff."""

from flask_babel import gettext

from app.web.wording import Message, format_money, format_percent

MESSAGES: dict[str, Message] = {}


def discount_off(
    currency: str, *, percent: int | None, monthly: int | None, annual: int | None
) -> str:
    """What is taken off, to stand before the name of a tier; cents, hundredths of a percent."""
    if percent is not None:
        return gettext("%(percent)s off", percent=format_percent(percent))
    prices = []
    if monthly is not None:
        price = format_money(monthly, currency)
        prices.append(gettext("%(price)s for a license and month of", price=price))
    if annual is not None:
        price = format_money(annual, currency)
        prices.append(gettext("%(price)s for a license and year of", price=price))
    return gettext(" or ").join(prices)
