"""Announcements: what was sent, writing one, looking at it, sending it."""

from datetime import UTC, datetime
from typing import Any

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import (
    DateField,
    HiddenField,
    SelectField,
    SelectMultipleField,
    StringField,
    TextAreaField,
)
from wtforms.validators import InputRequired, Length, Optional

from app.domain.errors import BillingError
from app.domain.kinds import CustomerKind, Schedule, StaffRole
from app.services.announce import (
    MAX_BODY,
    MAX_SUBJECT,
    Chosen,
    begin_announcement,
    check_text,
    render_sample,
    send_announcement,
    send_test,
)
from app.services.pages.announcements import (
    list_countries,
    load_announcement_page,
    load_announcements_page,
    preview_list,
)
from app.services.staff_change import LONGEST_REASON, checked_reason
from app.web.access import current_staff_actor, staff
from app.web.context import get_context, get_fresh_read_session, get_read_session
from app.web.flashes import flash_done, flash_problem
from app.web.forms import REFUSED, clean_lines, clean_text
from app.web.paging import asked_page, pages_of
from app.web.sessions import current_staff
from app.web.support import blueprint
from app.web.wording import message_for, schedule_word
from app.web.wordings import announcements as words

# Customers that are written to while the browser waits; the runs go on with the others.
AT_ONCE = 50

for word in (
    words.listed_words,
    words.progress_words,
    words.announcement_state_word,
):
    blueprint.add_app_template_filter(word)


class AnnouncementForm(FlaskForm):
    """What is written, and to whom. `nonce` is of the page: one page sends once."""

    nonce = HiddenField(validators=[Length(max=43)])
    subject = StringField(
        _l("Subject"),
        filters=[clean_text],
        validators=[InputRequired(_l("Say the fact in one line.")), Length(max=MAX_SUBJECT)],
        description=_l("Also the first line of the mail."),
    )
    body = TextAreaField(
        _l("Text"),
        filters=[clean_lines],
        validators=[InputRequired(_l("Write the text.")), Length(max=MAX_BODY)],
        description=_l("An empty line sets paragraphs apart."),
        render_kw={"rows": 10},
    )
    tiers = SelectMultipleField(_l("Plan"), validate_choice=True)
    kind = SelectField(_l("Kind"), validators=[Optional()])
    schedule = SelectField(_l("Schedule"), validators=[Optional()])
    country = SelectField(_l("Country"), validators=[Optional()])
    legacy_ending_before = DateField(
        _l("Legacy plans that end before"), validators=[Optional()], render_kw={"type": "date"}
    )
    reason = TextAreaField(
        _l("Reason"),
        filters=[clean_text],
        validators=[
            InputRequired(_l("Say why; it stands in the audit log.")),
            Length(max=LONGEST_REASON),
        ],
        description=_l("Stands in the audit log. No names or addresses of people."),
        render_kw={"rows": 2},
    )

    def chosen(self) -> Chosen:
        """Whom the filters leave."""
        before = self.legacy_ending_before.data
        return Chosen(
            tiers=tuple(self.tiers.data or ()),
            schedule=Schedule(self.schedule.data) if self.schedule.data else None,
            kind=CustomerKind(self.kind.data) if self.kind.data else None,
            legacy_ending_before=(
                datetime(before.year, before.month, before.day, tzinfo=UTC) if before else None
            ),
            country=self.country.data or None,
        )

    def kept(self) -> list[tuple[str, str]]:
        """What was typed, for the page that asks before it is sent."""
        before = self.legacy_ending_before.data
        values: dict[str, Any] = {
            "nonce": self.nonce.data,
            "subject": self.subject.data,
            "body": self.body.data,
            "kind": self.kind.data,
            "schedule": self.schedule.data,
            "country": self.country.data,
            "legacy_ending_before": before.isoformat() if before else None,
            "reason": self.reason.data,
        }
        kept = [(name, str(value)) for name, value in values.items() if value]
        return kept + [("tiers", key) for key in self.tiers.data or ()]


@blueprint.get("/announcements/")
@staff(StaffRole.SUPPORT)
def announcements() -> ResponseReturnValue:
    """What was sent, newest first."""
    page = load_announcements_page(get_read_session(), number=asked_page())
    catalog = get_context().catalog
    return render_template(
        "support/announcements.html",
        page=page,
        rows=[(row, words.chosen_words(row.chosen, catalog)) for row in page.rows],
        pages=pages_of("support.announcements", page.part),
    )


