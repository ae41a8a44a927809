"""Puts the rooms together: reads settings and catalog, binds extensions, adds blueprints."""

from importlib import import_module
from typing import Any

import email_validator
from flask import Flask
from sqlalchemy import Engine
from sqlalchemy.orm import sessionmaker
from werkzeug.middleware.proxy_fix import ProxyFix

from app import __version__
from app.clock import Clock, DemoClock, SystemClock
from app.domain.catalog import Catalog, CatalogError, parse_catalog
from app.extensions import babel, bootstrap, csrf, db, limiter, login_manager, migrate
from app.gateways.mail import MailGateway
from app.gateways.oidc import LoginProvider, OpenIdProvider
from app.gateways.outgoing import GuardedClient, OutgoingGateway
from app.gateways.payments import PaymentsGateway
from app.gateways.tokens import TokenGateway
from app.models.engine import prepare_engine
from app.services.context import Context
from app.services.unit_of_work import is_transaction_open
from app.settings import ROOT, Settings, load_settings

BLUEPRINTS = (
    "look",
    "health",
    "login",
    "portal",
    "upgrade",
    "plan",
    "sponsorship",
    "account",
    "mail_choices",
    "usage",
    "support",
    "staff",
    "remotes",
    "webhooks",
    "api_docs",
)
DEMO_BLUEPRINTS = ("demo",)
# Bytes. Nobody types more, and taking millions of fields apart keeps a process busy for seconds.
LARGEST_FORM = 64 * 1024


def build_app(overrides: dict[str, Any]) -> Flask:
    """See `app.create_app`."""
    settings = load_settings(overrides=overrides)
    catalog = read_catalog(settings)
    app = Flask(
        "app",
        root_path=str(ROOT / "app"),
        template_folder=str(ROOT / "templates"),
        static_folder=str(ROOT / "static"),
        instance_path=str(ROOT / "instance"),
    )
    _configure(app, settings)
    # The web modules need the Flask extensions above them to exist; they are imported here.
    from app.web import access, errors, page_time, security, sessions, wording
    from app.web.mails import build_renderer
    from app.web.wordings import adjustments

    db.init_app(app)
    migrate.init_app(app, db, directory=str(ROOT / "migrations"))
    # Before the CSRF check, which reads the Referer and the form.
    security.init_app(app)
    csrf.init_app(app)
    login_manager.init_app(app)
    babel.init_app(app)
    bootstrap.init_app(app)
    with app.app_context():
        engine = db.engine
    write_engine = prepare_engine(engine)
    clock = overrides.get("clock") or _clock(settings)
    app.extensions["tallyport"] = Context(
        settings=settings,
        catalog=catalog,
        clock=clock,
        sessions=sessionmaker(bind=write_engine, expire_on_commit=False),
        payments=overrides.get("payments") or _payments(settings),
        mailer=overrides.get("mailer") or _mailer(settings, build_renderer(app)),
        tokens=TokenGateway(keys=settings.secret_keys, clock=clock),
        outgoing=overrides.get("outgoing") or _outgoing(settings),
        login_provider=overrides.get("login_provider") or _login_provider(settings),
        describe_line=wording.describe_line,
        describe_adjustment=adjustments.describe_adjustment,
    )
    access.init_app(app)
    page_time.init_app(app)
    sessions.init_app(app)
    limiter.init_app(app)
    errors.init_app(app)
    wording.init_app(app)
    names = BLUEPRINTS + (DEMO_BLUEPRINTS if settings.is_demo_like else ())
    for name in names:
        app.register_blueprint(import_module(f"app.web.{name}").blueprint)
    from app.cli import register_commands

    register_commands(app)
    return app


def read_catalog(settings: Settings) -> Catalog:
    """The catalog of these settings. Raises CatalogError."""
    try:
        text = settings.catalog.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise CatalogError(f"{settings.catalog.name}: cannot be read: {error}") from None
    return parse_catalog(text, source=settings.catalog.name)


