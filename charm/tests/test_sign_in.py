"""Sign-in with OpenID Connect: the options it needs, and the key of web sessions that all units share."""

from dataclasses import replace
from typing import Any

import ops.testing as t
import pytest

from charm import QueuepassCharm
from cluster import Cluster
from conftest import Clock
from support import (
    app_secret,
    environment_of,
    is_running,
    make_secret,
    make_state,
    status_of,
    with_config,
)

Context = t.Context[QueuepassCharm]
OIDC = {
    "oidc_client_id": "queuepass",
    "oidc_provider_issuer": "https://idp.example",
    "public_url": "https://q.example",
}
WEB_1, WEB_2 = "first-web-key-of-32-bytes-at-the-least", "second-web-key-of-32-bytes-at-the-least"


def configured(context: Context, **options: Any) -> t.State:
    return context.run(context.on.config_changed(), make_state(config={**OIDC, **options}))


def web_keys(state: t.State) -> tuple[str | None, str | None]:
    """Returns the key in use and the other one that the server accepts."""
    environment = environment_of(state)
    return environment.get("WEB_SECRET_KEY"), environment.get("WEB_SECRET_KEY_PREVIOUS")


def test_client_id_and_issuer_turn_on_sign_in_with_a_key_that_the_charm_creates(context: Context):
    out = configured(context)
    assert status_of(out) == ("active", "")
    environment = environment_of(out)
    assert environment["OIDC_CLIENT_ID"] == "queuepass"
    assert environment["OIDC_PROVIDER_ISSUER"] == "https://idp.example"
    assert len(environment["WEB_SECRET_KEY"]) == 64
    assert environment["WEB_SECRET_KEY"] != environment["JWT_SIGNING_KEY"]
    assert app_secret(out, "web-keys") == {"current": environment["WEB_SECRET_KEY"]}


def test_without_sign_in_the_charm_creates_no_web_key(context: Context):
    out = context.run(context.on.config_changed(), make_state())
    assert web_keys(out) == (None, None)
    assert [secret.label for secret in out.secrets if secret.owner == "app"] == ["signing-keys"]


def test_a_web_key_alone_is_allowed(context: Context):
    out = context.run(context.on.config_changed(), make_state(config={"web_secret_key": WEB_1}))
    assert web_keys(out) == (WEB_1, None)
    assert status_of(out) == ("active", "Keys in plain text, use NAME_secret instead: web_secret_key")


@pytest.mark.parametrize(
    ("missing", "given"),
    [("oidc_client_id", "oidc_provider_issuer"), ("oidc_provider_issuer", "oidc_client_id")],
)
def test_a_missing_option_is_named_and_does_not_open_the_server(context: Context, missing: str, given: str):
    served = configured(context)
    out = context.run(context.on.config_changed(), with_config(served, **{missing: None}))
    assert status_of(out) == ("blocked", f"{missing} is missing: sign-in needs it as well as {given}")
    assert environment_of(out) == environment_of(served)
    fresh = make_state(config={given: OIDC[given], "web_secret_key": WEB_1})
    fresh = context.run(context.on.config_changed(), fresh)
    assert status_of(fresh) == ("blocked", f"{missing} is missing: sign-in needs it as well as {given}")
    assert not is_running(fresh)


def test_sign_in_over_plain_http_is_reported_while_the_server_serves_agents(context: Context):
    problem = ("blocked", "public_url does not begin with https://: people cannot sign in")
    out = configured(context, public_url="")
    assert status_of(out) == problem
    assert is_running(out)
    out = configured(context, public_url="http://q.example")
    assert status_of(out) == problem
    without = with_config(out, oidc_client_id=None, oidc_provider_issuer=None)
    assert status_of(context.run(context.on.config_changed(), without)) == ("active", "")


def test_an_ingress_with_tls_is_enough_for_sign_in(context: Context):
    ingress = t.Relation("ingress", remote_app_data={"ingress": '{"url": "https://gw.example/q"}'})
    state = make_state(config={**OIDC, "public_url": ""})
    state = replace(state, relations={*state.relations, ingress})
    out = context.run(context.on.config_changed(), state)
    assert status_of(out) == ("active", "")
    assert environment_of(out)["PUBLIC_URL"] == "https://gw.example/q"


