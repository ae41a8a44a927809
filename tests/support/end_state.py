"""What a run has come to, in our database and at the provider, without ids that may differ.

Two runs that did the same have equal end states: rows are named by what they mean (the customer's
UUID, the boundary, the period), and numbers that a killed run used up make no difference.
"""

import re
from collections import Counter
from typing import Any

from sqlalchemy import Connection, NullPool, create_engine, text

from app.stripe_emulator.server import Handle
from app.stripe_emulator.store import Filters

Row = dict[str, Any]
# Our references in the provider's metadata (docs/rules/payments.md).
INVOICE_REFERENCE, LINE_REFERENCE = "tallyport_invoice", "tallyport_line"
CUSTOMER_REFERENCE = "tallyport_customer"


def end_state(url: str, emulator: Handle) -> dict[str, Any]:
    """Everything that has to be the same. `unsound` lists what must never be; it should be empty."""
    engine = create_engine(url, poolclass=NullPool)
    with engine.connect() as connection:
        ours = _Ours(connection)
    theirs = _Theirs(emulator, ours)
    state = ours.state() | theirs.state()
    state["unsound"] = [*ours.unsound(), *theirs.unsound()]
    return state


class _Ours:
    """Our tables, read once."""

    def __init__(self, connection: Connection) -> None:
        def rows(table: str, order: str = "id") -> list[Row]:
            found = connection.execute(text(f"SELECT * FROM {table} ORDER BY {order}"))
            return [{k: _plain(v) for k, v in row._mapping.items()} for row in found]

        self.customers = {row["id"]: row for row in rows("customers")}
        self.purchases = {row["id"]: row for row in rows("purchases")}
        self.plans = {row["id"]: row for row in rows("plans")}
        self.entries = {row["id"]: row for row in rows("ledger_entries")}
        self.invoices = {row["id"]: row for row in rows("invoices")}
        self.lines = {row["id"]: row for row in rows("invoice_lines")}
        self.links = rows("invoice_line_entries", "line_id, entry_id")
        self.mails = rows("mails")
        self.events = rows("webhook_events")
        self.audit = rows("audit_entries")

    def customer(self, row: Row) -> str:
        return str(self.customers[row["customer_id"]]["uuid"])

    def plan(self, plan_id: int) -> str:
        row = self.plans[plan_id]
        return f"{self.customer(row)} plan of {row['billing_cycle_anchor']}"

    def entry(self, entry_id: int) -> str:
        row = self.entries[entry_id]
        what = "renewal" if row["is_renewal"] else "change"
        return f"{self.plan(row['plan_id'])} {what} {row['event_time']} {row['order_id']}"

    def purchase(self, purchase_id: int) -> str:
        return str(self.purchases[purchase_id]["form_nonce"])

    def invoice(self, invoice_id: int) -> str:
        row = self.invoices[invoice_id]
        group = row["group_key"]
        if row["purchase_id"] is not None:
            group = group.replace(f":{row['purchase_id']}", f":{self.purchase(row['purchase_id'])}")
        return f"{self.customer(row)} {row['boundary']} {group}"

    def line(self, line_id: int) -> str:
        row = self.lines[line_id]
        return f"{self.invoice(row['invoice_id'])} {row['position']} {row['kind']}"

    def state(self) -> dict[str, Any]:
        """Our half of the end state."""
        return {
            "customers": sorted(
                (row["uuid"], row["parked_reason"], row["new_customer_months_left"])
                for row in self.customers.values()
            ),
            "purchases": sorted(
                (row["form_nonce"], row["status"], row["failure_code"], row["plan_id"] is not None)
                for row in self.purchases.values()
            ),
            "plans": sorted(
                (
                    self.plan(row["id"]),
                    *_pick(row, "tier status schedule next_invoice_date invoiced_until"),
                    self.entry(row["invoiced_through"]) if row["invoiced_through"] else None,
                )
                for row in self.plans.values()
            ),
            "entries": sorted(
                (
                    self.entry(row["id"]),
                    *_pick(row, "licenses licenses_at_next_renewal people remote_id actor"),
                )
                for row in self.entries.values()
            ),
            "invoices": sorted(
                (self.invoice(row["id"]), *_pick(row, "status total currency failure_code"))
                for row in self.invoices.values()
            ),
            "lines": sorted(
                (
                    self.line(row["id"]),
                    *_pick(row, "quantity unit_amount amount period_start period_end"),
                )
                for row in self.lines.values()
            ),
            "links": sorted(
                (self.line(row["line_id"]), self.entry(row["entry_id"]), row["role"])
                for row in self.links
            ),
            # A mail that is not about money is marked before it leaves, so it may get lost.
            "mails": sorted(
                (
                    re.sub(r"\d+", "#", row["event_key"]),
                    row["recipient"],
                    row["sent_at"] is not None,
                    str(row["caught_subject"]) if row["about_money"] else "any",
                )
                for row in self.mails
            ),
            "audit": sorted(
                Counter(
                    (self.customer(row) if row["customer_id"] else "-", row["action"])
                    for row in self.audit
                ).items()
            ),
        }

    def unsound(self) -> list[str]:
        """What no end may leave behind."""
        found = [
            f"{name} {row['id']} is still claimed by {row['claimed_by']}"
            for name, rows in (
                ("invoice", self.invoices.values()),
                ("purchase", self.purchases.values()),
                ("mail", self.mails),
                ("event", self.events),
            )
            for row in rows
            # A lost mail was marked as sent, so nobody looks at its lease any more.
            if row["claimed_by"] is not None and not row.get("sent_at")
        ]
        found += [
            f"{self.invoice(row['id'])} still waits for delivery"
            for row in self.invoices.values()
            if row["to_deliver"]
        ]
        found += [
            f"event {row['provider_event_id']} was not handled: {row['last_error']}"
            for row in self.events
            if row["handled_at"] is None
        ]
        found += [
            f"mail {row['event_key']} was not sent: {row['last_error']}"
            for row in self.mails
            if row["sent_at"] is None
        ]
        for row in self.invoices.values():
            lines = [line for line in self.lines.values() if line["invoice_id"] == row["id"]]
            if sum(line["amount"] for line in lines) != row["total"]:
                found.append(f"the lines of {self.invoice(row['id'])} do not sum to its total")
        return found


