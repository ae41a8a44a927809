"""Which settings loosen the guarded client, and where they are refused."""

from pathlib import Path

import pytest

from app.settings import SettingsError, load_settings

PRODUCTION = {
    "TALLYPORT_SECRET_KEYS": "k" * 32,
    "STRIPE_SECRET_KEY": "sk_live_x",
    "STRIPE_WEBHOOK_SECRET": "whsec_x",
    "TALLYPORT_MAIL_URL": "smtp://mail.acme.test",
    "TALLYPORT_BASE_URL": "https://billing.acme.test",
}


@pytest.mark.parametrize("env", ["production", "demo", "testing"])
def test_private_hosts_are_refused_unless_somebody_says_otherwise(env: str) -> None:
    environ = PRODUCTION | {"TALLYPORT_ENV": env, "STRIPE_SECRET_KEY": "sk_test_x"}
    assert load_settings(environ).allow_private_hosts is False
    assert load_settings(environ | {"ALLOW_PRIVATE_HOSTS": "on"}).allow_private_hosts is True
    ours = {"TALLYPORT_ALLOW_PRIVATE_HOSTS": "on"}
    assert load_settings(environ | ours).allow_private_hosts is True
    both = {"TALLYPORT_ALLOW_PRIVATE_HOSTS": "off", "ALLOW_PRIVATE_HOSTS": "on"}
    assert load_settings(environ | both).allow_private_hosts is False


def test_a_mistyped_switch_is_named() -> None:
    with pytest.raises(SettingsError, match="ALLOW_PRIVATE_HOSTS: must be on or off"):
        load_settings({"TALLYPORT_ENV": "testing", "ALLOW_PRIVATE_HOSTS": "perhaps"})


def test_another_authority_is_for_demo_and_testing(tmp_path: Path) -> None:
    file = tmp_path / "authority.pem"
    trusted = {"TALLYPORT_EXTRA_CA_FILE": str(file)}
    with pytest.raises(SettingsError, match="TALLYPORT_EXTRA_CA_FILE: there is no such file"):
        load_settings({"TALLYPORT_ENV": "demo"} | trusted)
    file.write_text("")
    for env in ("demo", "testing"):
        assert load_settings({"TALLYPORT_ENV": env} | trusted).extra_ca_file == file
    with pytest.raises(SettingsError, match="TALLYPORT_EXTRA_CA_FILE: exists in demo and testing"):
        load_settings(PRODUCTION | trusted)


def test_transfers_are_limited() -> None:
    strict = load_settings(PRODUCTION)
    assert strict.rate_limit_transfer == "30 per hour"
    assert strict.rate_limit_transfer_address == "10 per hour"
    assert load_settings({"TALLYPORT_ENV": "demo"}).rate_limit_transfer == "100000 per minute"
