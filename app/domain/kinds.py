"""The closed lists of the field: every state, kind and choice, stored by value."""

from dataclasses import dataclass
from enum import StrEnum


class CustomerKind(StrEnum):
    """Who pays."""

    SERVER = "server"
    ORGANIZATION = "organization"


class PlanStatus(StrEnum):
    """Where a plan stands in its life. Live = trial or active."""

    NEVER_STARTED = "never_started"
    TRIAL = "trial"
    ACTIVE = "active"
    ENDED = "ended"


LIVE_STATUSES = (PlanStatus.TRIAL, PlanStatus.ACTIVE)


class AtCycleEnd(StrEnum):
    """The standing instruction for the end of the cycle."""

    RENEW = "renew"
    END = "end"
    SWITCH_SCHEDULE = "switch_schedule"
    SWITCH_TIER = "switch_tier"


class Schedule(StrEnum):
    """How often a plan renews."""

    MONTHLY = "monthly"
    ANNUAL = "annual"

    @property
    def months(self) -> int:
        """Length of one cycle in calendar months."""
        return 1 if self is Schedule.MONTHLY else 12


class Collection(StrEnum):
    """How an invoice is paid."""

    CHARGE_AUTOMATICALLY = "charge_automatically"
    SEND_INVOICE = "send_invoice"


class LicenseManagement(StrEnum):
    """Who decides the number of licenses: the uploads, or a person."""

    AUTOMATIC = "automatic"
    MANUAL = "manual"


class TierKind(StrEnum):
    """What sort of tier the catalog declares."""

    FREE = "free"
    LEGACY = "legacy"
    SPONSORED = "sponsored"
    PAID = "paid"
    FIXED = "fixed"


class LineKind(StrEnum):
    """What an invoice line charges for (billing rules, "Lines")."""

    FIRST = "first"
    RENEWAL = "renewal"
    ADDED = "added"
    DISCOUNT = "discount"
    CREDIT = "credit"
    ADJUSTMENT = "adjustment"
    ONE_OFF = "one_off"


class InvoiceStatus(StrEnum):
    """State of an invoice; the same words as the payment provider's."""

    DRAFT = "draft"
    OPEN = "open"
    PAID = "paid"
    VOID = "void"
    UNCOLLECTIBLE = "uncollectible"


class PurchaseStatus(StrEnum):
    """Where a purchase stands between its quote and its plan."""

    OPEN = "open"
    COMPLETED = "completed"
    DECLINED = "declined"
    VOIDED = "voided"


class LoginDoor(StrEnum):
    """How a login link came about: which door its person came through."""

    # The product's "Billing" entry, for an organization.
    PRODUCT = "product"
    # The server's id and key, at /serverlogin/.
    SERVER_KEY = "server_key"
    # Made by staff for a server; its contact address counts as confirmed.
    ON_BEHALF = "on_behalf"


class BillingRole(StrEnum):
    """What a billing user may do: a viewer sees, billing acts, the owner decides about the others.
    The first one who confirms is the owner."""

    OWNER = "owner"
    BILLING = "billing"
    VIEWER = "viewer"

    def may(self, least: "BillingRole") -> bool:
        """Whether this role is at least `least`."""
        order = list(BillingRole)
        return order.index(self) <= order.index(least)


class StaffRole(StrEnum):
    """What somebody of the vendor may do; each may do what those above it here may."""

    READ_ONLY = "read_only"
    SUPPORT = "support"
    ADMIN = "admin"

    def may(self, least: "StaffRole") -> bool:
        """Whether this role is at least `least`."""
        order = list(StaffRole)
        return order.index(self) >= order.index(least)


class StaffActionStatus(StrEnum):
    """Where an act of staff stands. One that a second person has to approve waits first."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    REFUSED = "refused"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"


class HelpStatus(StrEnum):
    """Where a customer's request for help stands."""

    OPEN = "open"
    CLOSED = "closed"


class CancellationReason(StrEnum):
    """Why a customer said it ends its plan."""

    TOO_EXPENSIVE = "too_expensive"
    MISSING_FEATURES = "missing_features"
    SWITCHED_PRODUCT = "switched_product"
    NOT_USED = "not_used"
    TEMPORARY = "temporary"
    SERVICE = "service"
    OTHER = "other"


class LineSource(StrEnum):
    """Which row an invoice line comes from."""

    PLAN = "plan"
    PURCHASE = "purchase"
    ADJUSTMENT = "adjustment"
    ONE_OFF = "one_off"


class PromoKind(StrEnum):
    """Whose discount of so many months a plan carries; they never add up."""

    NEW_CUSTOMER = "new_customer"
    COUPON = "coupon"


class EndReason(StrEnum):
    """Why a plan ended."""

    CYCLE_END = "cycle_end"
    STAFF = "staff"
    REPLACED = "replaced"
    SWITCHED = "switched"
    CANCELED = "canceled"
    UNPAID = "unpaid"


class AdjustmentReason(StrEnum):
    """Why licenses of a closed cycle are charged, or given back, afterwards."""

    LATE_ROWS = "late_rows"
    ESTIMATE = "estimate"


class OfferStatus(StrEnum):
    """Where an offer of a fixed price stands."""

    OPEN = "open"
    ACCEPTED = "accepted"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"


class SponsorshipStatus(StrEnum):
    """Where a request for sponsorship stands."""

    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"


class MailKind(StrEnum):
    """What a person can have sent or not: the mails that are not about money owed."""

    RENEWALS = "renewals"
    USAGE = "usage"
    ANNOUNCEMENTS = "announcements"


@dataclass(frozen=True, slots=True)
class KindProfile:
    """What differs between the kinds of customer, as data (no subclasses).

    noun: what it is called; url_prefix: first path segment of its pages; complimentary_tier: the
    tier of a sponsored one; new_customer_discount: whether it is promised that discount.
    """

    noun: str
    url_prefix: str
    complimentary_tier: str
    new_customer_discount: bool


KIND_PROFILES: dict[CustomerKind, KindProfile] = {
    CustomerKind.SERVER: KindProfile("server", "server", "community", True),
    CustomerKind.ORGANIZATION: KindProfile("organization", "realm", "community", True),
}
