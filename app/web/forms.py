"""Form views: one decorator between a form's page and what its POST does."""

import re
import unicodedata
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

from flask import Response, make_response, request
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response as BaseResponse

from app.domain.errors import BillingError, MissingDataError, NotFoundError
from app.web.wording import message_for

# What a form that was refused is answered with; its page shows what was typed.
REFUSED = 400
# Errors that a form cannot mend: they have pages of their own.
PAGES_OF_THEIR_OWN = (NotFoundError, MissingDataError)

# Categories of Unicode: control characters, surrogates, unassigned code points.
_UNSEEN = frozenset({"Cc", "Cs", "Cn"})

FormMaker = Callable[..., FlaskForm | BaseResponse]
FormPage = Callable[..., ResponseReturnValue]


def form_view(
    make_form: FormMaker,
    show: FormPage,
    *,
    fields: Mapping[str, str] | None = None,
    statuses: Mapping[str, int] | None = None,
    beyond: tuple[type[BillingError], ...] = (),
) -> Callable[[Callable[..., ResponseReturnValue]], Callable[..., ResponseReturnValue]]:
    """For a route with GET and POST: the decorated view does the POST of a form that is right.

    Each gets the arguments of the route; `make_form(...)` makes the form, or answers by itself
    with a response; `show(form, ...)` answers with its page; the view is called as
    `view(form, ...)`. A form that is wrong, and a BillingError that the view raises, show the page
    again with the message and what was typed, with status 400. `fields` names the field that the
    message of an error code stands beside, `statuses` another status for a code. Errors of the
    types in `beyond` are raised on: they have pages of their own.
    """

    def decorate(view: Callable[..., ResponseReturnValue]) -> Callable[..., ResponseReturnValue]:
        @wraps(view)
        def answer(*args: Any, **kwargs: Any) -> ResponseReturnValue:
            form = make_form(*args, **kwargs)
            if isinstance(form, BaseResponse):
                return form
            if request.method != "POST":
                return show(form, *args, **kwargs)
            if not form.validate():
                return _again(show(form, *args, **kwargs), REFUSED)
            try:
                return view(form, *args, **kwargs)
            except PAGES_OF_THEIR_OWN + beyond:
                raise
            except BillingError as error:
                _say(form, error, field=(fields or {}).get(error.code))
                status = (statuses or {}).get(error.code, REFUSED)
                return _again(show(form, *args, **kwargs), status)

        return answer

    return decorate


def clean_text(text: str | None) -> str:
    """A filter for text fields: one line without the characters that nobody can type or see.

    Neither pages nor PostgreSQL can hold all of those.
    """
    seen = "".join(
        " " if character.isspace() else character
        for character in text or ""
        if character.isspace() or unicodedata.category(character) not in _UNSEEN
    )
    return " ".join(seen.split())


def clean_lines(text: str | None) -> str:
    """The same for texts of several lines: each is cleaned, and blank ones do not pile up."""
    lines = [clean_text(line) for line in (text or "").splitlines()]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def _say(form: FlaskForm, error: BillingError, *, field: str | None) -> None:
    """Put the words of an error beside its field, or over the form."""
    message = message_for(error)
    if field is not None and field in form:
        form[field].errors = [*form[field].errors, message]
    else:
        form.form_errors.append(message)


def _again(page: ResponseReturnValue, status: int) -> Response:
    response = make_response(page)
    # A page may answer otherwise by itself, with a redirect for instance.
    if response.status_code == 200:
        response.status_code = status
    return response
