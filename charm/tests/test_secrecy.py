"""No key and no relation data in logs, statuses, action results, databags or labels."""

from collections.abc import Iterator
from dataclasses import replace
from typing import cast

import ops.testing as t
import pytest

import config
import keys
import layer
import relations
import workload
from charm import QueuepassCharm
from support import (
    HOSTS,
    KEY_1,
    KEY_2,
    MASTER_1,
    MASTER_2,
    PASSWORD,
    URI,
    USER,
    app_secret,
    container_of,
    environment_of,
    make_container,
    make_state,
    verifying_keys,
    with_config,
    with_vault,
)

Context = t.Context[QueuepassCharm]
ADMIN_KEY, CLIENT_KEY = "qpk_admin_2f7d", "qpk_client_91ac"
TOKEN, WEB_KEY, WEB_KEY_2, OIDC_SECRET = "hook-token-5ce1", "web-key-77d0", "web-key-91ff", "oidc-secret-0be4"
HOST = HOSTS.split(",")[0]
SECRETS = [
    *(KEY_1, KEY_2, MASTER_1, MASTER_2, USER, PASSWORD, URI, HOST),
    *(ADMIN_KEY, CLIENT_KEY, TOKEN, WEB_KEY, WEB_KEY_2, OIDC_SECRET),
]
LEAKY = (
    f"queuepass: cannot use {URI} at {HOST} as {USER} with {PASSWORD} and {KEY_1}"
    f" or {WEB_KEY} or {WEB_KEY_2} or {OIDC_SECRET}\n"
)
LEAKY_TOO = f"queuepass: cannot use {MASTER_1} nor {MASTER_2} at {HOST}\n"
"""The output of a command that prints everything it was given."""
CONFIG = {
    "jwt_signing_key": KEY_1,
    "testflinger_secrets_master_key": MASTER_1,
    "webhook_auth": TOKEN,
    "web_secret_key": WEB_KEY,
    "oidc_client_secret": OIDC_SECRET,
    "oidc_client_id": "queuepass",
    "oidc_provider_issuer": "https://idp.example",
}
EXECS = {
    t.Exec(["queuepass", "secrets"], return_code=1, stderr=LEAKY_TOO),
    t.Exec(["queuepass", "session"], return_code=1, stderr=LEAKY),
    t.Exec(["queuepass", "doctor"], return_code=1, stderr=LEAKY),
    t.Exec(["queuepass", "admin", "set-key"], return_code=1, stderr=LEAKY_TOO),
    t.Exec(["queuepass", "admin", "reset-key"], stdout=f'{{"client_key": "{ADMIN_KEY}"}}'),
    t.Exec(["queuepass", "client", "add"], stdout=f'{{"client_key": "{CLIENT_KEY}"}}'),
}


def run(context: Context, state: t.State, action: str, told: list[str], **parameters: str) -> t.State:
    try:
        out = context.run(context.on.action(action, params=parameters), state)
    except t.ActionFailed as failed:
        told.append(failed.message)
        out = cast("t.State", failed.state)
    told.append(str(context.action_results))
    return out


def walk(context: Context, told: list[str]) -> Iterator[t.State]:
    """Runs every option, action and rotation, including failures."""
    state = make_state(config=CONFIG, containers={make_container(EXECS)})
    relations = {
        t.Relation(name) for name in ("nginx-route", "ingress", "metrics-endpoint", "grafana-dashboard")
    }
    state = with_vault(replace(state, relations={*state.relations, *relations}))
    state = context.run(context.on.config_changed(), state)
    yield state
    state = context.run(
        context.on.config_changed(),
        with_config(
            state,
            jwt_signing_key=KEY_2,
            web_secret_key=WEB_KEY_2,
            testflinger_secrets_master_key=MASTER_2,
        ),
    )
    yield state
    for action, parameters in {
        "set-admin-password": {"password": MASTER_2},
        "retry-key-rotation": {},
        "reset-admin-key": {},
        "add-client": {"client-id": "lab-ci", "role": "contributor"},
        "rotate-signing-key": {},
        "clear-sessions": {},
        "doctor": {},
    }.items():
        state = run(context, state, action, told, **parameters)
        yield state
    yield context.run(context.on.config_changed(), with_config(state, jwt_signing_key="wrong-" + TOKEN[:4]))
    yield context.run(context.on.relation_broken(state.get_relations("mongodb_client")[0]), state)


def test_no_output_contains_a_secret(context: Context, caplog: pytest.LogCaptureFixture):
    told: list[str] = []
    states = list(walk(context, told))
    told += [line.message for line in context.juju_log]
    told += [record.getMessage() for record in caplog.records]
    for state in states:
        told += [state.unit_status.message, str(state.app_status)]
        for relation in state.relations:
            told += [str(relation.local_app_data), str(relation.local_unit_data)]
        for name, given in container_of(state).layers.items():
            told += [name, given.summary, given.description]
            told += [service.summary + service.command for service in given.services.values()]
        told += [str(secret.label) + str(secret.description) for secret in state.secrets]
    text = "\n".join(told)
    assert [secret for secret in SECRETS if secret in text] == []
    # The run reached every place that has secrets.
    assert app_secret(states[2], "master-key") == {"current": MASTER_1, "refused": MASTER_2}
    assert (environment_of(states[1])["JWT_SIGNING_KEY"], verifying_keys(states[1])) == (KEY_2, [KEY_1])
    web = {name: key for name, key in environment_of(states[1]).items() if name.startswith("WEB_SECRET")}
    assert web == {"WEB_SECRET_KEY": WEB_KEY_2, "WEB_SECRET_KEY_PREVIOUS": WEB_KEY}
    assert CLIENT_KEY in app_secret(states[5], "client-lab-ci")["client-key"]
    assert "the rotation of the secrets master key failed: cannot use *** nor *** at ***" in text


def test_values_that_hold_keys_do_not_show_them(context: Context):
    out = context.run(context.on.config_changed(), with_vault(make_state(config=CONFIG)))
    signing = keys.RotatingKeys.read(app_secret(out, "signing-keys")).announce(KEY_2, 1)
    read = config.read_config(CONFIG, str)
    inputs = layer.Inputs(URI, URI, signing.promote(2), signing, keys.MasterKey(MASTER_1, MASTER_2), None)
    shown = repr([signing, read, inputs, relations.Database(URI, True, PASSWORD)])
    assert [secret for secret in SECRETS if secret in shown] == []


@pytest.mark.parametrize(
    ("uri", "parts"),
    [
        ("mongodb://us%40r:p%3Aw@a.b:27017,c/d?e=f", ["us%40r", "us@r", "p%3Aw", "p:w", "a.b", "c"]),
        ("mongodb+srv://u:p@h", ["u", "p", "h"]),
        ("http://proxy-user:proxy-pass@proxy:3128", ["proxy-user", "proxy-pass", "proxy"]),
    ],
)
def test_parts_of_an_address_are_secret_too(uri: str, parts: list[str]):
    name = "HTTPS_PROXY" if uri.startswith("http") else "MONGODB_URI"
    assert set(workload.list_secrets({name: uri})) == {uri, *parts}


def test_only_settings_that_hold_secrets_are_hidden():
    environment = {
        "PORT": "5000",
        "PUBLIC_URL": "http://q",
        "WEBHOOK_AUTH": "x",
        "WEB_SECRET_KEY_PREVIOUS": "y",
    }
    assert workload.list_secrets(environment) == ["x", "y"]


def test_the_longest_secret_is_hidden_first():
    assert workload.pick_reason("first\nqueuepass: abcd ab\n", ["ab", "abcd", ""]) == "*** ***"
