"""A recorded plan: everything that the engine would have written since it was bought.

Prices, ledger and lines come from the pure rules; only the walk from boundary to boundary and the
payments are told here.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from app.demo.recorded.bills import Bills
from app.demo.recorded.deals import Deal, Fate
from app.demo.recorded.place import Place
from app.demo.recorded.rows import Batch, values_of
from app.domain.calendar import BEFORE, cycle_at, cycle_number, month_boundary, next_month_boundary
from app.domain.discounts import NO_NEW_CUSTOMER_TERMS
from app.domain.invoicing import LineDraft, boundary_lines, first_lines, total_of
from app.domain.kinds import (
    AtCycleEnd,
    Collection,
    EndReason,
    PlanStatus,
    PromoKind,
    PurchaseStatus,
)
from app.domain.ledger import Entry, SeatState, decide_entries
from app.models.plans import Plan
from app.models.purchases import Purchase
from app.services.context import Context
from app.services.offered_price import get_new_customer_terms
from app.services.plan_rules import ledger_rules, plan_terms

# Without an upload for so long, a boundary waits.
STALE_AFTER = timedelta(days=2)


class Story:
    """One plan of a customer, from its purchase until now."""

    def __init__(self, ctx: Context, batch: Batch, place: Place, deal: Deal, fate: Fate) -> None:
        self.ctx, self.batch, self.place, self.deal, self.fate = ctx, batch, place, deal, fate
        self.actor = f"billing_user:{place.owner_id}"
        self.bought = place.now - timedelta(days=deal.bought, hours=place.number % 7 + 1)
        self.entries: list[Entry] = []
        self.plan = self._make_plan()
        self.bills = Bills(ctx, batch, place, self.plan, fate)

    def tell(self) -> Plan:
        """Write everything down; returns the plan."""
        self._buy()
        self._keep_ledger()
        over = self._decide_end()
        while self._take_boundary(over):
            pass
        self._finish(over)
        return self.plan

    def _make_plan(self) -> Plan:
        deal, customer = self.deal, self.place.customer
        catalog = self.ctx.catalog
        tier = catalog.tier(deal.tier)
        price = None
        if deal.fixed_price is None:
            price = tier.price(catalog.currency, deal.schedule)
        staff = None
        if deal.discount is not None and price is not None:
            staff = deal.discount.price_for(price, deal.schedule)
        promo = NO_NEW_CUSTOMER_TERMS
        if deal.coupon is not None:
            promo = deal.coupon
        elif staff is None:
            promo = get_new_customer_terms(catalog, customer, self.place.payer, tier)
        anchor = self.bought + timedelta(days=deal.trial_days)
        in_trial = deal.trial_days > 0 and anchor > self.place.now
        fixed = deal.fixed_price is not None
        return Plan(
            id=self.batch.next_id("plans"),
            customer_id=customer.id,
            tier=deal.tier,
            status=PlanStatus.TRIAL if in_trial else PlanStatus.ACTIVE,
            at_cycle_end=AtCycleEnd.END if fixed else AtCycleEnd.RENEW,
            schedule=deal.schedule,
            currency=catalog.currency,
            price_per_license=price,
            fixed_price=deal.fixed_price,
            discount=deal.discount.percent if deal.discount and staff is not None else None,
            discounted_price=staff,
            discount_ends_at=deal.discount.ends_at if deal.discount and staff is not None else None,
            tier_minimum=tier.minimum_licenses,
            new_customer_months_at_start=promo.months_at_start,
            new_customer_amount=promo.amount,
            new_customer_minimum=promo.minimum,
            promo_kind=promo.kind,
            promo_percent=promo.percent,
            coupon_id=deal.coupon_id,
            offer_id=deal.offer_id,
            license_management=deal.management,
            collection=deal.collection,
            billing_cycle_anchor=anchor,
            trial_start=self.bought if deal.trial_days else None,
            end_date=month_boundary(anchor, 12) if fixed else None,
            invoiced_until=self.bought,
            next_invoice_date=anchor if deal.trial_days else month_boundary(anchor, 1),
            created_at=self.bought,
            ended_at=None,
        )

    def _licenses(self, people: int) -> int:
        if self.deal.fixed_price is not None:
            return max(1, people)
        rules = ledger_rules(self.plan, self.place.customer)
        first = cycle_number(self.plan.billing_cycle_anchor, self.plan.schedule, BEFORE)
        needed = rules.needed(people, first)
        if self.deal.collection is Collection.SEND_INVOICE:
            needed = max(needed, self.ctx.catalog.min_invoiced_licenses)
        return needed + (0 if rules.automatic else self.deal.extra)

    def _buy(self) -> None:
        """The purchase, its invoice (none for a trial by card) and the first entry."""
        plan, place = self.plan, self.place
        people = place.people_at(self.bought)
        licenses = self._licenses(people)
        lines = first_lines(plan_terms(plan), licenses=licenses)
        in_trial = plan.trial_start is not None
        purchase = Purchase(
            id=self.batch.next_id("purchases"),
            customer_id=place.customer.id,
            status=PurchaseStatus.COMPLETED,
            tier=plan.tier,
            schedule=plan.schedule,
            license_management=plan.license_management,
            collection=plan.collection,
            licenses=licenses,
            currency=plan.currency,
            price_per_license=plan.price_per_license,
            fixed_price=plan.fixed_price,
            discount=plan.discount,
            discounted_price=plan.discounted_price,
            discount_ends_at=plan.discount_ends_at,
            promo_kind=plan.promo_kind,
            promo_percent=plan.promo_percent,
            coupon_id=plan.coupon_id,
            offer_id=plan.offer_id,
            trial_end=plan.billing_cycle_anchor if in_trial else None,
            tier_minimum=plan.tier_minimum,
            new_customer_months=plan.new_customer_months_at_start,
            new_customer_amount=plan.new_customer_amount,
            new_customer_minimum=plan.new_customer_minimum,
            people=people,
            known_remote_id=place.order_at(self.bought),
            quote={"total": total_of(lines), "people": people},
            form_nonce=f"recorded-{plan.id}",
            anchor=self.bought,
            created_at=self.bought,
            closed_at=self.bought,
            plan_id=plan.id,
            actor=self.actor,
        )
        self.batch.rows["purchases"].append(values_of(purchase))
        self._add_entry(
            Entry(
                self.bought,
                True,
                licenses,
                licenses,
                order_id=purchase.known_remote_id,
                people=people,
                actor=self.actor,
            )
        )
        self._log("plan.trial_started" if in_trial else "plan.started", tier=plan.tier)
        if in_trial:
            return
        self._use_months(0)
        first = self.entries[0].id
        assert first is not None, "it was just stored"
        tied = [replace(line, entry_ids=(first,)) for line in lines]
        self.bills.add(tied, boundary=self.bought, purchase_id=purchase.id)

    def _keep_ledger(self) -> None:
        """What followed from the uploads, until the end of the plan or now."""
        place, rules = self.place, ledger_rules(self.plan, self.place.customer)
        before = place.states_at(self.bought)
        entries = decide_entries(
            rules,
            stored=self.entries,
            seats={key: SeatState(state.seats) for key, state in before.items()},
            happenings=[row for row in place.rows if row.event_time > self.bought],
            since=self.bought,
            as_of=self._over() or place.now,
        )
        for entry in entries:
            self._add_entry(entry)

    def _over(self) -> datetime | None:
        """When it ended: at the last boundary for an end with the cycle, else some days after."""
        fate, plan = self.fate, self.plan
        if fate.ended is None:
            return None
        anchor, now = plan.billing_cycle_anchor, self.place.now
        cycle = cycle_at(anchor, plan.schedule, now)
        if cycle.index <= 0:
            return now - timedelta(days=2)
        if fate.ended is EndReason.CYCLE_END:
            return cycle.start
        last = cycle_number(anchor, plan.schedule, cycle.index - 1)
        return last.start + timedelta(days=8, hours=3)

    def _decide_end(self) -> datetime | None:
        over, plan = self._over(), self.plan
        if over is not None and self.fate.ended is EndReason.CYCLE_END:
            plan.at_cycle_end, plan.end_date = AtCycleEnd.END, over
        if self.fate.set_to_end and over is None:
            cycle = cycle_at(plan.billing_cycle_anchor, plan.schedule, self.place.now)
            plan.at_cycle_end, plan.end_date = AtCycleEnd.END, cycle.end
            plan.cancellation_reason = self.fate.cancellation
        return over

    def _take_boundary(self, over: datetime | None) -> bool:
        """Invoice one boundary; False when none is due."""
        plan, boundary = self.plan, self.plan.next_invoice_date
        limit = self.place.now if over is None else over
        if boundary is None or boundary > limit or self._is_behind(boundary):
            return False
        if over is not None and boundary >= over:
            plan.ended_at = over
        lines = self._lines_of(boundary)
        if any(line.amount for line in lines):
            last = next_month_boundary(plan.billing_cycle_anchor, boundary) > limit
            invoice_id = self.bills.add(lines, boundary=boundary, is_last=last)
            self._log("plan.invoiced", at=boundary, invoice=invoice_id, total=total_of(lines))
        cycle = cycle_at(plan.billing_cycle_anchor, plan.schedule, boundary)
        if cycle.start == boundary and boundary != over:
            self._use_months(cycle.index)
        plan.invoiced_until = boundary
        plan.settled_through = self.place.arrived_by(boundary)
        following = next_month_boundary(plan.billing_cycle_anchor, boundary)
        if over is not None and boundary >= over:
            plan.next_invoice_date = None
        else:
            plan.next_invoice_date = following if over is None else min(following, over)
        return True

    def _is_behind(self, boundary: datetime) -> bool:
        """Whether a silent server keeps the invoice waiting."""
        plan = self.plan
        if plan.fixed_price is not None or boundary <= self.place.heard_at + STALE_AFTER:
            return False
        if plan.end_date is not None and plan.end_date <= boundary:
            return False
        plan.invoice_deferred_since = boundary
        return True

    def _lines_of(self, boundary: datetime) -> list[LineDraft]:
        return boundary_lines(
            plan_terms(self.plan),
            entries=self.entries,
            billed=self.bills.billed,
            invoiced_until=self.plan.invoiced_until,
            boundary=boundary,
        )

    def _finish(self, over: datetime | None) -> None:
        plan, place = self.plan, self.place
        if over is not None:
            plan.status, plan.ended_at, plan.ended_reason = PlanStatus.ENDED, over, self.fate.ended
            plan.cancellation_reason = self.fate.cancellation
            self._log("plan.ended", at=over, reason=(self.fate.ended or "").lower())
        billed_until = [e.id or 0 for e in self.entries if e.event_time <= plan.invoiced_until]
        plan.invoiced_through = max(billed_until, default=None)
        self.batch.rows["plans"].append(values_of(plan))
        if plan.price_per_license is not None:
            price = plan.price_per_license
            self.batch.add(
                "plan_prices",
                plan_id=plan.id,
                price=price if plan.discounted_price is None else plan.discounted_price,
                list_price=price,
                percent=plan.discount,
                ends_at=plan.discount_ends_at,
                reason="start",
                actor=self.actor,
                recorded_at=plan.created_at,
            )
        if plan.coupon_id is not None:
            self.batch.add(
                "coupon_uses",
                coupon_id=plan.coupon_id,
                customer_id=place.customer.id,
                plan_id=plan.id,
                used_at=self.bought,
            )

    def _use_months(self, index: int) -> None:
        """A billed cycle uses up months of the discount for new customers."""
        plan, customer = self.plan, self.place.customer
        if plan.promo_kind is not PromoKind.NEW_CUSTOMER or plan.fixed_price is not None:
            return
        used = plan_terms(plan).new_customer.months_used_by(index, plan.schedule)
        left = customer.new_customer_months_left
        if index == 0:
            left = plan.new_customer_months_at_start
        if left is not None:
            customer.new_customer_months_left = max(0, left - used)

    def _add_entry(self, entry: Entry) -> None:
        row = next((row for row in self.place.rows if row.id == entry.audit_row_id), None)
        entry_id = self.batch.add(
            "ledger_entries",
            plan_id=self.plan.id,
            event_time=entry.event_time,
            is_renewal=entry.is_renewal,
            licenses=entry.licenses,
            licenses_at_next_renewal=entry.licenses_at_next_renewal,
            people=entry.people,
            order_id=entry.order_id,
            log_entry_id=entry.audit_row_id,
            server_uuid=self.place.server["uuid"] if row else None,
            remote_id=row.remote_id if row else None,
            actor=entry.actor,
            recorded_at=entry.event_time,
        )
        self.entries.append(replace(entry, id=entry_id))

    def _log(self, action: str, *, at: datetime | None = None, **after: object) -> None:
        self.batch.add(
            "audit_entries",
            at=at or self.bought,
            action=action,
            actor="system",
            customer_id=self.place.customer.id,
            after={"plan": self.plan.id, **after},
        )
