"""The only place that commits or rolls back.

`with unit_of_work(ctx) as work:` opens its own session. Claim rows first, then read; nothing is
kept unless `work.commit()` was called. What must happen after the commit (sending a mail) is
registered with `work.after_commit` and runs when the transaction is closed.
"""

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from typing import Any, cast

from sqlalchemy import select, update
from sqlalchemy.orm import Session, sessionmaker

from app.domain.errors import NotFoundError
from app.models.customers import Customer
from app.models.registrations import Server
from app.services.context import Context
from app.services.search_index import bring_up_to_date

_open = threading.local()


def is_transaction_open() -> bool:
    """Whether this thread is inside a unit of work: then no gateway may be called."""
    return getattr(_open, "depth", 0) > 0


class UnitOfWork:
    """One transaction: its session, its present, and what it will do after the commit."""

    def __init__(self, ctx: Context, session: Session, now: datetime) -> None:
        self.ctx = ctx
        self.session = session
        self.now = now
        self._effects: list[Callable[[], None]] = []
        self._committed = False

    def claim_customer(self, customer_id: int) -> Customer:
        """Lock one customer until the end of this unit of work and read it afresh.

        Raises NotFoundError when there is none.
        """
        return self.claim_customers([customer_id])[0]

    def claim_customers(self, customer_ids: Iterable[int]) -> list[Customer]:
        """Lock customers in ascending order of id (so that two runs never deadlock)."""
        claimed = []
        for customer_id in sorted(set(customer_ids)):
            statement = (
                update(Customer)
                .where(Customer.id == customer_id)
                .values(version=Customer.version + 1)
                .returning(Customer.id)
                .execution_options(synchronize_session=False)
            )
            if self.session.execute(statement).first() is None:
                raise NotFoundError("customer")
            fresh = select(Customer).where(Customer.id == customer_id)
            fresh = fresh.execution_options(populate_existing=True)
            claimed.append(self.session.scalars(fresh).unique().one())
        return claimed

    def claim_server(self, server_id: int) -> Server:
        """Lock one server; always before any customer of it. Raises NotFoundError."""
        statement = (
            update(Server)
            .where(Server.id == server_id)
            .values(version=Server.version + 1)
            .returning(Server.id)
            .execution_options(synchronize_session=False)
        )
        if self.session.execute(statement).first() is None:
            raise NotFoundError("server")
        fresh = select(Server).where(Server.id == server_id)
        return self.session.scalars(fresh.execution_options(populate_existing=True)).one()

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Try something out inside this unit of work: whatever is written in it is taken back, and
        everything is read afresh afterwards."""
        with self.session.begin_nested() as nested:
            yield
            self.session.flush()
            nested.rollback()
        self.session.expire_all()

    def after_commit(self, effect: Callable[[], None]) -> None:
        """Run `effect` once this unit of work has been committed and closed."""
        self._effects.append(effect)

    def flush(self) -> None:
        """Send what was changed to the database, so that its constraints speak now."""
        self.session.flush()

    def commit(self) -> None:
        """Keep everything done so far, with what staff find it by. Nothing may be changed
        afterwards."""
        bring_up_to_date(self.session)
        self.session.commit()
        self._committed = True

    def take_effects(self) -> list[Callable[[], None]]:
        """The effects to run; empty when nothing was committed, and in a part of another unit of
        work, which is not kept."""
        is_part = isinstance(self.session, _JoinedSession)
        return self._effects if self._committed and not is_part else []


@contextmanager
def unit_of_work(ctx: Context) -> Iterator[UnitOfWork]:
    """Open a unit of work. It rolls back unless `commit()` was called inside."""
    session = ctx.sessions()
    work = UnitOfWork(ctx, session, ctx.now())
    _open.depth = getattr(_open, "depth", 0) + 1
    try:
        yield work
    finally:
        _open.depth -= 1
        session.rollback()
        session.close()
    for effect in work.take_effects():
        effect()


class _JoinedSession:
    """The session of a unit of work that is open, lent to another: nothing it does is kept or taken
    back before the first one ends."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def __getattr__(self, name: str) -> Any:
        return getattr(self._session, name)

    def commit(self) -> None:
        self._session.flush()

    def rollback(self) -> None:
        self._session.flush()

    def close(self) -> None:
        """The first unit of work closes it."""


def joined(work: UnitOfWork) -> Context:
    """A context whose units of work are parts of `work`: what services do with it and do not keep
    (`dry_run`) can be looked at in `work`, and ends with it."""
    sessions = cast("sessionmaker[Session]", lambda: _JoinedSession(work.session))
    return replace(work.ctx, sessions=sessions)
