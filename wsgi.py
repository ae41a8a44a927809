"""The WSGI entry point: `gunicorn wsgi:app`, and what `flask --app wsgi` finds."""

from app import create_app
from app.demo.environment import join_running_demo

# Commands typed beside a running demo belong to it. Whoever sets anything of a portal of their own,
# as production has to, is left alone.
join_running_demo()

app = create_app()