class _Theirs:
    """The emulator's objects."""

    def __init__(self, emulator: Handle, ours: _Ours) -> None:
        self._ours = ours
        with emulator.store.transaction() as tx:
            self.customers = tx.select("customer", Filters(), oldest_first=True)
            self.invoices = tx.select("invoice", Filters(), oldest_first=True)
            self.lines = tx.select("line_item", Filters(), oldest_first=True)
            self.intents = tx.select("payment_intent", Filters(), oldest_first=True)
            self.charges = tx.select("charge", Filters(), oldest_first=True)
            self.items = {
                invoice["id"]: tx.select(
                    "line_item", Filters(parent=invoice["id"]), oldest_first=True
                )
                for invoice in self.invoices
            }

    def state(self) -> dict[str, Any]:
        """The provider's half of the end state."""
        return {
            "provider's customers": sorted(
                doc["metadata"].get(CUSTOMER_REFERENCE, "") for doc in self.customers
            ),
            "provider's invoices": sorted(
                (
                    self._name(doc),
                    doc["status"],
                    doc["total"],
                    doc["amount_paid"],
                    doc["number"] is not None,
                )
                for doc in self.invoices
            ),
            "provider's lines": sorted(
                (self._line_name(line), line["amount"], line["quantity"], *_period(line))
                for lines in self.items.values()
                for line in lines
            ),
            "provider's money": sorted(
                (charge["customer"], charge["amount"])
                for charge in self.charges
                if charge["status"] == "succeeded"
            ),
        }

    def _name(self, doc: Row) -> str:
        reference = doc["metadata"].get(INVOICE_REFERENCE, "")
        known = reference.isdigit() and int(reference) in self._ours.invoices
        return self._ours.invoice(int(reference)) if known else f"stray {doc['id']}"

    def _line_name(self, line: Row) -> str:
        reference = line["metadata"].get(LINE_REFERENCE, "")
        known = reference.isdigit() and int(reference) in self._ours.lines
        return self._ours.line(int(reference)) if known else f"stray {line['id']}"

    def unsound(self) -> list[str]:
        """Where the two sides contradict each other."""
        found = []
        by_id = {doc["id"]: doc for doc in self.invoices}
        for row in self._ours.invoices.values():
            name = self._ours.invoice(row["id"])
            twins = [doc for doc in self.invoices if self._name(doc) == name]
            if len(twins) > 1:
                found.append(f"{name} exists {len(twins)} times at the provider")
            doc = by_id.get(row["stripe_invoice_id"] or "")
            if doc is None:
                # A draft that was deleted there is void here.
                if row["status"] != "void":
                    found.append(f"{name} is {row['status']} and unknown to the provider")
            elif (doc["status"], doc["total"]) != (row["status"], row["total"]):
                found.append(f"{name}: {row['status']} here, {doc['status']} there")
        found += [f"{self._name(doc)} at the provider" for doc in self.invoices if self._stray(doc)]
        for intent in self.intents:
            paid = [
                charge
                for charge in self.charges
                if charge["payment_intent"] == intent["id"] and charge["status"] == "succeeded"
            ]
            if len(paid) > 1:
                found.append(f"{intent['id']} was charged {len(paid)} times")
        return found

    def _stray(self, doc: Row) -> bool:
        return self._name(doc).startswith("stray")


def _period(line: Row) -> tuple[Any, Any]:
    return line["period"]["start"], line["period"]["end"]


def _pick(row: Row, names: str) -> list[Any]:
    return [row[name] for name in names.split()]


def _plain(value: Any) -> Any:
    """Comparable and printable on both databases."""
    return value if value is None or isinstance(value, bool | int) else str(value)
