"""The wire API: how self-hosted servers talk to the portal. Only here do its names for things
(realm, zulip_org_id) stand; behind the views they are organizations and servers."""

from flask import Blueprint

from app.extensions import csrf

blueprint = Blueprint("remotes", __name__)
# Servers send no cookies, so nothing can be forged in their name; each call carries its key.
csrf.exempt(blueprint)

from app.web.remotes import transfer_views, views  # noqa: E402, F401  # they attach themselves
