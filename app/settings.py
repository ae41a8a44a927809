"""Settings: one frozen value read from the environment once, checked before anything starts."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from pathlib import Path
from urllib.parse import urlsplit

ROOT = Path(__file__).resolve().parent.parent
DEVELOPMENT_KEY = "demo-only-secret-key-that-production-refuses"
LOOPBACK_HOSTS = frozenset({"127.0.0.1", "localhost", "::1"})
# What the table of staff has room for, and what fits on a button.
LONGEST_ISSUER = 300
LONGEST_PROVIDER_NAME = 40


class SettingsError(Exception):
    """The environment cannot be used; the text names the variable and what is wrong."""


class Environment(StrEnum):
    """Where we run. Production is the default so that nothing for demos is on by accident."""

    DEMO = "demo"
    PRODUCTION = "production"
    TESTING = "testing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything the environment decides. Durations are in seconds, sizes in bytes."""

    env: Environment = Environment.PRODUCTION
    database_url: str = f"sqlite:///{ROOT / 'instance' / 'tallyport.sqlite3'}"
    secret_keys: tuple[str, ...] = ()
    catalog: Path = ROOT / "catalog.toml"
    base_url: str = "http://127.0.0.1:5000"
    stripe_api_base: str | None = None
    stripe_secret_key: str = ""
    stripe_webhook_secret: str = ""
    mail_url: str = ""
    mail_from: str = "Billing <billing@tallyport.test>"
    redis_url: str | None = None
    clock_file: Path | None = None
    emulator_url: str | None = None
    sample_server_url: str | None = None
    check_email_deliverability: bool = False
    allow_private_hosts: bool = False
    extra_ca_file: Path | None = None
    max_upload_bytes: int = 32 * 1024 * 1024
    trusted_proxies: int = 0
    rate_limit_register: str = "30 per hour"
    rate_limit_transfer: str = "30 per hour"
    rate_limit_transfer_address: str = "10 per hour"
    rate_limit_api: str = "1000 per hour"
    rate_limit_pages: str = "600 per minute"
    rate_limit_login_mail: str = "5 per hour"
    rate_limit_server_login: str = "10 per 15 minutes"
    rate_limit_staff_login: str = "10 per 15 minutes"
    rate_limit_coupon: str = "10 per hour"
    rate_limit_help: str = "10 per hour"
    rate_limit_invite: str = "20 per hour"
    rate_limit_unsubscribe: str = "600 per hour"
    rate_limits_enabled: bool = True
    invoice_run_max_per_customer: int = 15
    max_invoice_amount: int = 10_000_000
    staff_require_2fa: bool = True
    # The identity provider of the vendor's own people: all three or none.
    staff_oidc_issuer: str | None = None
    staff_oidc_client_id: str | None = None
    staff_oidc_client_secret: str | None = field(default=None, repr=False)
    staff_oidc_name: str = "single sign-on"
    # What one check of a password costs: argon2's memory in KiB, and its rounds.
    password_memory: int = 65_536
    password_rounds: int = 3

    @property
    def is_demo_like(self) -> bool:
        """Whether demo pages, caught mail and the clock file may exist at all."""
        return self.env is not Environment.PRODUCTION

    @property
    def secure_cookies(self) -> bool:
        """Cookies are Secure whenever the portal is reached over https."""
        return urlsplit(self.base_url).scheme == "https"


