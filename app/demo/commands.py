"""`flask demo ...`."""

from flask.cli import AppGroup

demo_group = AppGroup("demo", help="The demo: portal, Stripe emulator and a sample server.")
