"""The search for customers: its page, the file of everything that was found, saved views."""

from collections.abc import Iterator

from flask import redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import BooleanField, StringField
from wtforms.validators import InputRequired, Length

from app.domain.kinds import CustomerKind, StaffRole
from app.services.pages.search import find_customers, iterate_found
from app.services.pages.search_rows import SearchRow
from app.services.pages.search_terms import CustomerState, Flag, SearchSort
from app.services.saved_views import (
    LONGEST_NAME,
    change_view,
    delete_view,
    list_views,
    load_own_view,
    save_view,
)
from app.web.access import staff
from app.web.context import get_context, get_read_session
from app.web.csv_files import Cell, amount, csv_name, csv_response
from app.web.flashes import flash_done
from app.web.forms import clean_text, form_view
from app.web.paging import pages_of
from app.web.sessions import current_staff
from app.web.support import blueprint
from app.web.support.addresses import customer_address
from app.web.support.search_choice import asked_query, in_address
from app.web.wordings import search as words

VIEW = "/views/<int(max=9223372036854775807):view_id>"
COLUMNS = (
    "kind",
    "name",
    "host",
    "server",
    "uuid",
    "plan",
    "schedule",
    "state",
    "people",
    "licenses",
    "monthly_amount",
    "currency",
    "next_invoice",
    "ends",
    "last_upload",
    "no_recent_upload",
    "parked",
    "discount",
)

for word in (
    words.customer_state_word,
    words.customer_state_tone,
    words.search_flag_word,
    words.search_sort_word,
    words.search_headline,
    words.found_kind_word,
    words.found_name,
    words.found_heard,
):
    blueprint.add_app_template_filter(word)
blueprint.add_app_template_global(customer_address)


class ViewForm(FlaskForm):
    """A view's name, and whether others see it."""

    name = StringField(
        _l("Name of the view"),
        filters=[clean_text],
        validators=[InputRequired(_l("Give the view a name.")), Length(max=LONGEST_NAME)],
    )
    is_shared = BooleanField(_l("Share it with everybody of staff"))


@blueprint.get("/")
@staff(StaffRole.READ_ONLY)
def search() -> ResponseReturnValue:
    """Every server and organization, or those that the address asks for."""
    ctx, session = get_context(), get_read_session()
    query = asked_query(ctx.catalog)
    page = find_customers(session, query, catalog=ctx.catalog, now=ctx.now())
    kept = in_address(query)
    return render_template(
        "support/search.html",
        page=page,
        kept=kept,
        pages=pages_of("support.search", page.part, **kept),
        views=[
            (view, url_for("support.search", **in_address(view.query)))
            for view in list_views(session, _person())
        ],
        tiers=list(ctx.catalog.tiers.values()),
        states=list(CustomerState),
        flags=list(Flag),
        kinds=list(CustomerKind),
        sorts=list(SearchSort),
    )


@blueprint.get("/customers.csv")
@staff(StaffRole.READ_ONLY)
def search_csv() -> ResponseReturnValue:
    """Everything that was found, on all pages, as a file for a spreadsheet."""
    ctx = get_context()
    query, now = asked_query(ctx.catalog), ctx.now()

    def read_rows() -> Iterator[list[Cell]]:
        session = get_read_session()
        for row in iterate_found(session, query, catalog=ctx.catalog, now=now):
            yield list(_cells(row))

    return csv_response(COLUMNS, read_rows, file_name=csv_name("customers", "", now))


def _cells(row: SearchRow) -> Iterator[Cell]:
    """One customer in the order of COLUMNS."""
    yield from (row.kind, row.name, row.host, row.server_host, row.uuid)
    yield from (row.tier_title, row.schedule, row.state, row.people, row.licenses)
    yield None if row.monthly is None else amount(row.monthly)
    yield from (row.currency.upper(), row.next_invoice_at, row.ends_at, row.heard_at)
    for is_so in (row.is_stale, row.is_parked, row.has_discount):
        yield "yes" if is_so else "no"


def _person() -> int:
    person = current_staff()
    assert person is not None, "the view is for staff only"
    return person.staff_user_id


# --- saved views ---


def _make_view_form() -> FlaskForm:
    return ViewForm()


def _show_save(form: FlaskForm) -> ResponseReturnValue:
    query = asked_query(get_context().catalog)
    return render_template("support/view_save.html", form=form, kept=in_address(query), query=query)


@blueprint.route("/views/save/", methods=["GET", "POST"])
@staff(StaffRole.READ_ONLY)
@form_view(_make_view_form, _show_save, fields={"view_name_taken": "name"})
def save_search(form: ViewForm) -> ResponseReturnValue:
    """Keep the search of the address under a name."""
    ctx = get_context()
    query = asked_query(ctx.catalog)
    save_view(
        ctx,
        query,
        staff_user_id=_person(),
        name=str(form.name.data),
        is_shared=bool(form.is_shared.data),
    )
    flash_done(gettext("The view is saved."))
    return redirect(url_for("support.search", **in_address(query)), code=303)


def _make_change_form(view_id: int) -> FlaskForm:
    view = load_own_view(get_read_session(), view_id, staff_user_id=_person())
    return ViewForm(name=view.name, is_shared=view.is_shared)


def _show_change(form: FlaskForm, view_id: int) -> ResponseReturnValue:
    view = load_own_view(get_read_session(), view_id, staff_user_id=_person())
    return render_template(
        "support/view.html",
        form=form,
        view=view,
        search_url=url_for("support.search", **in_address(view.query)),
    )


@blueprint.route(f"{VIEW}/", methods=["GET", "POST"])
@staff(StaffRole.READ_ONLY)
@form_view(_make_change_form, _show_change, fields={"view_name_taken": "name"})
def view(form: ViewForm, view_id: int) -> ResponseReturnValue:
    """Rename one's own view, share it or not."""
    change_view(
        get_context(),
        view_id,
        staff_user_id=_person(),
        name=str(form.name.data),
        is_shared=bool(form.is_shared.data),
    )
    flash_done(gettext("The view is changed."))
    return redirect(url_for("support.search"), code=303)


@blueprint.post(f"{VIEW}/delete/")
@staff(StaffRole.READ_ONLY)
def view_delete(view_id: int) -> ResponseReturnValue:
    """Forget one's own view."""
    delete_view(get_context(), view_id, staff_user_id=_person())
    flash_done(gettext("The view is deleted."))
    return redirect(url_for("support.search"), code=303)
