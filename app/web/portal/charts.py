"""The plot of the billing page, from its page object."""

from app.services.pages.billing import BillingPage
from app.web.charts import SeatsChart, SeatsPoint, draw_seats


def draw_billing_chart(page: BillingPage) -> SeatsChart | None:
    """People and licenses over the present cycle; None without a plan."""
    plan = page.plan
    if plan is None or not plan.steps:
        return None
    points = [SeatsPoint(step.at, step.people, step.licenses) for step in plan.steps]
    return draw_seats(points, start=plan.cycle_start, end=plan.cycle_end, now=page.now)
