"""How the fake payment provider answers: idempotency keys, and failures on demand."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from app.gateways.payments import (
    CalledInTransaction,
    PaymentsError,
    ProviderBusy,
    ProviderRejected,
    ProviderUnavailable,
)

R = TypeVar("R")
FAULTS = frozenset({"before", "after", "stored", "busy"})


@dataclass(slots=True)
class _Fault:
    """So many failures still to come."""

    method: str
    kind: str
    times: int


class FakeAnswers:
    """Runs one call at a time and remembers the answer of every key."""

    def __init__(self, in_transaction: Callable[[], bool]) -> None:
        self._in_transaction = in_transaction
        self._answers: dict[str, tuple[str, object]] = {}
        self._faults: list[_Fault] = []
        self.lock = threading.RLock()
        self.calls: list[tuple[str, str | None]] = []

    def fail(self, method: str, kind: str, *, times: int) -> None:
        """See `FakePayments.fail`."""
        if kind not in FAULTS:
            raise ValueError(f"unknown kind of fault: {kind}")
        self._faults.append(_Fault(method, kind, times))

    def read(self, method: str, action: Callable[[], R]) -> R:
        """A call that changes nothing. Raises what `action` raises, or a fault."""
        self._enter(method, None)
        with self.lock:
            fault = self._next_fault(method)
            if fault is not None:
                raise _unanswered(fault)
            return action()

    def once(self, method: str, key: str, params: object, action: Callable[[], R]) -> R:
        """Act unless `key` has an answer already; what was answered is stored, failures too."""
        self._enter(method, key)
        with self.lock:
            fault = self._next_fault(method)
            if fault in {"before", "busy"}:
                raise _unanswered(fault)
            answer = self._answer(key, f"{method} {params!r}", action)
            if fault == "stored":
                refusal = ProviderRejected("A stored fault.", code="stored_failure")
                self._answers[key] = (self._answers[key][0], refusal)
            if fault is not None:
                raise _unanswered(fault)
            if isinstance(answer, PaymentsError):
                # A new object each time, so that the stored one collects no tracebacks.
                raise type(answer)(answer.message, code=answer.code)
            return answer  # type: ignore[return-value]  # the same request had this type

    def _answer(self, key: str, request: str, action: Callable[[], object]) -> object:
        if key in self._answers:
            asked, answer = self._answers[key]
            if asked == request:
                return answer
            return ProviderRejected("Another request.", code="idempotency_conflict")
        try:
            answer = action()
        except PaymentsError as error:
            answer = error
        self._answers[key] = (request, answer)
        return answer

    def _enter(self, method: str, key: str | None) -> None:
        if self._in_transaction():
            raise CalledInTransaction
        self.calls.append((method, key))

    def _next_fault(self, method: str) -> str | None:
        for fault in self._faults:
            if fault.method == method and fault.times > 0:
                fault.times -= 1
                return fault.kind
        return None


def _unanswered(kind: str) -> PaymentsError:
    if kind == "busy":
        return ProviderBusy("Too many requests.", code="rate_limit")
    return ProviderUnavailable("No answer.", code="no_answer")
