"""Acts about notes and mails of a customer."""

from dataclasses import dataclass

from flask_babel import gettext
from flask_babel import lazy_gettext as _l
from sqlalchemy import select
from sqlalchemy.orm import Session
from wtforms import SelectField, TextAreaField
from wtforms.validators import InputRequired, Length

from app.models.mails import Mail
from app.models.staff import StaffNote
from app.services.context import Context
from app.services.customers import Payer, get_customer
from app.services.resend_mail import resend_mail
from app.services.staff_notes import LONGEST_NOTE, add_note, remove_note
from app.services.unit_of_work import UnitOfWork
from app.web.forms import clean_lines
from app.web.support.actions.forms import ActionForm
from app.web.support.actions.framework import Action, ActionGroup, Deed, in_one_unit
from app.web.wording import format_instant

# How many of the last notes or mails can be chosen.
SHOWN = 50
BEGINNING = 60


@dataclass(frozen=True, slots=True)
class Note:
    """What to write down."""

    text: str


@dataclass(frozen=True, slots=True)
class OneRow:
    """The row that an act is about, by our id."""

    row: int


class NoteForm(ActionForm):
    """A new note."""

    text = TextAreaField(
        _l("Note"),
        filters=[clean_lines],
        validators=[InputRequired(), Length(max=LONGEST_NOTE)],
        description=_l("For staff only; the customer never sees it."),
        render_kw={"rows": 5},
    )


class NoteChoiceForm(ActionForm):
    """Which note."""

    row = SelectField(_l("Note"), coerce=int, validators=[InputRequired()])


class MailChoiceForm(ActionForm):
    """Which mail."""

    row = SelectField(_l("Mail"), coerce=int, validators=[InputRequired()])


def _staff_user_id(deed: Deed) -> int:
    return int(deed.actor.name.partition(":")[2])


def _offer_notes(form: NoteChoiceForm, _ctx: Context, session: Session, payer: Payer) -> None:
    customer = get_customer(session, payer)
    notes = (
        select(StaffNote)
        .where(
            StaffNote.customer_id == (customer.id if customer is not None else None),
            StaffNote.removed_at.is_(None),
        )
        .order_by(StaffNote.id.desc())
        .limit(SHOWN)
    )
    form.row.choices = [
        (note.id, f"{format_instant(note.created_at)}: {note.text[:BEGINNING]}")
        for note in session.scalars(notes)
    ]


def _offer_mails(form: MailChoiceForm, _ctx: Context, session: Session, payer: Payer) -> None:
    customer = get_customer(session, payer)
    mails = (
        select(Mail)
        .where(Mail.customer_id == (customer.id if customer is not None else None))
        .order_by(Mail.id.desc())
        .limit(SHOWN)
    )
    form.row.choices = [
        (mail.id, f"{format_instant(mail.created_at)}: {_title(mail.template)}, {mail.recipient}")
        for mail in session.scalars(mails)
    ]


def _title(template: str) -> str:
    return template.replace("_", " ")


def _remove(work: UnitOfWork, payer: Payer, command: OneRow, deed: Deed) -> None:
    remove_note(work, payer, command.row, actor=deed.actor, reason=deed.reason)


def _resend(work: UnitOfWork, payer: Payer, command: OneRow, deed: Deed) -> object:
    return resend_mail(work, payer, command.row, actor=deed.actor, reason=deed.reason)


def _add(work: UnitOfWork, payer: Payer, command: Note, deed: Deed) -> int:
    return add_note(work, payer, command.text, staff_user_id=_staff_user_id(deed), actor=deed.actor)


NOTE = Action(
    key="note",
    group=ActionGroup.ACCESS,
    title=_l("Write a note"),
    form=NoteForm,
    command=Note,
    read=lambda form: Note(form.text.data),
    act=in_one_unit(_add),
    effect=lambda asked: [
        gettext("Staff see this note with %(name)s:", name=asked.payer.display_name),
        asked.command.text,
    ],
    done=lambda _asked: gettext("The note was kept."),
    fields={"note_empty": "text", "note_too_long": "text"},
    previews=False,
)
NOTE_REMOVE = Action(
    key="note-remove",
    group=ActionGroup.ACCESS,
    title=_l("Remove a note"),
    form=NoteChoiceForm,
    command=OneRow,
    read=lambda form: OneRow(form.row.data),
    prepare=_offer_notes,
    act=in_one_unit(_remove),
    effect=lambda _asked: [gettext("The note is shown no more.")],
    done=lambda _asked: gettext("The note was removed."),
    previews=False,
)
MAIL_AGAIN = Action(
    key="mail-again",
    group=ActionGroup.ACCESS,
    title=_l("Send a mail again"),
    form=MailChoiceForm,
    command=OneRow,
    read=lambda form: OneRow(form.row.data),
    prepare=_offer_mails,
    act=in_one_unit(_resend),
    effect=lambda asked: [
        gettext(
            "The mail “%(title)s” of %(when)s goes to the same address once more.",
            title=_title(asked.result[0]),
            when=format_instant(asked.result[1]),
        )
    ],
    done=lambda _asked: gettext("The mail is on its way."),
    fields={"mail_holds_a_secret": "row"},
    previews=False,
)

ACTIONS = (NOTE, NOTE_REMOVE, MAIL_AGAIN)