@blueprint.route("/announcements/new/", methods=["GET", "POST"])
@staff(StaffRole.SUPPORT)
def announcement_new() -> ResponseReturnValue:
    """Write one. POST looks at it, sends it to oneself, or sends it, as the button says."""
    form = _make_form()
    if request.method != "POST":
        form.nonce.data = get_context().tokens.new_secret()
        return _show_form(form)
    if not form.validate():
        return _show_form(form), REFUSED
    step = request.form.get("step", "look")
    try:
        check_text(str(form.subject.data), str(form.body.data))
        checked_reason(str(form.reason.data))
        if step == "edit":
            return _show_form(form)
        if step == "send":
            return _begin(form)
        if step == "test":
            _send_to_oneself(form)
        return _show_preview(form)
    except BillingError as error:
        form.form_errors.append(message_for(error))
        return _show_form(form), REFUSED


def _make_form() -> AnnouncementForm:
    form = AnnouncementForm()
    anything = ("", gettext("All"))
    form.tiers.choices = [(tier.key, tier.title) for tier in get_context().catalog.tiers.values()]
    form.kind.choices = [anything, *((k.value, words.announced_kind_word(k)) for k in CustomerKind)]
    form.schedule.choices = [anything, *((one.value, schedule_word(one)) for one in Schedule)]
    form.country.choices = [
        anything,
        *((code, words.country_name(code)) for code in list_countries(get_read_session())),
    ]
    return form


def _show_form(form: AnnouncementForm) -> str:
    return render_template("support/announcement_new.html", form=form)


def _show_preview(form: AnnouncementForm) -> str:
    ctx = get_context()
    chosen = form.chosen()
    sample = render_sample(
        ctx, subject=str(form.subject.data), body=str(form.body.data), chosen=chosen
    )
    person = current_staff()
    assert person is not None, "the view is for staff only"
    return render_template(
        "support/announcement_preview.html",
        listed=preview_list(get_fresh_read_session(), chosen, catalog=ctx.catalog),
        chosen=words.chosen_words(chosen, ctx.catalog),
        sample=sample,
        kept=form.kept(),
        reason=form.reason.data,
        own_address=person.email,
    )


def _send_to_oneself(form: AnnouncementForm) -> None:
    person = current_staff()
    assert person is not None, "the view is for staff only"
    send_test(
        get_context(),
        subject=str(form.subject.data),
        body=str(form.body.data),
        chosen=form.chosen(),
        address=person.email,
    )
    flash_done(gettext("A test mail is on its way to %(email)s.", email=person.email))


def _begin(form: AnnouncementForm) -> ResponseReturnValue:
    """Store it, and write to the first customers at once."""
    ctx = get_context()
    try:
        announcement_id = begin_announcement(
            ctx,
            subject=str(form.subject.data),
            body=str(form.body.data),
            chosen=form.chosen(),
            reason=checked_reason(str(form.reason.data)),
            actor=current_staff_actor(),
            nonce=str(form.nonce.data) or None,
        )
    except BillingError as error:
        if error.code != "announcement_unfinished":
            raise
        flash_problem(
            gettext("An announcement with these words has not reached everybody yet: go on here.")
        )
        return _to(int(str(error.params["id"])))
    return _go_on(announcement_id)


@blueprint.get("/announcements/<int(max=9223372036854775807):announcement_id>/")
@staff(StaffRole.SUPPORT)
def announcement(announcement_id: int) -> ResponseReturnValue:
    """One of them, and how far it is."""
    page = load_announcement_page(get_fresh_read_session(), announcement_id)
    return render_template(
        "support/announcement.html",
        page=page,
        chosen=words.chosen_words(page.row.chosen, get_context().catalog),
    )


@blueprint.post("/announcements/<int(max=9223372036854775807):announcement_id>/send/")
@staff(StaffRole.SUPPORT)
def announcement_send(announcement_id: int) -> ResponseReturnValue:
    """POST writes to the next customers of one that has not reached everybody."""
    load_announcement_page(get_read_session(), announcement_id)
    return _go_on(announcement_id)


def _go_on(announcement_id: int) -> ResponseReturnValue:
    sent = send_announcement(get_context(), announcement_id, most=AT_ONCE)
    if sent.is_finished:
        flash_done(gettext("Everybody on the list has the announcement."))
    else:
        flash_done(gettext("It is on its way. The delivery run goes on with it by itself."))
    return _to(announcement_id)


def _to(announcement_id: int) -> ResponseReturnValue:
    return redirect(url_for("support.announcement", announcement_id=announcement_id), code=303)
