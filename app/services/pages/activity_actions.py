"""Which acts of the audit log a customer sees, and under what heading.

Every action that is ever recorded stands in one of the two lists (a test compares them with the
code), so that nobody forgets to decide. Its words are in `app/web/wordings/activity.py`.
"""

from collections.abc import Mapping
from enum import StrEnum


class ActivityKind(StrEnum):
    """The headings that the log can be narrowed to."""

    LOGINS = "logins"
    PEOPLE = "people"
    PLAN = "plan"
    MONEY = "money"
    SERVER = "server"


_BY_KIND: dict[ActivityKind, tuple[str, ...]] = {
    ActivityKind.LOGINS: (
        "login.confirmation_sent",
        "login.ended",
        "login.failed",
        "login.link_mailed",
        "login.succeeded",
        "login_link.created",
    ),
    ActivityKind.PEOPLE: (
        "billing_user.became_owner",
        "billing_user.created",
        "billing_user.details_changed",
        "billing_user.invitation_accepted",
        "billing_user.invitation_withdrawn",
        "billing_user.invited",
        "billing_user.mails_stopped",
        "billing_user.email_confirmed",
        "billing_user.removed",
        "billing_user.role_changed",
        "data.exported",
        "help.requested",
    ),
    ActivityKind.PLAN: (
        "customer.license_rules_set",
        "plan.end_moved",
        "plan.ended",
        "plan.ended_by_staff",
        "plan.given",
        "plan.kept",
        "plan.licenses_at_renewal_set",
        "plan.licenses_raised",
        "plan.management_changed",
        "plan.collection_changed",
        "plan.replaced",
        "plan.revived",
        "plan.schedule_canceled",
        "plan.set_to_end",
        "plan.started",
        "plan.switch_scheduled",
        "plan.trial_ended",
        "plan.trial_started",
        "sponsorship.approved",
        "sponsorship.marked",
        "sponsorship.rejected",
        "sponsorship.requested",
        "sponsorship.withdrawn",
        "plan.transferred",
        "purchase.confirmed",
        "purchase.declined",
        "purchase.given_up",
        "purchase.people_fell",
        "purchase.voided",
    ),
    ActivityKind.MONEY: (
        "balance.credited",
        "adjustment.recorded",
        "card.changed",
        "customer.billing_details_changed",
        "card_setup.started",
        "invoice.open",
        "invoice.paid",
        "invoice.payment_asked_for",
        "invoice.payment_failed",
        "invoice.refund_failed",
        "invoice.refunded",
        "invoice.uncollectible",
        "invoice.unpaid_for_good",
        "invoice.void",
        "customer.discount_removed",
        "offer.closed",
        "offer.follow_up_scheduled",
        "offer.made",
        "offer.withdrawn",
        "customer.discount_set",
        "one_off.added",
        "one_off.canceled",
        "payments_page.opened",
        "plan.invoice_deferred",
        "plan.invoiced",
        "purchase.paid_in_part",
        "purchase.paid_without_plan",
    ),
    ActivityKind.SERVER: (
        "organization.changed",
        "organization.created",
        "organization.identified",
        "organization.left",
        "organization.locally_deleted",
        "organization.move_asked",
        "organization.move_refused",
        "organization.moved",
        "organization.owner_secret_changed",
        "organization.restored",
        "server.contact_changed",
        "server.deactivated",
        "server.hostname_changed",
        "server.ids_rewound",
        "server.key_rotated",
        "server.reactivated",
        "server.registered",
        "server.signing_key_changed",
        "server.transfer_requested",
        "server.transferred",
    ),
}

# The customer's own log: what happened, and its heading.
SHOWN: Mapping[str, ActivityKind] = {
    action: kind for kind, actions in _BY_KIND.items() for action in actions
}

# How our own work goes on inside, which tells a customer nothing.
LEFT_OUT = frozenset(
    {
        # A mail of staff to many customers; each has its own copy.
        "announcement.begun",
        # What staff ask each other, write to each other, and send again.
        "action.approved",
        "action.asked",
        "action.closed",
        "action.rejected",
        "action.withdrawn",
        "mail.sent_again",
        "note.added",
        "note.removed",
        # A run that has to be looked at by staff, with their words for why.
        "customer.charge_asked",
        "customer.parked",
        "customer.unparked",
        # An answer that its person got by mail.
        "help.answered",
        # What late rows would have cost, before others came; what they cannot cost; and what they
        # left for staff to look at.
        "adjustment.given_up",
        "late_fall.found",
        "late_fall.resolved",
        "ledger.rows_too_old",
        # A row at the payment provider, made before the first payment.
        "customer.known_to_provider",
        # What staff do for many customers at once.
        "coupon.created",
        "coupon.withdrawn",
        # A note for staff: it does nothing before something is agreed for that tier.
        "customer.required_tier_set",
        # States that an invoice or a purchase has only before anybody can see it, or whose
        # consequence has an entry of its own.
        "invoice.draft",
        "purchase.completed",
        "purchase.open",
        # Two rows of ours turned out to be one organization.
        "organization.merged",
        # A boundary at which there was nothing to charge.
        "plan.nothing_to_bill",
        # Clocks of servers that run ahead.
        "server.uploaded_future_rows",
        # Who of ours may log in to the support console, and did.
        "staff.created",
        "staff.disabled",
        "staff.enabled",
        "staff.logged_in",
        "staff.logged_out",
        "staff.login_failed",
        "staff.password_set",
        "staff.provider_bound",
        "staff.provider_unbound",
        "staff.recovery_codes_made",
        "staff.reset",
        # Looking changes nothing.
        "staff.saw_as_customer",
        "staff.role_changed",
        "staff.second_factor_removed",
        "staff.second_factor_set",
        "staff.session_ended",
    }
)

# What people of an organization learn about the server that it is on: not who runs it or its keys.
OF_SERVER_FOR_ORGANIZATIONS = frozenset(
    {
        "server.deactivated",
        "server.hostname_changed",
        "server.reactivated",
        "server.transferred",
    }
)
# What people of a server learn about its organizations: not who manages their billing.
OF_ORGANIZATIONS_FOR_SERVER = frozenset(
    action for action in SHOWN if action.startswith("organization.")
)
