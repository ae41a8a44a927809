"""The invoices of a recorded plan, with their lines and how they were paid."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from app.demo.recorded.deals import Fate
from app.demo.recorded.place import Place
from app.demo.recorded.rows import Batch
from app.domain.calendar import cycle_at
from app.domain.dunning import end_of_patience
from app.domain.invoicing import LineDraft, total_of
from app.domain.kinds import Collection, EndReason, InvoiceStatus, LineSource
from app.models.plans import Plan
from app.services.context import Context
from app.services.invoices import LICENSE_LINES


class Bills:
    """Those of one plan. `billed` are the licenses billed so far, by index of the cycle."""

    def __init__(self, ctx: Context, batch: Batch, place: Place, plan: Plan, fate: Fate) -> None:
        self.ctx, self.batch, self.place, self.plan, self.fate = ctx, batch, place, plan, fate
        self.billed: dict[int, int] = {}
        self.count = 0

    def add(
        self,
        lines: Sequence[LineDraft],
        *,
        boundary: datetime,
        purchase_id: int | None = None,
        is_last: bool = False,
    ) -> int:
        """Write an invoice down; returns its id. With a purchase it is what pays for that."""
        plan, is_purchase = self.plan, purchase_id is not None
        occasion = f"purchase:{purchase_id}" if is_purchase else "cycle"
        self.count += 1
        invoice_id = self.batch.add(
            "invoices",
            customer_id=self.place.customer.id,
            boundary=boundary,
            group_key=f"{plan.currency}|{plan.collection.value}|{occasion}",
            purchase_id=purchase_id,
            plan_id=plan.id,
            currency=plan.currency,
            collection=plan.collection,
            total=total_of(lines),
            created_at=boundary,
            **self._payment(boundary, is_unpaid=is_last and self.fate.unpaid, at_once=is_purchase),
        )
        kind = LineSource.PURCHASE if is_purchase else LineSource.PLAN
        tier = self.ctx.catalog.tier(plan.tier)
        for position, line in enumerate(lines):
            line_id = self.batch.add(
                "invoice_lines",
                invoice_id=invoice_id,
                position=position,
                source_kind=kind,
                source_id=plan.id if purchase_id is None else purchase_id,
                plan_id=plan.id,
                kind=line.kind,
                tier=plan.tier,
                description=self.ctx.describe_line(
                    line.kind,
                    tier_title=tier.title,
                    quantity=line.quantity,
                    since=line.period_start,
                    promo=plan.promo_kind,
                ),
                quantity=line.quantity,
                unit_amount=line.unit_amount,
                amount=line.amount,
                period_start=line.period_start,
                period_end=line.period_end,
            )
            for entry_id in line.entry_ids:
                self.batch.tie(line_id=line_id, entry_id=entry_id, role=line.kind)
            if line.kind in LICENSE_LINES:
                index = cycle_at(plan.billing_cycle_anchor, plan.schedule, line.period_start).index
                self.billed[index] = self.billed.get(index, 0) + line.quantity
        return invoice_id

    def _payment(self, boundary: datetime, *, is_unpaid: bool, at_once: bool) -> dict[str, object]:
        """How the invoice stands: paid at once by card, or some days later when it was sent. A plan
        begins with its payment, so that of its purchase is paid `at_once`."""
        now = self.place.now
        made = min(now, boundary + timedelta(minutes=20))
        number = f"TP{self.place.customer.id:06d}-{self.count:04d}"
        sent = self.plan.collection is Collection.SEND_INVOICE
        due = boundary + timedelta(days=self.ctx.catalog.days_until_due) if sent else None
        paid = made + timedelta(
            days=self.place.random.randrange(4, 25) if sent and not at_once else 0
        )
        if not is_unpaid and paid <= now:
            return {
                "status": InvoiceStatus.PAID,
                "number": number,
                "finalized_at": made,
                "due_at": due,
                "paid_at": paid,
            }
        if self.fate.deliver:
            return {"status": InvoiceStatus.DRAFT, "to_deliver": True}
        over = self.fate.ended is EndReason.UNPAID
        return {
            "status": InvoiceStatus.OPEN,
            "number": number,
            "finalized_at": made,
            "due_at": due,
            "next_retry_at": None if over or due is None else end_of_patience(due),
            "failure_code": None if sent else "card_declined",
            "failure_message": None if sent else "Your card was declined.",
            "retries": 2 if over and not sent else 0,
        }
