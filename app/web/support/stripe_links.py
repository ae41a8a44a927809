"""Addresses of what the payment provider has, on its own dashboard."""

from app.settings import Settings

_DASHBOARD = "https://dashboard.stripe.com"
_TEST_KEYS = ("sk_test_", "rk_test_")


def stripe_url(settings: Settings, kind: str, stripe_id: str | None) -> str | None:
    """Where staff see a `kind` ("customers", "invoices") at the provider; None without an id.

    The stand-in of demo and testing has one page for all of it.
    """
    if not stripe_id:
        return None
    if settings.is_demo_like and settings.stripe_api_base:
        return f"{settings.stripe_api_base.rstrip('/')}/emulator/"
    part = "/test" if settings.stripe_secret_key.startswith(_TEST_KEYS) else ""
    return f"{_DASHBOARD}{part}/{kind}/{stripe_id}"
