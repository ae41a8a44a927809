"""The services' context, as views reach it."""

from typing import cast

from flask import current_app
from sqlalchemy.orm import Session

from app.extensions import db
from app.services.context import Context


def get_context() -> Context:
    """The context of the running application."""
    return cast(Context, current_app.extensions["tallyport"])


def get_read_session() -> Session:
    """The request's session: it only reads and ends with the request."""
    return cast(Session, db.session())


def get_fresh_read_session() -> Session:
    """The same, forgetting what it has read: for a page that is shown after something was written."""
    session = get_read_session()
    session.close()
    return session