_VARIABLES: dict[str, str] = {
    "env": "TALLYPORT_ENV",
    "database_url": "TALLYPORT_DATABASE_URL",
    "secret_keys": "TALLYPORT_SECRET_KEYS",
    "catalog": "TALLYPORT_CATALOG",
    "base_url": "TALLYPORT_BASE_URL",
    "stripe_api_base": "TALLYPORT_STRIPE_API_BASE",
    "stripe_secret_key": "STRIPE_SECRET_KEY",
    "stripe_webhook_secret": "STRIPE_WEBHOOK_SECRET",
    "mail_url": "TALLYPORT_MAIL_URL",
    "mail_from": "TALLYPORT_MAIL_FROM",
    "redis_url": "TALLYPORT_REDIS_URL",
    "clock_file": "TALLYPORT_CLOCK_FILE",
    "emulator_url": "TALLYPORT_EMULATOR_URL",
    "sample_server_url": "TALLYPORT_SAMPLE_SERVER_URL",
    "check_email_deliverability": "CHECK_EMAIL_DELIVERABILITY",
    "allow_private_hosts": "TALLYPORT_ALLOW_PRIVATE_HOSTS",
    "extra_ca_file": "TALLYPORT_EXTRA_CA_FILE",
    "max_upload_bytes": "TALLYPORT_MAX_UPLOAD_BYTES",
    "trusted_proxies": "TALLYPORT_TRUSTED_PROXIES",
    "rate_limit_register": "TALLYPORT_RATE_LIMIT_REGISTER",
    "rate_limit_transfer": "TALLYPORT_RATE_LIMIT_TRANSFER",
    "rate_limit_transfer_address": "TALLYPORT_RATE_LIMIT_TRANSFER_ADDRESS",
    "rate_limit_api": "TALLYPORT_RATE_LIMIT_API",
    "rate_limit_pages": "TALLYPORT_RATE_LIMIT_PAGES",
    "rate_limit_login_mail": "TALLYPORT_RATE_LIMIT_LOGIN_MAIL",
    "rate_limit_server_login": "TALLYPORT_RATE_LIMIT_SERVER_LOGIN",
    "rate_limit_staff_login": "TALLYPORT_RATE_LIMIT_STAFF_LOGIN",
    "rate_limit_coupon": "TALLYPORT_RATE_LIMIT_COUPON",
    "rate_limit_help": "TALLYPORT_RATE_LIMIT_HELP",
    "rate_limit_invite": "TALLYPORT_RATE_LIMIT_INVITE",
    "rate_limit_unsubscribe": "TALLYPORT_RATE_LIMIT_UNSUBSCRIBE",
    "rate_limits_enabled": "TALLYPORT_RATE_LIMITS_ENABLED",
    "invoice_run_max_per_customer": "TALLYPORT_MAX_INVOICES_PER_CUSTOMER_RUN",
    "max_invoice_amount": "TALLYPORT_MAX_INVOICE_AMOUNT",
    "staff_require_2fa": "STAFF_REQUIRE_2FA",
    "staff_oidc_issuer": "STAFF_OIDC_ISSUER",
    "staff_oidc_client_id": "STAFF_OIDC_CLIENT_ID",
    "staff_oidc_client_secret": "STAFF_OIDC_CLIENT_SECRET",
    "staff_oidc_name": "STAFF_OIDC_NAME",
    "password_memory": "TALLYPORT_PASSWORD_MEMORY",
    "password_rounds": "TALLYPORT_PASSWORD_ROUNDS",
}
# Names under which a setting is known, too; the one above wins.
_OTHER_NAMES: dict[str, str] = {"allow_private_hosts": "ALLOW_PRIVATE_HOSTS"}
# In demo and testing a demo month is 720 uploads within a minute.
_GENEROUS_LIMITS = {
    "rate_limit_register": "100000 per minute",
    "rate_limit_transfer": "100000 per minute",
    "rate_limit_transfer_address": "100000 per minute",
    "rate_limit_api": "100000 per minute",
    "rate_limit_pages": "100000 per minute",
    "rate_limit_login_mail": "1000 per minute",
    "rate_limit_server_login": "1000 per minute",
    "rate_limit_staff_login": "1000 per minute",
    "rate_limit_coupon": "1000 per minute",
    "rate_limit_help": "1000 per minute",
    "rate_limit_invite": "1000 per minute",
    "rate_limit_unsubscribe": "100000 per minute",
}


def load_settings(
    environ: Mapping[str, str] | None = None, overrides: Mapping[str, object] | None = None
) -> Settings:
    """Settings from `environ` (default: the process environment) with `overrides` on top.

    Raises SettingsError naming the variable when a value cannot be used, or when production lacks
    a secret it needs.
    """
    environ = os.environ if environ is None else environ
    values: dict[str, object] = {}
    for name, variable in [*_OTHER_NAMES.items(), *_VARIABLES.items()]:
        text = environ.get(variable, "").strip()
        if text:
            values[name] = _parse(name, variable, text)
    if not overrides or "env" not in overrides:
        env = values.get("env", Environment.PRODUCTION)
    else:
        env = Environment(str(overrides["env"]))
    if env is not Environment.PRODUCTION:
        for name, limit in _GENEROUS_LIMITS.items():
            values.setdefault(name, limit)
        values.setdefault("secret_keys", (DEVELOPMENT_KEY,))
        values.setdefault("staff_require_2fa", False)
        if env is Environment.TESTING:
            # Hundreds of logins, and nothing behind them to protect.
            values.setdefault("password_memory", 8)
            values.setdefault("password_rounds", 1)
    elif "check_email_deliverability" not in values:
        values["check_email_deliverability"] = True
    known = {field.name for field in fields(Settings)}
    for name, value in (overrides or {}).items():
        if name in known:
            values[name] = _coerce(name, value)
    settings = Settings(**values)  # type: ignore[arg-type]  # each value was parsed by its field
    _check(settings)
    return settings


def _parse(name: str, variable: str, text: str) -> object:
    try:
        return _coerce(name, text)
    except ValueError as error:
        raise SettingsError(f"{variable}: {error}") from None


