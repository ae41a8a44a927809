"""What we remember: the tables and the queries over them."""

from app.models.audit import AuditEntry
from app.models.base import Base
from app.models.charges import Adjustment, BalanceCredit, LateFall, OneOff
from app.models.customers import Customer
from app.models.deals import (
    Announcement,
    Coupon,
    CouponUse,
    Offer,
    OrganizationMove,
    PlanMove,
    SponsorshipRequest,
)
from app.models.invoices import DeliveryAttempt, Invoice, InvoiceLine, InvoiceLineEntry
from app.models.mails import Mail
from app.models.metrics import MrrMonth, PlanEnd, RunningMonth
from app.models.people import (
    BillingUser,
    EmailConfirmation,
    Invitation,
    LoginLink,
    MailLogin,
    PersonalDetail,
)
from app.models.plans import LedgerEntry, Plan, PlanPrice
from app.models.purchases import Purchase
from app.models.registrations import Organization, Server, TransferChallenge
from app.models.sessions import BrowserSession
from app.models.staff import (
    HelpRequest,
    SavedView,
    SearchEntry,
    StaffAction,
    StaffNote,
    StaffRecoveryCode,
    StaffSetupLink,
    StaffUser,
)
from app.models.uploads import AuditRow, OrganizationCount, PendingAuditRow, ServerCount
from app.models.webhooks import WebhookEvent

from app.models import triggers  # isort: skip  # attached once every table is known

__all__ = [
    "Adjustment",
    "Announcement",
    "AuditEntry",
    "AuditRow",
    "BalanceCredit",
    "Base",
    "BillingUser",
    "BrowserSession",
    "Coupon",
    "CouponUse",
    "Customer",
    "DeliveryAttempt",
    "EmailConfirmation",
    "HelpRequest",
    "Invitation",
    "Invoice",
    "InvoiceLine",
    "InvoiceLineEntry",
    "LateFall",
    "LedgerEntry",
    "LoginLink",
    "Mail",
    "MailLogin",
    "MrrMonth",
    "Offer",
    "OneOff",
    "Organization",
    "OrganizationCount",
    "OrganizationMove",
    "PendingAuditRow",
    "PersonalDetail",
    "Plan",
    "PlanEnd",
    "PlanMove",
    "PlanPrice",
    "Purchase",
    "RunningMonth",
    "SavedView",
    "SearchEntry",
    "Server",
    "ServerCount",
    "SponsorshipRequest",
    "StaffAction",
    "StaffNote",
    "StaffRecoveryCode",
    "StaffSetupLink",
    "StaffUser",
    "TransferChallenge",
    "WebhookEvent",
    "triggers",
]
