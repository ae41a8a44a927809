"""The emulator as a process: started by its command, killed, started again on the same file."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
import stripe

from app.stripe_emulator import clock
from tests.emulator.conftest import API_KEY, SECRET, Receiver

ROOT = Path(__file__).resolve().parents[2]


class Process:
    """`python -m app.stripe_emulator` and its address."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        port_file = folder / "port"
        port_file.unlink(missing_ok=True)
        self.process = subprocess.Popen(
            [
                sys.executable, "-m", "app.stripe_emulator", "--port", "0",
                "--store", str(folder / "store.sqlite3"), "--port-file", str(port_file),
                *arguments,
            ],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )  # fmt: skip
        assert self.process.stdout is not None
        self.line = self.process.stdout.readline()
        self.url = f"http://127.0.0.1:{port_file.read_text().strip()}"

    def client(self) -> Any:
        """The SDK; untyped, since a test that reads a field says that it is there."""
        return stripe.StripeClient(
            API_KEY,
            base_addresses={"api": self.url},
            max_network_retries=0,
            http_client=stripe.RequestsClient(timeout=10),
        )

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(timeout=60)

    def terminate(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=60)


@contextmanager
def running(folder: Path, *arguments: str) -> Iterator[Process]:
    process = Process(folder, *arguments)
    try:
        yield process
    finally:
        process.kill()
        assert process.process.stdout is not None
        process.process.stdout.close()


def test_the_command(tmp_path: Path, receiver: Receiver) -> None:
    webhooks = ("--webhook-url", receiver.url, "--webhook-secret", SECRET)
    with running(tmp_path, *webhooks) as process:
        assert process.url in process.line
        customer = process.client().v1.customers.create({"name": "Acme"})
        deadline = time.monotonic() + 60
        while not receiver.events and time.monotonic() < deadline:
            time.sleep(0.02)
        assert receiver.types == ["customer.created"]
        assert process.terminate() == 0
    with running(tmp_path) as process:
        assert process.client().v1.customers.retrieve(customer.id).name == "Acme"


def test_a_killed_emulator_has_done_all_of_a_request_or_nothing(tmp_path: Path) -> None:
    """Payments run while the process is killed; afterwards each is whole, and its key agrees."""
    invoices: list[str] = []
    answers: dict[str, str] = {}
    with running(tmp_path) as process:
        client = process.client()
        customer = client.v1.customers.create({"name": "Acme"}).id
        card = client.v1.payment_methods.attach("pm_card_visa", {"customer": customer}).id
        for _ in range(40):
            draft = client.v1.invoices.create({"customer": customer}).id
            client.v1.invoices.add_lines(draft, {"lines": [{"amount": 4300}]})
            client.v1.invoices.finalize_invoice(draft)
            invoices.append(draft)
    for number, delay in ((1, 0.0), (6, 0.002), (12, 0.004), (18, 0.006)):
        with running(tmp_path) as process:
            client = process.client()

            def pay(client: Any = client) -> None:
                for invoice in [name for name in invoices if name not in answers]:
                    try:
                        paid = client.v1.invoices.pay(
                            invoice, {"payment_method": card}, {"idempotency_key": invoice}
                        )
                    except stripe.APIConnectionError:
                        return
                    answers[invoice] = str(paid.status)

            payer = threading.Thread(target=pay)
            payer.start()
            # While the next one after so many is being paid, sooner or later within it.
            while len(answers) < number and payer.is_alive():
                time.sleep(0.001)
            time.sleep(delay)
            process.kill()
            payer.join(20)
    assert 0 < len(answers) < len(invoices), "the kills came too early or too late to show anything"
    with running(tmp_path) as process:
        client = process.client()
        for invoice in invoices:
            before = client.v1.invoices.retrieve(
                invoice, {"expand": ["payments.data.payment.payment_intent"]}
            )
            intent = before.payments.data[0].payment.payment_intent
            charges = client.v1.charges.list({"payment_intent": intent.id}).data
            whole = before.status == "paid"
            assert (intent.status == "succeeded", len(charges)) == (whole, int(whole))
            assert whole or invoice not in answers
            replayed = client.v1.invoices.pay(
                invoice, {"payment_method": card}, {"idempotency_key": invoice}
            )
            assert replayed.status == "paid"
            replay = replayed.last_response.headers.get("Idempotent-Replayed") == "true"
            assert replay is whole


# --- the clock ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ('{"frozen": "2012-01-02T03:04:05Z"}', 1325473445),
        ('{"frozen": "2012-01-02T03:04:05.999+00:00"}', 1325473445),
        ('{"frozen": "2012-01-02T04:04:05+01:00"}', 1325473445),
        ('{"frozen": "2012-01-02T03:04:05"}', 1325473445),
    ],
)
def test_a_frozen_clock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str, expected: int
) -> None:
    file = tmp_path / "clock.json"
    file.write_text(content)
    monkeypatch.setenv(clock.CLOCK_FILE_VARIABLE, str(file))
    assert clock.now() == expected


@pytest.mark.parametrize(
    "content",
    ["", "[]", "7", '{"frozen": 7}', '{"frozen": "soon"}', '{"offset_seconds": "x"}', "{}", "\x00"],
)
def test_a_broken_clock_file_means_real_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str
) -> None:
    file = tmp_path / "clock.json"
    file.write_text(content)
    monkeypatch.setenv(clock.CLOCK_FILE_VARIABLE, str(file))
    monkeypatch.setattr(clock, "real_now", lambda: 1000)
    assert clock.now() == 1000


def test_the_offset_is_added_and_read_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "clock.json"
    monkeypatch.setenv(clock.CLOCK_FILE_VARIABLE, str(file))
    monkeypatch.setattr(clock, "real_now", lambda: 1000)
    assert clock.now() == 1000
    file.write_text('{"offset_seconds": -100}')
    assert clock.now() == 900
    file.write_text('{"offset_seconds": 86400}')
    assert clock.now() == 87400


def test_it_listens_on_loopback_only(tmp_path: Path) -> None:
    with running(tmp_path) as process:
        assert process.url.startswith("http://127.0.0.1:")
        assert requests.get(f"{process.url}/emulator/", timeout=10).status_code == 200
        listening = Path(f"/proc/{process.process.pid}/net/tcp").read_text().split("\n")[1:]
        port = f":{int(process.url.rpartition(':')[2]):04X}"
        addresses = [line.split()[1] for line in listening if line and line.split()[3] == "0A"]
        assert f"0100007F{port}" in addresses and f"00000000{port}" not in addresses
    assert os.environ.get(clock.CLOCK_FILE_VARIABLE) is None
