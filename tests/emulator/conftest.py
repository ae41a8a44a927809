"""A running emulator, the real SDK in front of it, and a receiver of webhooks behind it.

Every answer that the SDK gets in a test of this folder is held against the SDK's own types when
the test ends, and so is every event; a test needs to do nothing for it.
"""

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests
import stripe

from app.stripe_emulator.server import Handle, start_in_thread
from tests.emulator.conformance import check_error, check_object, check_request

SECRET = "whsec_emulator_tests"
API_KEY = "sk_test_emulator"


@dataclass
class Exchange:
    """One answer as it came over the wire."""

    method: str
    url: str
    status: int
    body: dict[str, Any]
    headers: dict[str, str]


@dataclass
class RecordingClient:
    """The SDK's own HTTP client, with a note of each answer."""

    seen: list[Exchange] = field(default_factory=list)

    def make(self) -> stripe.HTTPClient:
        seen = self.seen

        class Client(stripe.RequestsClient):
            def request(self, method: str, url: str, *args: Any, **options: Any) -> Any:
                content, status, headers = super().request(method, url, *args, **options)
                seen.append(Exchange(method, url, status, json.loads(content), dict(headers)))
                return content, status, headers

        return Client(timeout=10)


@dataclass
class Receiver:
    """A webhook endpoint that verifies with the SDK and answers with `status`."""

    url: str = ""
    status: int = 200
    events: list[stripe.Event] = field(default_factory=list)
    refused: int = 0
    during: Callable[[stripe.Event], None] | None = None

    @property
    def types(self) -> list[str]:
        return [event.type for event in self.events]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    found = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            try:
                event = stripe.Webhook.construct_event(
                    body, self.headers["Stripe-Signature"], SECRET
                )
            except stripe.SignatureVerificationError:
                found.refused += 1
                self._answer(400)
                return
            found.events.append(event)
            if found.during is not None:
                found.during(event)
            self._answer(found.status)

        def _answer(self, status: int) -> None:
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found.url = f"http://127.0.0.1:{server.server_port}/webhooks/stripe/"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield found
    server.shutdown()
    server.server_close()


@pytest.fixture
def clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Freezes the emulator's time: `clock("2012-01-02T03:04:05Z")`."""
    path = tmp_path / "clock.json"
    monkeypatch.setenv("TALLYPORT_CLOCK_FILE", str(path))

    def freeze(moment: str) -> None:
        path.write_text(json.dumps({"frozen": moment}))

    freeze("2012-01-02T03:04:05Z")
    return freeze


@pytest.fixture
def emulator(clock: Callable[[str], None]) -> Iterator[Handle]:
    """An emulator at 2012-01-02 03:04:05 that sends webhooks only when told to."""
    with start_in_thread(background=False) as handle:
        yield handle


@pytest.fixture
def recorder() -> RecordingClient:
    return RecordingClient()


@pytest.fixture
def client(emulator: Handle, recorder: RecordingClient) -> Iterator[stripe.StripeClient]:
    """The real SDK, pointed at the emulator, without retries of its own."""
    yield stripe.StripeClient(
        API_KEY,
        base_addresses={"api": emulator.url},
        max_network_retries=0,
        http_client=recorder.make(),
    )
    problems = [problem for exchange in recorder.seen for problem in check_exchange(exchange)]
    logged = requests.get(f"{emulator.url}/_control/requests", timeout=10).json()["requests"]
    for entry in logged:
        if entry["status"] < 400:
            problems += check_request(entry["method"], entry["path"], entry["params"])
    problems += check_all_events(emulator)
    assert problems == []


def check_exchange(exchange: Exchange) -> list[str]:
    """What does not fit in one answer."""
    if exchange.status >= 400:
        return [f"{exchange.url}: {problem}" for problem in check_error(exchange.body)]
    return [f"{exchange.url}: {problem}" for problem in check_object(exchange.body)]


def check_all_events(emulator: Handle) -> list[str]:
    """What does not fit in the events of a whole test."""
    if not emulator._thread.is_alive():
        return []
    problems: list[str] = []
    url = f"{emulator.url}/v1/events?limit=100"
    cursor = ""
    while True:
        page = requests.get(url + cursor, auth=(API_KEY, ""), timeout=10).json()
        problems += check_object(page)
        if not page["has_more"]:
            return problems
        cursor = f"&starting_after={page['data'][-1]['id']}"


@dataclass
class Shop:
    """Short ways to what most tests begin with.

    What comes back is untyped: nearly every field of the SDK's classes may be None, and a test that
    reads one says by that that it is not.
    """

    client: stripe.StripeClient
    url: str

    @property
    def v1(self) -> Any:
        return self.client.v1

    def customer(self, card: str | None = "pm_card_visa", **params: Any) -> Any:
        """A customer, with this test card as the default."""
        customer = self.v1.customers.create({"name": "Acme", "email": "a@acme.test", **params})
        if card is not None:
            method = self.v1.payment_methods.attach(card, {"customer": customer.id})
            settings = {"default_payment_method": method.id}
            customer = self.v1.customers.update(customer.id, {"invoice_settings": settings})
        return customer

    def draft(self, customer: str, *amounts: int, **params: Any) -> Any:
        """A draft with one line for each amount."""
        invoice = self.v1.invoices.create(
            {
                "customer": customer,
                "auto_advance": False,
                "pending_invoice_items_behavior": "exclude",
                **params,
            }
        )
        if amounts:
            lines = [{"amount": amount, "description": f"Line {amount}"} for amount in amounts]
            invoice = self.v1.invoices.add_lines(invoice.id, {"lines": lines})
        return invoice

    def open(self, customer: str, *amounts: int, **params: Any) -> Any:
        """A finalized invoice."""
        draft = self.draft(customer, *amounts, **params)
        return self.v1.invoices.finalize_invoice(draft.id)

    def event_types(self) -> list[str]:
        """Types of all events so far, oldest first."""
        found = self.v1.events.list({"limit": 100})
        return [event.type for event in reversed(found.data)]

    def control(self, path: str, **body: Any) -> dict[str, Any]:
        """A call of the control API that must succeed."""
        answer = requests.post(f"{self.url}/_control/{path}", json=body, timeout=30)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def state(self) -> dict[str, Any]:
        """The control API's summary."""
        found: dict[str, Any] = requests.get(f"{self.url}/_control/state", timeout=10).json()
        return found


@pytest.fixture
def shop(client: stripe.StripeClient, emulator: Handle) -> Shop:
    return Shop(client, emulator.url)
