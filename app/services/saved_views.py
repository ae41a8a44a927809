"""Searches that somebody of staff keeps under a name; shared ones are everybody's to use."""

from dataclasses import dataclass

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from app.domain.errors import BillingError, NotFoundError
from app.models.staff import SavedView, StaffUser
from app.services.context import Context
from app.services.pages.search_terms import SearchQuery
from app.services.unit_of_work import UnitOfWork, unit_of_work

LONGEST_NAME = 80
MOST_VIEWS = 50


@dataclass(frozen=True, slots=True)
class View:
    """A saved view, as somebody sees it: `owner` is the name of whose it is, None for one's own."""

    id: int
    name: str
    query: SearchQuery
    is_shared: bool
    owner: str | None


def list_views(session: Session, staff_user_id: int) -> list[View]:
    """One's own views by name, then what others share."""
    statement = (
        select(SavedView, StaffUser.full_name, StaffUser.email)
        .join(StaffUser, StaffUser.id == SavedView.staff_user_id)
        .where(or_(SavedView.staff_user_id == staff_user_id, SavedView.is_shared))
        .order_by(SavedView.staff_user_id != staff_user_id, SavedView.name, SavedView.id)
    )
    return [
        View(
            id=view.id,
            name=view.name,
            query=SearchQuery.from_json(view.query),
            is_shared=view.is_shared,
            owner=None if view.staff_user_id == staff_user_id else full_name or email,
        )
        for view, full_name, email in session.execute(statement)
    ]


def load_own_view(session: Session, view_id: int, *, staff_user_id: int) -> View:
    """One of one's own views. Raises NotFoundError, also for those of others."""
    view = _own(session, view_id, staff_user_id)
    query = SearchQuery.from_json(view.query)
    return View(view.id, view.name, query, view.is_shared, None)


def save_view(
    ctx: Context, query: SearchQuery, *, staff_user_id: int, name: str, is_shared: bool
) -> int:
    """Keep a search; returns its id. Raises BillingError `view_name_taken`, `too_many_views`."""
    with unit_of_work(ctx) as work:
        _check_name(work, name, staff_user_id)
        own = select(func.count()).where(SavedView.staff_user_id == staff_user_id)
        if work.session.scalars(own).one() >= MOST_VIEWS:
            raise BillingError("too_many_views", maximum=MOST_VIEWS)
        view = SavedView(
            staff_user_id=staff_user_id,
            name=name,
            query=query.to_json(),
            is_shared=is_shared,
            created_at=work.now,
        )
        work.session.add(view)
        work.flush()
        view_id = view.id
        work.commit()
    return view_id


def change_view(
    ctx: Context, view_id: int, *, staff_user_id: int, name: str, is_shared: bool
) -> None:
    """Rename one's own view, share it or not. Raises NotFoundError, BillingError
    `view_name_taken`."""
    with unit_of_work(ctx) as work:
        view = _own(work.session, view_id, staff_user_id)
        if view.name != name:
            _check_name(work, name, staff_user_id)
        view.name, view.is_shared = name, is_shared
        work.commit()


def delete_view(ctx: Context, view_id: int, *, staff_user_id: int) -> None:
    """Forget one's own view. Raises NotFoundError."""
    with unit_of_work(ctx) as work:
        work.session.delete(_own(work.session, view_id, staff_user_id))
        work.commit()


def _own(session: Session, view_id: int, staff_user_id: int) -> SavedView:
    view = session.get(SavedView, view_id)
    if view is None or view.staff_user_id != staff_user_id:
        raise NotFoundError("saved_view")
    return view


def _check_name(work: UnitOfWork, name: str, staff_user_id: int) -> None:
    taken = select(SavedView.id).where(
        SavedView.staff_user_id == staff_user_id, SavedView.name == name
    )
    if work.session.scalars(taken).first() is not None:
        raise BillingError("view_name_taken")
