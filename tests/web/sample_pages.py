"""Pages made of every component, for the tests of the look. They exist in tests only."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

from flask import Blueprint, render_template_string, request
from flask_wtf import FlaskForm
from wtforms import (
    BooleanField,
    EmailField,
    IntegerField,
    RadioField,
    SelectField,
    StringField,
    SubmitField,
)
from wtforms.validators import DataRequired, Email, InputRequired, NumberRange

from app.domain.kinds import InvoiceStatus, PlanStatus
from app.web.access import public
from app.web.charts import SeatsChart, SeatsPoint, draw_seats
from app.web.flashes import flash_done, flash_problem, flash_with_link, flash_with_undo
from app.web.look.shell import Tab

START = datetime(2012, 1, 2, 3, 4, 5, tzinfo=UTC)
END = datetime(2012, 2, 2, 3, 4, 5, tzinfo=UTC)
NOW = datetime(2012, 1, 21, 9, 0, 0, tzinfo=UTC)

BILLING = """
{% extends "layouts/portal.html" %}
{% from "components/page.html" import page_header, card, button_link, facts, notice, empty_state %}
{% from "components/words.html" import day, instant, period, money, tag,
   plan_status_tag %}
{% from "components/tables.html" import lines_table, cell, pagination %}
{% from "components/charts.html" import seats_chart, meter %}
{% from "components/forms.html" import post_button %}
{% block title %}Billing{% endblock %}
{% block content %}
{% call page_header("Basic, 23 people. Next charge: $76.85 on 2 February.", "Billing",
   "18 people at the start, 5 added on 4 January.") %}
{{ button_link("#plan", "Change plan") }}
{% endcall %}
{% call notice("Your payment of $43.00 was declined: the card has expired.", "bad",
   "Payment failed") %}
{{ post_button("/sample/form", "Pay $43.00 now", "primary", {"invoice": "7"}) }}
{% endcall %}
{{ notice("We last heard from your server on 19 January.") }}
{% call card("People and licenses", id="seats", note=plan_status_tag(status)) %}
{{ seats_chart(chart) }}
{{ meter(7, 10, "7 of 10 people free", "People") }}
{% endcall %}
{% call card("Next charge", id="next") %}
{% call(line) lines_table(lines, 7685, "usd", "What will be charged") %}
{% if line.why %}<details class="unfold"><summary>Why</summary><p>{{ line.why }}</p></details>
{% endif %}
{% endcall %}
{% endcall %}
{% call card("Plan", id="plan") %}
{{ facts([("Plan", "Basic"), ("Renews", day(end)), ("Payment method",
   "Visa ending 4242, expires 4/2030"), ("Since", instant(start)), ("Price", money(350, "usd"))]) }}
{% endcall %}
{% call card("Invoices", id="invoices") %}
<table class="table-stack">
  <caption class="visually-hidden">Invoices</caption>
  <thead><tr><th scope="col">Date</th><th scope="col">Period</th><th scope="col">State</th>
  <th scope="col" class="numeric">Amount</th></tr></thead>
  <tbody>
  {% for status in invoice_statuses %}
  <tr><th scope="row">{{ day(start) }}</th>
  {% call cell("Period") %}{{ period(start, end) }}{% endcall %}
  {% call cell("State") %}{{ tag(status|invoice_status, status|invoice_tone) }}{% endcall %}
  {% call cell("Amount", numeric=True) %}{{ money(4300, "usd") }}{% endcall %}</tr>
  {% endfor %}
  </tbody>
</table>
{{ pagination(pages) }}
{% endcall %}
{{ empty_state("No invoices yet", "Your first invoice appears here when you choose a plan.",
   "#plan", "See plans") }}
{{ tag("Discount 20 %") }}
{% endblock %}
"""

FORM = """
{% extends "layouts/bare.html" %}
{% from "components/page.html" import page_header, confirm %}
{% from "components/forms.html" import csrf, error_summary, field, radio_cards, submit_button %}
{% block title %}Confirm your login{% endblock %}
{% block content %}
{{ page_header("You are logging in to billing for chat.acme.com") }}
{{ error_summary(form) }}
<form method="post" novalidate>
  {{ csrf() }}
  {{ field(form.email, "We send a link to this address.") }}
  {{ field(form.full_name) }}
  {{ field(form.country) }}
  {{ field(form.licenses, suffix="licenses") }}
  {{ field(form.budget, prefix="$") }}
  {{ radio_cards(form.schedule, {"monthly": "Renews on 2 February", "annual":
     "Renews on 2 January 2013"}, {"monthly": "$43.00", "annual": "$516.00"}) }}
  {{ field(form.tos) }}
  <div class="form-actions">{{ submit_button("Continue", name="go", value="1") }}</div>
