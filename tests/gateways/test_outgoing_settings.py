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


PROVIDER = {
    "TALLYPORT_ENV": "testing",
    "STAFF_OIDC_ISSUER": "https://login.acme.test/realms/Staff/",
    "STAFF_OIDC_CLIENT_ID": "tallyport",
    "STAFF_OIDC_CLIENT_SECRET": "not for anybody",
}


def test_the_provider_of_staff_is_named_completely() -> None:
    settings = load_settings(PROVIDER)
    # As the provider spells it, slash and all.
    assert settings.staff_oidc_issuer == PROVIDER["STAFF_OIDC_ISSUER"]
    assert settings.staff_oidc_name == "single sign-on"
    assert "not for anybody" not in repr(settings)
    for name in ("ISSUER", "CLIENT_ID", "CLIENT_SECRET"):
        variable = f"STAFF_OIDC_{name}"
        with pytest.raises(SettingsError, match=rf"^{variable}: needed with the other"):
            load_settings(PROVIDER | {variable: " "})
    with pytest.raises(SettingsError, match=r"^STAFF_OIDC_NAME: "):
        load_settings(PROVIDER | {"STAFF_OIDC_NAME": "x" * 41})


@pytest.mark.parametrize(
    "issuer",
    [
        "http://login.acme.test",
        "login.acme.test",
        "https://",
        "https://login.acme.test?a=b",
        "https://login.acme.test/#a",
        "https://a@login.acme.test",
        "https://login.acme.test:port",
        "https://[login.acme.test",
        "https://login.acme.test/a b",
        f"https://login.acme.test/{'x' * 300}",
    ],
)
def test_what_is_no_issuer_is_named(issuer: str) -> None:
    with pytest.raises(SettingsError, match=r"^STAFF_OIDC_ISSUER: must be an https address"):
        load_settings(PROVIDER | {"STAFF_OIDC_ISSUER": issuer})
