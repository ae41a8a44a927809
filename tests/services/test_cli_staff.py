"""`flask staff create | reset | disable`."""

from typing import Any

import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy import select

from app.domain.errors import BillingError
from app.models.audit import AuditEntry
from app.models.staff import StaffUser
from app.services.context import Context
from app.services.staff_passwords import check_new_password, password_matches

pytestmark = pytest.mark.sqlite_only
PASSWORD = "heron marble cabinet"


def staff(app: Flask, *arguments: str, typed: str | None = None) -> Result:
    """Run one command as the command line does."""
    return app.test_cli_runner().invoke(args=["staff", *arguments], input=typed)


def users(ctx: Context) -> dict[str, StaffUser]:
    with ctx.sessions() as session:
        return {user.email: user for user in session.scalars(select(StaffUser))}


def entries(ctx: Context) -> list[tuple[str, str, Any]]:
    with ctx.sessions() as session:
        found = session.scalars(select(AuditEntry).order_by(AuditEntry.id))
        return [(entry.action, entry.actor, entry.after) for entry in found]


def test_somebody_is_added_reset_and_disabled(app: Flask, ctx: Context) -> None:
    made = staff(app, "create", "Ada@Tallyport.test", "--role", "admin", "--name", "Ada")
    assert made.exit_code == 0
    assert made.output.startswith("http://localhost/support/setup/")
    typed = staff(
        app,
        "create",
        "sam@tallyport.test",
        "--role=support",
        "--password",
        typed=f"{PASSWORD}\n",
    )
    assert (typed.exit_code, typed.output) == (0, "created\n")
    sam = users(ctx)["sam@tallyport.test"]
    assert sam.password_hash is not None and sam.password_hash.startswith("$argon2id$")
    assert password_matches(ctx.settings, sam.password_hash, PASSWORD)
    again = staff(app, "reset", "sam@tallyport.test")
    assert again.output.startswith("http://localhost/support/setup/")
    assert users(ctx)["sam@tallyport.test"].password_hash is None
    assert staff(app, "disable", "sam@tallyport.test").output == "disabled\n"
    assert users(ctx)["sam@tallyport.test"].disabled_at == ctx.now()
    acts = entries(ctx)
    assert [action for action, _actor, _after in acts] == [
        "staff.created",
        "staff.created",
        "staff.reset",
        "staff.disabled",
    ]
    assert {actor for _action, actor, _after in acts} == {"cli"}
    assert "tallyport.test" not in str(acts)


def test_what_cannot_be_is_one_line(app: Flask, ctx: Context) -> None:
    staff(app, "create", "ada@tallyport.test", "--role", "admin")
    for arguments, typed, words in (
        (("create", "nonsense", "--role", "admin"), None, "is no address"),
        (("create", "x@tallyport.test", "--role", "boss"), None, "boss"),
        (("create", "x@tallyport.test"), None, "--role"),
        (("create", "x@tallyport.test", "--role=admin", "--name", "a\nb"), None, "--name"),
        (("create", "x@tallyport.test", "--role=admin", "--password"), "short\n", "at least 12"),
        (("create", "x@tallyport.test", "--role=admin", "--password"), "", "at least 12"),
        (("create", "ADA@tallyport.test", "--role", "admin"), None, "has this address"),
        (("reset", "nobody@tallyport.test"), None, "Error"),
        (("disable", "nobody@tallyport.test"), None, "Error"),
        (("disable", "ada@tallyport.test"), None, "Nobody else"),
    ):
        result = staff(app, *arguments, typed=typed)
        assert result.exit_code != 0 and words in result.output, arguments
        assert isinstance(result.exception, SystemExit)
    assert list(users(ctx)) == ["ada@tallyport.test"]


@pytest.mark.parametrize(
    ("password", "code"),
    [
        ("elevenchars", "staff_password_short"),
        ("x" * 201, "staff_password_long"),
        ("samsato@tallyport.test", "staff_password_like_name"),
        ("password1234", "staff_password_common"),
        ("P@ssw0rd!!!!2012", "staff_password_common"),
        ("welcomewelcome", "staff_password_common"),
        ("adminpassword1", "staff_password_common"),
        ("aaaaaaaaaaaab", "staff_password_common"),
        ("abcabcabcabc", "staff_password_common"),
        ("123456789012", "staff_password_common"),
        ("qwertyuiopas", "staff_password_common"),
        ("zyxwvutsrqpo", "staff_password_common"),
        ("correct horse battery staple", "staff_password_common"),
        (PASSWORD, None),
        ("Tr0ub4dor&3xyz", None),
        ("sam sato likes pottery", None),
    ],
)
def test_what_would_be_tried_first_is_no_password(password: str, code: str | None) -> None:
    try:
        check_new_password(password, email="sam.sato@tallyport.test", full_name="Sam Sato")
    except BillingError as error:
        assert error.code == code
    else:
        assert code is None