def test_all_units_use_the_web_key_that_the_leader_creates():
    cluster = Cluster(2, base=make_state(config=OIDC))
    cluster.run(1)
    assert status_of(cluster.states[1]) == ("waiting", "Waiting for the leader to hand out keys")
    assert not is_running(cluster.states[1])
    cluster.run_all()
    assert web_keys(cluster.states[0]) == web_keys(cluster.states[1]) != (None, None)


def test_a_unit_waits_for_the_web_key_when_sign_in_is_turned_on_later():
    cluster = Cluster(2)
    cluster.run_all(2)
    cluster.set_config(**OIDC)
    cluster.run(1)
    assert "OIDC_CLIENT_ID" not in environment_of(cluster.states[1])
    assert status_of(cluster.states[1]) == ("waiting", "Waiting for the leader to hand out keys")
    cluster.run_all(2)
    assert environment_of(cluster.states[1])["OIDC_CLIENT_ID"] == "queuepass"
    assert web_keys(cluster.states[0]) == web_keys(cluster.states[1])


def test_another_leader_keeps_the_web_key():
    cluster = Cluster(2, base=make_state(config=OIDC))
    cluster.run_all(2)
    key = web_keys(cluster.states[0])
    cluster.leader = 1
    cluster.run(1, "leader_elected")
    cluster.run(0)
    assert [web_keys(cluster.states[unit]) for unit in (0, 1)] == [key, key]


def test_turning_sign_in_off_and_on_keeps_the_web_key(context: Context):
    out = configured(context)
    key = web_keys(out)
    off = with_config(out, oidc_client_id=None, oidc_provider_issuer=None)
    out = context.run(context.on.config_changed(), off)
    assert web_keys(out) == (None, None)
    out = context.run(context.on.config_changed(), with_config(out, **OIDC))
    assert web_keys(out) == key


def test_a_new_web_key_is_used_once_every_unit_accepts_it():
    cluster = Cluster(3, base=make_state(config={**OIDC, "web_secret_key": WEB_1}))
    cluster.run_all(2)
    cluster.set_config(web_secret_key=WEB_2)
    cluster.run(0, "config_changed")
    cluster.run(1, "config_changed")
    keys = [web_keys(cluster.states[unit]) for unit in range(3)]
    assert keys == [(WEB_1, WEB_2), (WEB_1, WEB_2), (WEB_1, None)]
    cluster.run(2)
    cluster.run(0)
    keys = [web_keys(cluster.states[unit]) for unit in range(3)]
    assert keys == [(WEB_2, WEB_1), (WEB_1, WEB_2), (WEB_1, WEB_2)]
    cluster.run_all()
    assert {web_keys(cluster.states[unit]) for unit in range(3)} == {(WEB_2, WEB_1)}


def test_the_old_web_key_is_accepted_for_as_long_as_a_session_lasts(context: Context, clock: Clock):
    out = configured(context, web_secret_key=WEB_1, session_hours=2)
    out = context.run(context.on.config_changed(), with_config(out, web_secret_key=WEB_2))
    clock.advance(2 * 3600 + 300 - 1)
    out = context.run(context.on.update_status(), out)
    assert web_keys(out) == (WEB_2, WEB_1)
    clock.advance(1)
    out = context.run(context.on.update_status(), out)
    assert web_keys(out) == (WEB_2, None)
    assert WEB_1 not in str(app_secret(out, "web-keys"))


def test_after_two_rotations_the_newer_of_the_old_web_keys_is_accepted(context: Context):
    out = configured(context)
    for key in (WEB_1, WEB_2):
        out = context.run(context.on.config_changed(), with_config(out, web_secret_key=key))
    assert web_keys(out) == (WEB_2, WEB_1)


def test_a_rotation_of_the_web_key_leaves_the_signing_key_alone(context: Context):
    out = configured(context, web_secret_key=WEB_1)
    before = environment_of(out)
    out = context.run(context.on.config_changed(), with_config(out, web_secret_key=WEB_2))
    changed = {name for name, text in environment_of(out).items() if before.get(name) != text}
    assert changed == {"WEB_SECRET_KEY", "WEB_SECRET_KEY_PREVIOUS"}


def test_the_client_secret_comes_from_a_juju_secret(context: Context):
    secret = make_secret({"value": "oidc-secret"})
    state = make_state(config={**OIDC, "oidc_client_secret_secret": secret.id})
    out = context.run(context.on.config_changed(), replace(state, secrets={*state.secrets, secret}))
    assert environment_of(out)["OIDC_CLIENT_SECRET"] == "oidc-secret"
    assert status_of(out) == ("active", "")