</form>
{% call confirm("/sample/form", ["Basic for chat.acme.com ends on 2 February 2012.",
   "23 people lose mobile notifications then."], "End plan", "/sample/billing", "Keep Basic") %}
<p>You can take this back until 2 February.</p>
{% endcall %}
{% endblock %}
"""


class SampleForm(FlaskForm):
    """One field of each kind."""

    email = EmailField("Email address", validators=[DataRequired(), Email()])
    full_name = StringField("Full name", validators=[DataRequired()])
    country = SelectField("Country", choices=[("us", "United States"), ("de", "Germany")])
    licenses = IntegerField(
        "Licenses",
        description="At least 23, one for each of your people.",
        validators=[InputRequired(), NumberRange(min=23, message="Choose at least 23 licenses.")],
    )
    budget = StringField("Budget")
    schedule = RadioField(
        "How often do you want to pay?",
        choices=[("monthly", "Monthly"), ("annual", "Annual")],
        validators=[DataRequired()],
    )
    tos = BooleanField(
        "I agree to the Terms of Service",
        description="Version 1.0 of 2 January 2012.",
        validators=[DataRequired(message="Agree to the Terms of Service to go on.")],
    )
    go = SubmitField()


@dataclass(frozen=True)
class Line:
    description: str
    quantity: int
    unit_amount: int
    amount: int
    why: str | None = None
    period_start: datetime | None = START
    period_end: datetime | None = END


LINES = [
    Line("5 licenses added on 4 January", 5, 327, 1635, "18 people became 23 on 4 January 2012."),
    Line("Basic - renewal", 23, 350, 8050),
    Line("New customer discount", 1, -2000, -2000),
]


def sample_chart() -> SeatsChart:
    return draw_seats(
        [
            SeatsPoint(START, 18, 18),
            SeatsPoint(START + timedelta(days=2), 23, 23),
            SeatsPoint(START + timedelta(days=9), 21, 23),
            SeatsPoint(START + timedelta(days=14), 26, 26),
        ],
        start=START,
        end=END,
        now=NOW,
    )


def sample_blueprint() -> Blueprint:
    """The sample pages under /sample/."""
    blueprint = Blueprint("sample", __name__)
    frame: dict[str, Any] = {
        "identity": SimpleNamespace(
            host="chat.acme.com", full_name="Cordelia Lear", email="cordelia@acme.com"
        ),
        "tabs": [
            Tab("Billing", "/sample/billing", True),
            Tab("Plans", "#plan", False),
            Tab("Invoices", "#invoices", False),
        ],
        "logout_url": "/sample/form",
    }

    @blueprint.get("/sample/billing")
    @public
    def billing() -> str:
        return render_template_string(
            BILLING,
            **frame,
            chart=sample_chart(),
            lines=LINES,
            start=START,
            end=END,
            status=PlanStatus.ACTIVE,
            invoice_statuses=list(InvoiceStatus),
            pages={"previous_url": "#plan", "next_url": "#next", "text": "11 to 20 of 25"},
        )

    @blueprint.route("/sample/form", methods=["GET", "POST"])
    @public
    def form() -> str:
        shown = SampleForm()
        if request.method == "POST":
            shown.validate()
        return render_template_string(FORM, form=shown)

    @blueprint.get("/sample/flashes")
    @public
    def flashes() -> str:
        flash_with_undo("Your plan will end on 2 February.", "/sample/form", "Undo")
        flash_with_link("Invoice paid.", "/sample/billing", "See it")
        flash_problem("Your card was declined.")
        flash_done("Saved.")
        return render_template_string(FORM, form=SampleForm())

    return blueprint
