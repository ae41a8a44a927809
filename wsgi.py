"""The WSGI entry point: `gunicorn wsgi:app`, and what `flask --app wsgi` finds."""

from flask.cli import NoAppException

from app import create_app
from app.demo.environment import join_running_demo
from app.domain.catalog import CatalogError
from app.settings import SettingsError

# Commands typed beside a running demo belong to it. Whoever sets anything of a portal of their own,
# as production has to, is left alone.
join_running_demo()

try:
    app = create_app()
except (SettingsError, CatalogError) as error:
    # The command line shows this as one line instead of a trace.
    raise NoAppException(str(error)) from error