def _coerce(name: str, value: object) -> object:
    kind = {field.name: field.type for field in fields(Settings)}[name]
    if name == "secret_keys":
        keys = value.split(",") if isinstance(value, str) else value
        return tuple(str(key).strip() for key in keys if str(key).strip())  # type: ignore[attr-defined]  # a sequence of keys
    if kind is Environment:
        try:
            return Environment(str(value))
        except ValueError:
            raise ValueError(f"must be one of demo, production, testing, not {value!r}") from None
    if kind is bool and isinstance(value, str):
        if value.lower() not in {"0", "1", "true", "false", "on", "off", "yes", "no"}:
            raise ValueError(f"must be on or off, not {value!r}")
        return value.lower() in {"1", "true", "on", "yes"}
    if kind is int and isinstance(value, str):
        if not value.isascii() or not value.isdigit():
            raise ValueError(f"must be a whole number, not {value!r}")
        return int(value)
    if name in {"catalog", "clock_file", "extra_ca_file"} and value is not None:
        return Path(str(value))
    if name == "base_url":
        return str(value).rstrip("/")
    return value


def _check(settings: Settings) -> None:
    """Refuse what would be unsafe. The source is architecture.md and stripe.md of the design."""
    base = urlsplit(settings.base_url)
    if base.scheme not in {"http", "https"} or not base.hostname:
        raise SettingsError("TALLYPORT_BASE_URL: must be an http or https address")
    live_key = settings.stripe_secret_key.startswith(("sk_live_", "rk_live_"))
    api_host = urlsplit(settings.stripe_api_base).hostname if settings.stripe_api_base else None
    if live_key and (settings.is_demo_like or api_host in LOOPBACK_HOSTS):
        raise SettingsError(
            "STRIPE_SECRET_KEY: a live key is refused in demo and testing and with a loopback API"
        )
    if settings.extra_ca_file is not None and not settings.is_demo_like:
        raise SettingsError("TALLYPORT_EXTRA_CA_FILE: exists in demo and testing only")
    if settings.extra_ca_file is not None and not settings.extra_ca_file.is_file():
        raise SettingsError("TALLYPORT_EXTRA_CA_FILE: there is no such file")
    _check_provider(settings)
    if settings.is_demo_like:
        return
    needed = {
        "TALLYPORT_SECRET_KEYS": settings.secret_keys,
        "STRIPE_SECRET_KEY": settings.stripe_secret_key,
        "STRIPE_WEBHOOK_SECRET": settings.stripe_webhook_secret,
        "TALLYPORT_MAIL_URL": settings.mail_url,
    }
    missing = [variable for variable, value in needed.items() if not value]
    if missing:
        raise SettingsError(f"{', '.join(missing)}: needed when TALLYPORT_ENV is production")
    if any(len(key) < 32 or key == DEVELOPMENT_KEY for key in settings.secret_keys):
        raise SettingsError("TALLYPORT_SECRET_KEYS: every key needs at least 32 characters")
    if settings.clock_file is not None:
        raise SettingsError("TALLYPORT_CLOCK_FILE: exists in demo and testing only")
    if base.scheme != "https" and base.hostname not in LOOPBACK_HOSTS:
        raise SettingsError("TALLYPORT_BASE_URL: must be https in production")
    if settings.password_memory < 19_456 or settings.password_rounds < 2:
        raise SettingsError(
            "TALLYPORT_PASSWORD_MEMORY, TALLYPORT_PASSWORD_ROUNDS: at least 19456 and 2"
        )


def _check_provider(settings: Settings) -> None:
    """The identity provider of staff is described completely, or not at all."""
    parts = {
        "STAFF_OIDC_ISSUER": settings.staff_oidc_issuer,
        "STAFF_OIDC_CLIENT_ID": settings.staff_oidc_client_id,
        "STAFF_OIDC_CLIENT_SECRET": settings.staff_oidc_client_secret,
    }
    missing = [variable for variable, value in parts.items() if not value]
    if missing and len(missing) < len(parts):
        raise SettingsError(f"{', '.join(missing)}: needed with the other STAFF_OIDC_ variables")
    if settings.staff_oidc_issuer and not _is_issuer(settings.staff_oidc_issuer):
        raise SettingsError(
            "STAFF_OIDC_ISSUER: must be an https address without query, fragment and user, as the "
            "provider spells it"
        )
    name = settings.staff_oidc_name
    if not name.strip() or len(name) > LONGEST_PROVIDER_NAME or not name.isprintable():
        raise SettingsError(
            f"STAFF_OIDC_NAME: must be one line of at most {LONGEST_PROVIDER_NAME} characters"
        )


def _is_issuer(text: str) -> bool:
    try:
        parts = urlsplit(text)
        has_port = parts.port is None or parts.port > 0
    except ValueError:
        return False
    is_plain = re.fullmatch(r"https://[a-z0-9.\[\]:-]+(/[!-~]*)?", text) is not None
    is_short = len(text) <= LONGEST_ISSUER
    return (
        is_plain and has_port and bool(parts.hostname) and is_short and not set(text) & set("?#@")
    )
