"""Values in words for the emulator's own pages and its PDF."""

from datetime import UTC, datetime

# Currencies without a smaller unit: their amounts are whole already.
_WITHOUT_CENTS = {"jpy", "krw", "vnd", "clp"}


def money(amount: int, currency: str) -> str:
    """1234, usd → USD 12.34"""
    sign = "-" if amount < 0 else ""
    whole = abs(amount)
    if currency in _WITHOUT_CENTS:
        return f"{currency.upper()} {sign}{whole:,}"
    return f"{currency.upper()} {sign}{whole // 100:,}.{whole % 100:02d}"


def balance(amount: int, currency: str | None) -> str:
    """-300, usd → USD 3.00 credit; 12, usd → USD 0.12 owed; a dash for neither."""
    if amount == 0:
        return "–"
    words = "credit" if amount < 0 else "owed"
    return f"{money(abs(amount), currency or 'usd')} {words}"


def credit(amount: int, currency: str) -> str:
    """A change of a balance as people read it: -300, usd → USD 3.00; 300 → USD -3.00"""
    return money(-amount, currency)


def balance_change(kind: str) -> str:
    """applied_to_invoice → Applied to invoice"""
    return kind.replace("_", " ").capitalize()


def date(seconds: int | None) -> str:
    """Seconds since 1970 → 2012-02-03 (UTC); a dash for none or for what no calendar holds."""
    if seconds is None:
        return "–"
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d")
    except (ValueError, OverflowError, OSError):
        return "–"


def period(bounds: dict[str, int]) -> str:
    """2012-02-03 to 2012-03-03; nothing for a line that was given none: it begins and ends with
    its own making."""
    if bounds["start"] == bounds["end"]:
        return ""
    return f"{date(bounds['start'])} to {date(bounds['end'])}"


def moment(seconds: int | None) -> str:
    """Seconds since 1970 → 2012-02-03 04:05:06 UTC."""
    if seconds is None:
        return "–"
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    except (ValueError, OverflowError, OSError):
        return "–"


def card(method: dict[str, dict[str, object]]) -> str:
    """Visa ending in 4242, expires 12/2034"""
    shown = method["card"]
    brand = str(shown["brand"]).replace("amex", "American Express").capitalize()
    month = int(str(shown["exp_month"]))
    return f"{brand} ending in {shown['last4']}, expires {month:02d}/{shown['exp_year']}"