def _configure(app: Flask, settings: Settings) -> None:
    if settings.database_url.startswith("sqlite") and "instance" in settings.database_url:
        (ROOT / "instance").mkdir(exist_ok=True)
    app.config.update(
        SECRET_KEY=settings.secret_keys[0],
        SECRET_KEY_FALLBACKS=list(settings.secret_keys[1:]),
        SQLALCHEMY_DATABASE_URI=_driver_url(settings.database_url),
        # Of a page's form. Uploads of servers have a limit of their own (app/web/remotes).
        # What a statement that fails held would go into the log with it: names, addresses, hashes.
        SQLALCHEMY_ENGINE_OPTIONS={"hide_parameters": True},
        MAX_CONTENT_LENGTH=min(LARGEST_FORM, settings.max_upload_bytes),
        MAX_FORM_MEMORY_SIZE=LARGEST_FORM,
        TESTING=settings.env == "testing",
        WTF_CSRF_TIME_LIMIT=None,
        RATELIMIT_STORAGE_URI=settings.redis_url or "memory://",
        RATELIMIT_ENABLED=settings.rate_limits_enabled,
        RATELIMIT_DEFAULT=settings.rate_limit_pages,
        RATELIMIT_STRATEGY="fixed-window",
        # Without its Redis the portal counts for each process instead of answering 500.
        RATELIMIT_IN_MEMORY_FALLBACK_ENABLED=settings.redis_url is not None,
        RATELIMIT_HEADERS_ENABLED=False,
        BOOTSTRAP_SERVE_LOCAL=True,
        TALLYPORT=settings,
        VERSION=__version__,
    )
    if settings.trusted_proxies:
        count = settings.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=count, x_proto=count, x_host=count)  # type: ignore[method-assign]  # the documented way to add a middleware
    if settings.is_demo_like:
        # Addresses under .test and .localhost exist only here.
        email_validator.TEST_ENVIRONMENT = True


def _driver_url(url: str) -> str:
    """PostgreSQL is reached through psycopg 3 whatever the address says."""
    for prefix in ("postgresql://", "postgres://"):
        if url.startswith(prefix):
            return "postgresql+psycopg://" + url.removeprefix(prefix)
    return url


def _clock(settings: Settings) -> Clock:
    if settings.is_demo_like and settings.clock_file is not None:
        return DemoClock(settings.clock_file)
    return SystemClock()


def _payments(settings: Settings) -> PaymentsGateway:
    from app.gateways.stripe_gateway import StripeGateway
    from app.web.page_time import has_page_time

    return StripeGateway(
        secret_key=settings.stripe_secret_key or "sk_test_tallyport",
        webhook_secret=settings.stripe_webhook_secret or "whsec_tallyport",
        api_base=settings.stripe_api_base,
        in_transaction=is_transaction_open,
        has_time=has_page_time,
    )


def _outgoing(settings: Settings) -> OutgoingGateway:
    return GuardedClient(
        in_transaction=is_transaction_open,
        allow_private=settings.allow_private_hosts,
        extra_ca_file=settings.extra_ca_file,
        maps_localhost=settings.is_demo_like and settings.allow_private_hosts,
    )


def _login_provider(settings: Settings) -> LoginProvider | None:
    issuer, client_id = settings.staff_oidc_issuer, settings.staff_oidc_client_id
    client_secret = settings.staff_oidc_client_secret
    if not (issuer and client_id and client_secret):
        return None
    # The operator has named this host, which may well stand in their own network.
    client = GuardedClient(
        in_transaction=is_transaction_open,
        allow_private=True,
        extra_ca_file=settings.extra_ca_file,
        maps_localhost=settings.is_demo_like,
    )
    return OpenIdProvider(
        client=client, issuer=issuer, client_id=client_id, client_secret=client_secret
    )


def _mailer(settings: Settings, renderer: Any) -> MailGateway:
    from app.gateways.mail import build_mailer

    return build_mailer(settings, renderer)


__all__ = ["Engine", "build_app", "read_catalog"]
