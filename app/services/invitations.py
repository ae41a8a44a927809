"""The owner invites somebody to manage the billing, by a mailed link that works for a week."""

from datetime import timedelta

from sqlalchemy import ColumnElement, func, select, update

from app.domain.errors import BillingError, NotFoundError
from app.domain.kinds import BillingRole, CustomerKind
from app.models.people import BillingUser, Invitation
from app.services.audit import record_audit
from app.services.billing_people import claim_owner, people_of
from app.services.context import Actor, Context
from app.services.customers import Payer
from app.services.identity import CustomerRef
from app.services.login_people import login_address
from app.services.logs import log_event
from app.services.outbox import record_mail
from app.services.unit_of_work import UnitOfWork, unit_of_work

INVITATION_LIFE = timedelta(days=7)
INVITATION_PURPOSE = "invitation"
# Neither accepted nor withdrawn, for one customer.
MOST_PENDING = 50


def invitations_of(payer: Payer) -> ColumnElement[bool]:
    """Which invitations are those of `payer`."""
    if payer.kind is CustomerKind.ORGANIZATION:
        return Invitation.organization_id == payer.organization_id
    return Invitation.server_id == payer.server_id


def is_pending() -> ColumnElement[bool]:
    """Invitations that nobody has accepted or withdrawn; expired ones are among them."""
    return Invitation.accepted_at.is_(None) & Invitation.withdrawn_at.is_(None)


def invite_person(
    ctx: Context, ref: CustomerRef, email: str, role: BillingRole, *, actor: Actor
) -> str:
    """Mail an invitation, at the owner's wish; returns the address as it is known from now on.

    Raises NotFoundError when the one who asks is not the owner; BillingError `person_already_here`,
    `invitation_pending` for an address that has one, `invitations_full` beyond `MOST_PENDING`.
    """
    address = login_address(email)
    with unit_of_work(ctx) as work:
        owner = claim_owner(work, ref)
        _check_is_new(work, ref.payer, address)
        is_of_server = ref.kind is CustomerKind.SERVER
        invitation = Invitation(
            organization_id=ref.payer.organization_id,
            server_id=ref.payer.server_id if is_of_server else None,
            email=address,
            role=role,
            # The mail that follows brings the key.
            key_hash=ctx.tokens.hash_secret(INVITATION_PURPOSE, ctx.tokens.new_secret()),
            invited_by=owner.id,
            created_at=work.now,
            expires_at=work.now,
        )
        work.session.add(invitation)
        work.flush()
        _send(work, ref, invitation, owner, actor=actor, is_again=False)
        work.commit()
    log_event("billing_user.invited", by=ref.billing_user_id)
    return address


def resend_invitation(ctx: Context, ref: CustomerRef, invitation_id: int, *, actor: Actor) -> str:
    """Mail a pending invitation anew, for a week from now; the link of the earlier mail works no
    more. Returns the address. Raises NotFoundError for an invitation that is not pending here, or
    when the one who asks is not the owner; BillingError `person_already_here`."""
    with unit_of_work(ctx) as work:
        owner = claim_owner(work, ref)
        invitation = _load_pending(work, ref, invitation_id)
        _check_is_nobody(work, ref.payer, invitation.email)
        # Whoever sends it vouches for it from now on.
        invitation.invited_by = owner.id
        _send(work, ref, invitation, owner, actor=actor, is_again=True)
        email = invitation.email
        work.commit()
    log_event("billing_user.invited", by=ref.billing_user_id)
    return email


def withdraw_invitation(ctx: Context, ref: CustomerRef, invitation_id: int, *, actor: Actor) -> str:
    """Make the link of an invitation useless; returns the address. Raises NotFoundError as
    `resend_invitation` does."""
    with unit_of_work(ctx) as work:
        claim_owner(work, ref)
        invitation = _load_pending(work, ref, invitation_id)
        invitation.withdrawn_at = work.now
        record_audit(
            work,
            "billing_user.invitation_withdrawn",
            actor=actor,
            server_id=ref.payer.server_id,
            organization_id=ref.payer.organization_id,
            after={"invitation": invitation.id, "role": invitation.role.value},
        )
        email = invitation.email
        work.commit()
    log_event("billing_user.invitation_withdrawn", by=ref.billing_user_id)
    return email


def end_invitations(work: UnitOfWork, here: ColumnElement[bool]) -> None:
    """Withdraw what is pending at a place whose registration ends or changes hands: whoever invited
    may have no say there any more. The server must be claimed."""
    statement = update(Invitation).where(here, is_pending()).values(withdrawn_at=work.now)
    work.session.execute(statement.execution_options(synchronize_session=False))


def _check_is_new(work: UnitOfWork, payer: Payer, address: str) -> None:
    _check_is_nobody(work, payer, address)
    mine = select(Invitation).where(invitations_of(payer), is_pending())
    same = work.session.scalars(mine.where(Invitation.email == address)).first()
    if same is not None:
        if work.now < same.expires_at:
            raise BillingError("invitation_pending", email=address)
        same.withdrawn_at = work.now
        work.flush()
    counted = select(func.count()).select_from(mine.subquery())
    if (work.session.scalar(counted) or 0) >= MOST_PENDING:
        raise BillingError("invitations_full", maximum=MOST_PENDING)


def _check_is_nobody(work: UnitOfWork, payer: Payer, address: str) -> None:
    """Refuse an address of somebody who may log in. Of people who came by an invitation and whose
    address is in doubt, a new invitation is the proof."""
    has_a_way_in = BillingUser.email_confirmed_at.is_not(None) | BillingUser.user_uuid.is_not(None)
    known = select(BillingUser.id).where(
        people_of(payer),
        func.lower(BillingUser.email) == address,
        BillingUser.deactivated_at.is_(None),
        has_a_way_in,
    )
    if work.session.scalars(known).first() is not None:
        raise BillingError("person_already_here", email=address)


def _load_pending(work: UnitOfWork, ref: CustomerRef, invitation_id: int) -> Invitation:
    mine = select(Invitation).where(
        Invitation.id == invitation_id, invitations_of(ref.payer), is_pending()
    )
    found = work.session.scalars(mine.with_for_update()).one_or_none()
    if found is None:
        raise NotFoundError("invitation")
    return found


def _send(
    work: UnitOfWork,
    ref: CustomerRef,
    invitation: Invitation,
    owner: BillingUser,
    *,
    actor: Actor,
    is_again: bool,
) -> None:
    tokens = work.ctx.tokens
    key = tokens.new_secret()
    invitation.key_hash = tokens.hash_secret(INVITATION_PURPOSE, key)
    invitation.expires_at = work.now + INVITATION_LIFE
    entry = record_audit(
        work,
        "billing_user.invited",
        actor=actor,
        server_id=ref.payer.server_id,
        organization_id=ref.payer.organization_id,
        after={
            "invitation": invitation.id,
            "role": invitation.role.value,
            "is_again": is_again,
        },
    )
    work.flush()
    record_mail(
        work,
        template="invitation",
        recipient=invitation.email,
        # No name: whoever registers chooses it, and we would mail its text to strangers.
        params={
            "host": ref.host,
            "invited_by": owner.email,
            "role": invitation.role.value,
            "expires_at": invitation.expires_at,
        },
        secret_params={"url": f"{work.ctx.settings.base_url}/invitation/{key}/"},
        event_key=f"billing_user.invited:{entry.id}",
    )
