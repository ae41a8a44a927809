"""What we remember: the tables and the queries over them."""

from app.models.audit import AuditEntry
from app.models.base import Base
from app.models.customers import Customer
from app.models.invoices import DeliveryAttempt, Invoice, InvoiceLine, InvoiceLineEntry
from app.models.mails import Mail
from app.models.people import BillingUser, EmailConfirmation, LoginLink, PersonalDetail
from app.models.plans import LedgerEntry, Plan
from app.models.purchases import Purchase
from app.models.registrations import Organization, Server, TransferChallenge
from app.models.sessions import BrowserSession
from app.models.uploads import AuditRow, OrganizationCount, PendingAuditRow, ServerCount
from app.models.webhooks import WebhookEvent

from app.models import triggers  # isort: skip  # attached once every table is known

__all__ = [
    "AuditEntry",
    "AuditRow",
    "Base",
    "BillingUser",
    "BrowserSession",
    "Customer",
    "DeliveryAttempt",
    "EmailConfirmation",
    "Invoice",
    "InvoiceLine",
    "InvoiceLineEntry",
    "LedgerEntry",
    "LoginLink",
    "Mail",
    "Organization",
    "OrganizationCount",
    "PendingAuditRow",
    "PersonalDetail",
    "Plan",
    "Purchase",
    "Server",
    "ServerCount",
    "TransferChallenge",
    "WebhookEvent",
    "triggers",
]
