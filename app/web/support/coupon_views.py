"""Coupons: the list, making one, withdrawing one. They are about nobody in particular, so they are
no acts on a customer; what reaches the threshold of the catalog is an administrator's to make."""

from dataclasses import dataclass

from flask import redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import BooleanField, SelectField, StringField
from wtforms.validators import InputRequired, Length, Optional

from app.domain.errors import BillingError
from app.domain.kinds import StaffRole, TierKind
from app.services.create_coupon import CreateCoupon, create_coupon, withdraw_coupon
from app.services.pages.staff_coupons import CouponRow, load_coupon_row, load_coupons_page
from app.web.access import current_staff_actor, staff
from app.web.context import get_context, get_fresh_read_session
from app.web.fields import NumberField
from app.web.flashes import flash_done
from app.web.forms import clean_text, form_view
from app.web.paging import asked_page, pages_of
from app.web.sessions import current_staff
from app.web.support import blueprint
from app.web.support.actions.forms import ActionForm, DayField, HundredthsField
from app.web.support.actions.framework import Weight


class CouponForm(ActionForm):
    """A new coupon; ticking `is_sure` on the second look makes it."""

    code = StringField(
        _l("Code"),
        filters=[clean_text],
        validators=[InputRequired(), Length(max=32)],
        description=_l("Letters, digits and hyphens; people may type it as they like."),
        render_kw={"autocomplete": "off", "spellcheck": "false"},
    )
    percent = HundredthsField(_l("Percent off"), validators=[Optional()])
    amount = HundredthsField(
        _l("Or an amount off each month"), validators=[Optional()], description=_l("Like 20.00.")
    )
    months = NumberField(
        _l("For how many months of the plan"),
        validators=[InputRequired()],
        render_kw={"inputmode": "numeric"},
    )
    tier = SelectField(_l("Tier"), validators=[Optional()])
    max_uses = NumberField(
        _l("How many customers may use it"),
        validators=[Optional()],
        render_kw={"inputmode": "numeric"},
    )
    expires = DayField(
        _l("From this day on it cannot be used"),
        validators=[Optional()],
        description=_l("It is good until the start of the day, 00:00 UTC."),
    )
    is_sure = BooleanField(_l("Make it"))

    def command(self) -> CreateCoupon:
        """The coupon of a form that is right. Raises BillingError when it is a share and an amount,
        or neither."""
        if (self.percent.data is None) == (self.amount.data is None):
            raise BillingError("coupon_percent_or_amount")
        return CreateCoupon(
            code=str(self.code.data),
            percent=self.percent.data,
            amount=self.amount.data,
            months=int(self.months.data or 0),
            tier=self.tier.data or None,
            max_uses=self.max_uses.data,
            expires_at=self.expires.instant(),
            reason=str(self.reason.data),
        )


@dataclass(frozen=True, slots=True)
class NewCouponPage:
    """The form, and what the coupon would be once it was looked at."""

    said: str | None = None


@blueprint.get("/coupons/")
@staff()
def coupons() -> ResponseReturnValue:
    """Every coupon, newest first."""
    ctx = get_context()
    page = load_coupons_page(get_fresh_read_session(), number=asked_page(), now=ctx.now())
    return render_template(
        "support/coupons.html",
        page=page,
        titles={tier.key: tier.title for tier in ctx.catalog.tiers.values()},
        currency=ctx.catalog.currency,
        pages=pages_of("support.coupons", page.part),
        may_act=_may_act(),
    )


def _make_form() -> CouponForm:
    form = CouponForm()
    sold = [
        (tier.key, tier.title)
        for tier in get_context().catalog.tiers.values()
        if tier.kind is TierKind.PAID
    ]
    form.tier.choices = [("", gettext("Any tier")), *sold]
    return form


def _show(form: FlaskForm, *, said: str | None = None) -> str:
    return render_template("support/coupon_new.html", form=form, page=NewCouponPage(said))


@blueprint.route("/coupons/new/", methods=["GET", "POST"])
@staff(StaffRole.SUPPORT)
@form_view(
    _make_form,
    _show,
    fields={
        "coupon_code_not_possible": "code",
        "coupon_exists": "code",
        "coupon_months_not_possible": "months",
        "discount_percent_not_possible": "percent",
        "coupon_percent_or_amount": "percent",
        "coupon_needs_administrator": "percent",
        "coupon_amount_not_positive": "amount",
        "coupon_uses_not_possible": "max_uses",
        "date_not_ahead": "expires",
    },
)
def coupon_new(form: CouponForm) -> ResponseReturnValue:
    """A new coupon. POST says what it would be; sent with `is_sure` it makes it."""
    ctx = get_context()
    command = form.command()
    person = current_staff()
    assert person is not None, "the view is for staff only"
    yearly = 12 * (command.amount or 0)
    weight = Weight(percent=command.percent or 0, amount=yearly)
    if weight.needs_second(ctx.catalog) and person.role is not StaffRole.ADMIN:
        raise BillingError("coupon_needs_administrator")
    actor = current_staff_actor()
    made = create_coupon(ctx, command, actor=actor, dry_run=not form.is_sure.data)
    if form.is_sure.data:
        flash_done(gettext("The coupon %(code)s can be used.", code=made.after["code"]))
        return redirect(url_for("support.coupons"), code=303)
    return _show(form, said=str(made.after["code"]))


def _make_withdrawal(coupon_id: int) -> ActionForm:
    load_coupon_row(get_fresh_read_session(), coupon_id, now=get_context().now())
    return ActionForm()


def _show_withdrawal(form: FlaskForm, coupon_id: int) -> str:
    ctx = get_context()
    row: CouponRow = load_coupon_row(get_fresh_read_session(), coupon_id, now=ctx.now())
    return render_template("support/coupon_withdraw.html", form=form, page=row)


@blueprint.route(
    "/coupons/<int(max=9223372036854775807):coupon_id>/withdraw/", methods=["GET", "POST"]
)
@staff(StaffRole.SUPPORT)
@form_view(_make_withdrawal, _show_withdrawal)
def coupon_withdraw(form: ActionForm, coupon_id: int) -> ResponseReturnValue:
    """What withdrawing means. POST lets nobody use the coupon any more."""
    ctx = get_context()
    row = load_coupon_row(get_fresh_read_session(), coupon_id, now=ctx.now())
    withdraw_coupon(ctx, row.code, reason=str(form.reason.data), actor=current_staff_actor())
    flash_done(gettext("The coupon %(code)s was withdrawn.", code=row.code))
    return redirect(url_for("support.coupons"), code=303)


def _may_act() -> bool:
    person = current_staff()
    return person is not None and person.role.may(StaffRole.SUPPORT)
