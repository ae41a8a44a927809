"""The login of staff by the identity provider: there, and back again."""

from flask import abort, make_response, redirect, render_template, request
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response as BaseResponse

from app.domain.errors import BillingError
from app.gateways.oidc import LoginProvider
from app.services.staff_provider import RETURN_PATH, begin_provider_login, finish_provider_login
from app.web.access import STAFF_LOGIN, public
from app.web.context import get_context
from app.web.forms import REFUSED, form_view
from app.web.sessions import current_staff
from app.web.staff import blueprint, half_logins, provider_attempts
from app.web.staff.forms import ProviderForm, ProviderReturnForm
from app.web.staff.limits import count_provider_attempt
from app.web.staff.views import go_on
from app.web.wording import message_for

_STATUSES = {
    "staff_provider_broken": 503,
    "staff_provider_unreachable": 503,
    "staff_provider_unknown": 403,
}


def _provider() -> LoginProvider:
    provider = get_context().login_provider
    return provider if provider is not None else abort(404)


def _show_failure(form: FlaskForm) -> ResponseReturnValue:
    return render_template("staff/provider_failed.html", form=form, wish=half_logins.wish())


def _make_begin_form() -> FlaskForm | BaseResponse:
    _provider()
    form = ProviderForm()
    if current_staff() is not None:
        return redirect(half_logins.safe_next(form.next.data) or half_logins.home(), code=303)
    return form


@blueprint.post(f"{STAFF_LOGIN}provider/")
@public
@form_view(_make_begin_form, _show_failure, statuses=_STATUSES)
def provider_begin(form: ProviderForm) -> ResponseReturnValue:
    """Send the browser to the provider. Our policy lets no form of a page lead there, so the page
    between goes on by itself."""
    count_provider_attempt()
    half_logins.keep_wish(form.next.data)
    begun = begin_provider_login(get_context())
    provider_attempts.remember(begun.attempt)
    name = get_context().settings.staff_oidc_name
    page = render_template("staff/provider_leave.html", url=begun.url, name=name)
    response = make_response(page)
    response.headers["Refresh"] = f"0; url={begun.url}"
    return response


def _make_return_form() -> FlaskForm | BaseResponse:
    _provider()
    if current_staff() is not None:
        return redirect(half_logins.home(), code=303)
    query = request.args
    return ProviderReturnForm(data={name: query.get(name, "") for name in ("code", "state")})


def _show_return(form: ProviderReturnForm) -> ResponseReturnValue:
    if request.method == "POST":
        return _show_failure(form)
    try:
        provider_attempts.check_return(_provider(), request.args)
    except BillingError as error:
        form.form_errors.append(message_for(error))
        return make_response(_show_failure(form), REFUSED)
    name = get_context().settings.staff_oidc_name
    return render_template("staff/provider_return.html", form=form, name=name)


@blueprint.route(RETURN_PATH, methods=["GET", "POST"])
@public
@form_view(_make_return_form, _show_return, statuses=_STATUSES)
def provider_return(form: ProviderReturnForm) -> ResponseReturnValue:
    """Where the provider sends the browser: GET only looks, POST logs in."""
    attempt = provider_attempts.take(form.state.data)
    code = (form.code.data or "")[: provider_attempts.LONGEST_CODE]
    half = finish_provider_login(get_context(), attempt, code, ip=request.remote_addr)
    return go_on(half, next_path=half_logins.wish())
