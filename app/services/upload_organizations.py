"""Rules 4 and 5 of an upload: the organizations of a server as its list tells them.

An organization is known by its UUID once a list named it, by its integer id before. Integer ids
may be given to another organization, and swapped, when a server is rebuilt.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError

from app.domain.errors import BillingError
from app.domain.kinds import LIVE_STATUSES, TierKind
from app.models.customers import Customer
from app.models.plans import Plan
from app.models.registrations import Organization, Server
from app.models.uploads import AuditRow, OrganizationCount
from app.services.audit import record_audit
from app.services.context import Actor
from app.services.outbox import record_mail
from app.services.unit_of_work import UnitOfWork
from app.services.upload_commands import UploadedOrganization

# What a list may change, besides the integer id and whether the organization is there at all.
_FIELDS = (
    "host",
    "url",
    "name",
    "org_type",
    "authentication_methods",
    "date_created",
    "deactivated",
    "is_system_bot_realm",
)
OWNER_SECRET = "organization-owner-secret"


def apply_organizations(
    work: UnitOfWork, server: Server, listed: Sequence[UploadedOrganization], *, actor: Actor
) -> None:
    """Make the organizations of a claimed server what its full list says.

    Creates, changes, restores, and marks as locally deleted whatever the list lacks; each with an
    audit entry, one for each changed field. Raises BillingError `duplicate_registration` when a
    UUID belongs to another server.
    """
    _Listing(work, server, actor).apply(listed)


class _Listing:
    """One list being applied to one server."""

    def __init__(self, work: UnitOfWork, server: Server, actor: Actor) -> None:
        self.work = work
        self.server = server
        self.actor = actor

    def apply(self, listed: Sequence[UploadedOrganization]) -> None:
        known = self._load([entry.uuid for entry in listed])
        by_uuid = {organization.uuid: organization for organization in known if organization.uuid}
        unnamed = {
            organization.remote_realm_id: organization
            for organization in known
            if organization.uuid is None and organization.locally_deleted_at is None
        }
        targets: dict[str, Organization] = {}
        for entry in listed:
            target = by_uuid.get(entry.uuid)
            placeholder = unnamed.pop(entry.remote_id, None)
            if target is not None and placeholder is not None:
                self._absorb(placeholder, target)
            elif target is None and placeholder is not None:
                target = placeholder
            if target is not None:
                targets[entry.uuid] = target
        staying = {organization.id for organization in targets.values()}
        self._mark_missing(
            [
                organization
                for organization in known
                if organization.id not in staying and organization.locally_deleted_at is None
            ]
        )
        self._free_numbers(listed, targets)
        self._write(listed, targets)

    def _load(self, uuids: Sequence[str]) -> list[Organization]:
        """All of this server, gone ones included; complains of UUIDs that are another server's."""
        session = self.work.session
        known = list(
            session.scalars(
                select(Organization)
                .where(Organization.server_id == self.server.id)
                .order_by(Organization.id)
            )
        )
        ours = {organization.uuid for organization in known}
        foreign = [uuid for uuid in uuids if uuid not in ours]
        for start in range(0, len(foreign), 5_000):
            part = foreign[start : start + 5_000]
            if session.scalars(
                select(Organization.id).where(Organization.uuid.in_(part)).limit(1)
            ).first():
                raise BillingError("duplicate_registration")
        return known

    def _absorb(self, placeholder: Organization, target: Organization) -> None:
        """Rows that came under the number of an organization before its entry did belong to it."""
        session = self.work.session
        for model in (AuditRow, OrganizationCount):
            session.execute(
                update(model)
                .where(model.organization_id == placeholder.id)
                .values(organization_id=target.id)
                .execution_options(synchronize_session=False)
            )
        placeholder.locally_deleted_at = self.work.now
        self._record("organization.merged", placeholder, before=None, after={"into": target.id})

    def _mark_missing(self, missing: Sequence[Organization]) -> None:
        for organization in missing:
            organization.locally_deleted_at = self.work.now
            self._record(
                "organization.locally_deleted",
                organization,
                before={"locally_deleted_at": None},
                after={"locally_deleted_at": self.work.now.isoformat()},
            )
        self.work.flush()
        self._mail_about_paid_plans(missing)

    def _mail_about_paid_plans(self, missing: Sequence[Organization]) -> None:
        """The billing team decides what becomes of the paid plan of an organization that is gone."""
        by_id = {organization.id: organization for organization in missing}
        if not by_id:
            return
        tiers = self.work.ctx.catalog.tiers
        statement = (
            select(Customer.id, Customer.organization_id, Plan.tier)
            .join(Plan, Plan.customer_id == Customer.id)
            .join(Organization, Organization.id == Customer.organization_id)
            .where(Organization.server_id == self.server.id, Plan.status.in_(LIVE_STATUSES))
        )
        for customer_id, organization_id, tier in self.work.session.execute(statement):
            kind = tiers[tier].kind if tier in tiers else TierKind.PAID
            organization = by_id.get(organization_id or 0)
            if organization is None or kind not in (TierKind.PAID, TierKind.FIXED):
                continue
            record_mail(
                self.work,
                template="organization_vanished",
                recipient=self.work.ctx.catalog.brand.support_email,
                params={
                    "organization": organization.name or organization.host,
                    "organization_host": organization.host,
                    "organization_uuid": organization.uuid,
                    "server_host": self.server.hostname,
                    "tier": tiers[tier].title if tier in tiers else tier,
                    "at": self.work.now,
                },
                event_key=f"organization_vanished:{organization.id}:{self.work.now.isoformat()}",
                customer_id=customer_id,
            )

    def _free_numbers(
        self, listed: Sequence[UploadedOrganization], targets: Mapping[str, Organization]
    ) -> None:
        """Take integer ids away from organizations that get another one, so that two may swap
        theirs although no two present ones may share one at any moment."""
        for entry in listed:
            target = targets.get(entry.uuid)
            if target is None or target.remote_realm_id == entry.remote_id:
                continue
            self._record_change(target, "remote_realm_id", target.remote_realm_id, entry.remote_id)
            target.remote_realm_id = -target.id
        self.work.flush()

    def _write(
        self, listed: Sequence[UploadedOrganization], targets: Mapping[str, Organization]
    ) -> None:
        named: list[tuple[str, Organization]] = []
        for entry in listed:
            target = targets.get(entry.uuid)
            if target is not None and target.uuid is not None:
                self._change(target, entry)
                continue
            action = "organization.created" if target is None else "organization.identified"
            if target is None:
                target = Organization(server_id=self.server.id, created_at=self.work.now)
                self.work.session.add(target)
            self._name(target, entry)
            named.append((action, target))
        try:
            self.work.flush()
        except IntegrityError:
            # Another server registered one of the UUIDs since we looked.
            raise BillingError("duplicate_registration") from None
        for action, target in named:
            self._record(action, target, before=None, after=_described(target))

    def _name(self, target: Organization, entry: UploadedOrganization) -> None:
        target.uuid = entry.uuid
        target.remote_realm_id = entry.remote_id
        target.owner_secret_hash = self._hash(entry.owner_secret)
        for field in _FIELDS:
            setattr(target, field, _value(entry, field))

    def _change(self, target: Organization, entry: UploadedOrganization) -> None:
        target.remote_realm_id = entry.remote_id
        if target.locally_deleted_at is not None:
            self._record(
                "organization.restored",
                target,
                before={"locally_deleted_at": target.locally_deleted_at.isoformat()},
                after={"locally_deleted_at": None},
            )
            target.locally_deleted_at = None
        for field in _FIELDS:
            before, after = getattr(target, field), _value(entry, field)
            if before != after:
                self._record_change(target, field, before, after)
                setattr(target, field, after)
        stored = target.owner_secret_hash
        if stored is None or not self.work.ctx.tokens.matches(
            OWNER_SECRET, entry.owner_secret, stored_hash=stored
        ):
            target.owner_secret_hash = self._hash(entry.owner_secret)
            self._record("organization.owner_secret_changed", target, before=None, after=None)

    def _hash(self, secret: str) -> str:
        return self.work.ctx.tokens.hash_secret(OWNER_SECRET, secret)

    def _record_change(
        self, organization: Organization, field: str, before: Any, after: Any
    ) -> None:
        self._record(
            "organization.changed",
            organization,
            before={field: _as_json(before)},
            after={field: _as_json(after)},
        )

    def _record(
        self,
        action: str,
        organization: Organization,
        *,
        before: Mapping[str, Any] | None,
        after: Mapping[str, Any] | None,
    ) -> None:
        record_audit(
            self.work,
            action,
            actor=self.actor,
            server_id=self.server.id,
            organization_id=organization.id,
            before=before,
            after=after,
        )


def _value(entry: UploadedOrganization, field: str) -> Any:
    value = getattr(entry, field)
    return dict(value) if field == "authentication_methods" else value


def _described(organization: Organization) -> dict[str, Any]:
    names = ("uuid", "remote_realm_id", *_FIELDS)
    return {name: _as_json(getattr(organization, name)) for name in names}


def _as_json(value: Any) -> Any:
    return value.isoformat() if hasattr(value, "isoformat") else value
