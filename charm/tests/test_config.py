"""Options: the setting that each one becomes, and the Blocked status for an invalid one."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import ops.testing as t
import pytest
import yaml

import config
from charm import QueuepassCharm
from support import (
    KEY_1,
    MASTER_1,
    environment_of,
    is_running,
    make_secret,
    make_state,
    status_of,
    with_config,
    with_vault,
)

Context = t.Context[QueuepassCharm]
DECLARED: dict[str, Any] = yaml.safe_load((Path(__file__).parents[1] / "charmcraft.yaml").read_text())

PREDECESSORS = {
    "external_hostname": ("string", "testflinger.local"),
    "keepalive": ("int", 10),
    "max_pool_size": ("int", 100),
    "jwt_signing_key": ("string", ""),
    "jwt_leeway": ("int", 5),
    "testflinger_secrets_master_key": ("string", ""),
    "http_proxy": ("string", ""),
    "https_proxy": ("string", ""),
    "no_proxy": ("string", "localhost,127.0.0.1,::1"),
    "enable_proxyfix": ("boolean", False),
    "webhook_url": ("string", "http://test-observer-api.local/"),
    "webhook_auth": ("string", ""),
    "web_secret_key": ("string", ""),
    "oidc_client_id": ("string", ""),
    "oidc_client_secret": ("string", ""),
    "oidc_provider_issuer": ("string", ""),
}


def test_every_option_of_the_predecessor_is_there_with_its_type_and_default():
    options = DECLARED["config"]["options"]
    found = {name: (options[name]["type"], options[name]["default"]) for name in PREDECESSORS}
    assert found == PREDECESSORS


def test_every_option_is_read_and_every_key_has_its_twin():
    twins = {f"{name}_secret" for name in config.KEYS}
    read = {*config.SETTINGS, *config.KEYS, *twins, "external_hostname", "enable_proxyfix"}
    assert read == set(DECLARED["config"]["options"])
    assert {DECLARED["config"]["options"][name]["type"] for name in twins} == {"secret"}


@pytest.mark.parametrize(
    ("option", "value", "setting", "text"),
    [
        ("keepalive", 75, "KEEPALIVE", "75"),
        ("max_pool_size", 7, "MONGODB_MAX_POOL_SIZE", "7"),
        ("jwt_leeway", 30, "JWT_LEEWAY", "30"),
        ("http_proxy", "http://proxy:3128", "HTTP_PROXY", "http://proxy:3128"),
        ("https_proxy", "http://proxy:3128", "HTTPS_PROXY", "http://proxy:3128"),
        ("no_proxy", "localhost", "NO_PROXY", "localhost"),
        ("enable_proxyfix", True, "TRUST_PROXY", "1"),
        ("webhook_url", "https://hooks.example", "WEBHOOK_URL", "https://hooks.example"),
        ("webhook_auth", "hook-token", "WEBHOOK_AUTH", "hook-token"),
        ("web_secret_key", "web-key", "WEB_SECRET_KEY", "web-key"),
        ("oidc_client_secret", "client-secret", "OIDC_CLIENT_SECRET", "client-secret"),
        ("oidc_scopes", "openid read_api", "OIDC_SCOPES", "openid read_api"),
        ("oidc_redirect_path", "/auth", "OIDC_REDIRECT_PATH", "/auth"),
        ("oidc_api_paths", "/api/v4/projects", "OIDC_API_PATHS", "/api/v4/projects"),
        ("oidc_email_domains", "lab.example", "OIDC_EMAIL_DOMAINS", "lab.example"),
        ("oidc_logout", "provider", "OIDC_LOGOUT", "provider"),
        ("local_sign_in", "on", "LOCAL_SIGN_IN", "on"),
        ("session_idle_minutes", 0, "SESSION_IDLE_MINUTES", "0"),
        ("session_hours", 8, "SESSION_HOURS", "8"),
        ("external_hostname", "jobs.example", "PUBLIC_URL", "http://jobs.example"),
        ("public_url", "https://q.example", "PUBLIC_URL", "https://q.example"),
        ("workers", 4, "WORKERS", "4"),
        ("log_level", "debug", "LOG_LEVEL", "debug"),
        ("job_ownership", "record", "JOB_OWNERSHIP", "record"),
        ("agent_binding", "enforce", "AGENT_BINDING", "enforce"),
    ],
)
def test_an_option_becomes_the_setting(context: Context, option: str, value: Any, setting: str, text: str):
    out = context.run(context.on.config_changed(), make_state())
    assert environment_of(out).get(setting) != text
    out = context.run(context.on.config_changed(), with_config(out, **{option: value}))
    assert environment_of(out)[setting] == text


@pytest.mark.parametrize(
    ("option", "value", "problem"),
    [
        ("keepalive", -1, "must be a whole number from 0 to 3600"),
        ("max_pool_size", 0, "must be a whole number from 1 to 10000"),
        ("jwt_leeway", 3601, "must be a whole number from 0 to 3600"),
        ("workers", 0, "must be a whole number from 1 to 64"),
        ("log_level", "loud", "must be one of: debug, info, warn, error, silent"),
        ("job_ownership", "yes", "must be one of: record, enforce"),
        ("agent_binding", "yes", "must be one of: record, enforce"),
        ("webhook_url", "hooks.example", "must be a URL that begins with http:// or https://"),
        ("public_url", "ftp://q.example", "must be a URL that begins with http:// or https://"),
        ("oidc_provider_issuer", "http://idp.example", "must be a URL that begins with https://"),
        ("oidc_scopes", "email", "must contain the scope openid"),
        ("oidc_redirect_path", "/login", "must be one of: /auth/callback, /auth"),
        ("oidc_logout", "all", "must be one of: local, provider"),
        ("local_sign_in", "yes", "must be one of: auto, on, off"),
        ("session_idle_minutes", -1, "must be a whole number from 0 to 10080"),
        ("session_hours", 0, "must be a whole number from 1 to 720"),
        ("external_hostname", "not a host", "must be a host name"),
        ("external_hostname", "", "must be a host name"),
        ("jwt_signing_key", "short", "is under 32 bytes: set it to an empty text and the charm makes one"),
        (
            "testflinger_secrets_master_key",
            MASTER_1[:-4],
            "must be base64 of 96 bytes: openssl rand -base64 96",
        ),
        ("testflinger_secrets_master_key", "ü", "must be base64 of 96 bytes: openssl rand -base64 96"),
    ],
)
def test_an_invalid_option_is_named_and_does_not_change_the_server(
    context: Context, option: str, value: Any, problem: str
):
    served = context.run(context.on.config_changed(), make_state())
    out = context.run(context.on.config_changed(), with_config(served, **{option: value}))
    assert status_of(out) == ("blocked", f"{option} {problem}")
    assert is_running(out)
    assert environment_of(out) == environment_of(served)
    mended = context.run(context.on.config_changed(), with_config(out, **{option: None}))
    assert status_of(mended) == ("active", "")


def test_an_invalid_option_blocks_the_first_start(context: Context):
    out = context.run(context.on.config_changed(), make_state(config={"workers": 0}))
    assert status_of(out)[0] == "blocked"
    assert not is_running(out)


def test_removing_the_database_stops_the_server_even_if_an_option_is_invalid(context: Context):
    served = context.run(context.on.config_changed(), make_state())
    wrong = with_config(served, workers=0)
    out = context.run(context.on.relation_broken(wrong.get_relations("mongodb_client")[0]), wrong)
    assert status_of(out) == ("blocked", "workers must be a whole number from 1 to 64")
    assert not is_running(out)


@pytest.mark.parametrize("option", sorted(config.KEYS))
def test_a_key_comes_from_a_juju_secret_or_from_plain_text_with_advice(context: Context, option: str):
    setting = config.KEYS[option][0]
    key = MASTER_1 if "master" in option else KEY_1
    state = with_vault(make_state(config={option: key}))
    out = context.run(context.on.config_changed(), state)
    assert environment_of(out)[setting] == key
    assert status_of(out) == ("active", f"Keys in plain text, use NAME_secret instead: {option}")
    secret = make_secret({"value": key})
    state = replace(state, config={f"{option}_secret": secret.id}, secrets={*state.secrets, secret})
    out = context.run(context.on.config_changed(), state)
    assert environment_of(out)[setting] == key
    assert status_of(out) == ("active", "")


def test_a_secret_that_was_not_granted_is_named(context: Context):
    state = make_state(config={"webhook_auth_secret": "secret:cvq0000000000000000g"})
    out = context.run(context.on.config_changed(), state)
    assert status_of(out) == (
        "blocked",
        "webhook_auth_secret names a secret that the application was not granted",
    )


def test_a_secret_without_the_field_is_named_even_if_the_option_is_set(context: Context):
    secret = make_secret({"token": "hook-token"})
    state = make_state(config={"webhook_auth": "hook-token", "webhook_auth_secret": secret.id})
    out = context.run(context.on.config_changed(), replace(state, secrets={*state.secrets, secret}))
    assert status_of(out) == ("blocked", "webhook_auth_secret names a secret without a field `value`")


def test_an_invalid_key_in_a_secret_names_the_option_of_the_secret(context: Context):
    secret = make_secret({"value": "short"})
    state = make_state(config={"jwt_signing_key_secret": secret.id})
    out = context.run(context.on.config_changed(), replace(state, secrets={*state.secrets, secret}))
    assert status_of(out)[1].startswith("jwt_signing_key_secret is under 32 bytes")


def test_several_keys_in_plain_text_are_listed_together(context: Context):
    out = context.run(
        context.on.config_changed(), make_state(config={"webhook_auth": "a", "web_secret_key": "b"})
    )
    assert status_of(out)[1] == "Keys in plain text, use NAME_secret instead: web_secret_key, webhook_auth"
