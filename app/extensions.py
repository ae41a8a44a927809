"""Flask's extensions, unbound; `create_app` binds them."""

from ipaddress import IPv6Address, IPv6Network, ip_address

from flask import request
from flask_babel import Babel
from flask_bootstrap import Bootstrap5
from flask_limiter import Limiter
from flask_login import LoginManager
from flask_migrate import Migrate
from flask_sqlalchemy import SQLAlchemy
from flask_wtf import CSRFProtect

from app.models.base import Base

# The part of an IPv6 address that a provider gives to one household.
HOUSEHOLD = 64


def caller_network() -> str:
    """Who calls, as limits count: an IPv4 address, or the network of an IPv6 address, since whoever
    has one of its 2^64 addresses has them all."""
    text = request.remote_addr or "unknown"
    try:
        address = ip_address(text)
    except ValueError:
        return text
    if not isinstance(address, IPv6Address):
        return text
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(IPv6Network((int(address), HOUSEHOLD), strict=False))


# `db.session` belongs to the request and only reads; units of work open their own.
db = SQLAlchemy(metadata=Base.metadata)
migrate = Migrate(render_as_batch=True)
login_manager = LoginManager()
csrf = CSRFProtect()
limiter = Limiter(key_func=caller_network)
babel = Babel()
bootstrap = Bootstrap5()
