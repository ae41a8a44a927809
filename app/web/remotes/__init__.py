"""The wire API: how self-hosted servers talk to the portal. Only here do its names for things
(realm, zulip_org_id) stand; behind the views they are organizations and servers."""

from flask import Blueprint, request

from app.extensions import csrf
from app.web.context import get_context

blueprint = Blueprint("remotes", __name__)
# Servers send no cookies, so nothing can be forged in their name; each call carries its key.
csrf.exempt(blueprint)


@blueprint.before_request
def allow_uploads() -> None:
    """A report of a server is much larger than any form of a page."""
    request.max_content_length = get_context().settings.max_upload_bytes


from app.web.remotes import transfer_views, views  # noqa: E402, F401  # they attach themselves
