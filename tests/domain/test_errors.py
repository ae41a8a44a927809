"""Errors carry codes and parameters, never words for people."""

import pytest

from app.domain.errors import BillingError, MissingDataError, NotFoundError


def test_an_error_is_a_code_with_parameters() -> None:
    error = BillingError("too_few_licenses", least=25, given=11)
    assert error.code == "too_few_licenses"
    assert dict(error.params) == {"least": 25, "given": 11}
    assert str(error) == "too_few_licenses {'least': 25, 'given': 11}"
    assert str(BillingError("already_subscribed")) == "already_subscribed"


def test_parameters_do_not_change_on_the_way() -> None:
    error = BillingError("too_few_licenses", least=25)
    with pytest.raises(TypeError):
        error.params["least"] = 1  # type: ignore[index] # this is what must not work


def test_the_errors_with_a_name_are_billing_errors() -> None:
    missing, absent = MissingDataError(server_id=7), NotFoundError("plan")
    assert (missing.code, dict(missing.params)) == (
        "missing_data",
        {"last_heard": None, "server_id": 7},
    )
    assert (absent.code, dict(absent.params)) == ("not_found", {"what": "plan"})
    assert isinstance(missing, BillingError) and isinstance(absent, BillingError)
