"""Actions: the commands that each one runs in the container, its result, and its failures."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import ops
import ops.testing as t
import pytest
import yaml

from charm import QueuepassCharm
from support import (
    URI,
    app_secret,
    commands_of,
    is_running,
    make_container,
    make_state,
    with_container,
)

Context = t.Context[QueuepassCharm]
DECLARED: dict[str, Any] = yaml.safe_load((Path(__file__).parents[1] / "charmcraft.yaml").read_text())
PASSWORD = "a-password-of-the-admin"
SET_KEY = ("queuepass", "admin", "set-key", "--stdin")
RESET_KEY = ("queuepass", "admin", "reset-key", "--json")
ADD_CLIENT = ("queuepass", "client", "add")
PARAMETERS = {
    "set-admin-password": {"password": PASSWORD},
    "add-client": {"client-id": "lab-ci", "role": "contributor"},
}
LEADERS = [
    *("set-admin-password", "retry-key-rotation", "reset-admin-key", "add-client", "rotate-signing-key"),
    "clear-sessions",
]


def serving(context: Context, *execs: t.Exec) -> t.State:
    return context.run(context.on.config_changed(), make_state(containers={make_container(set(execs))}))


def run(context: Context, state: t.State, action: str, **parameters: str) -> t.State:
    event = context.on.action(action, params=parameters or PARAMETERS.get(action, {}))
    return context.run(event, state)


def fail(context: Context, state: t.State, action: str, **parameters: str) -> str:
    with pytest.raises(t.ActionFailed) as failed:
        run(context, state, action, **parameters)
    return failed.value.message


def answer(key: str) -> str:
    return json.dumps({"client_id": "any", "client_key": key})


def test_actions_are_those_of_the_predecessor_and_ours():
    assert sorted(DECLARED["actions"]) == sorted([*LEADERS, "doctor"])
    assert DECLARED["actions"]["set-admin-password"]["required"] == ["password"]


@pytest.mark.parametrize(
    "outcome", ["Admin user created successfully", "Admin password updated successfully"]
)
def test_set_admin_password_reports_whether_the_user_existed(context: Context, outcome: str):
    state = serving(context, t.Exec(SET_KEY, stdout=f"{outcome}\n"))
    out = run(context, state, "set-admin-password", password=PASSWORD)
    (command,) = commands_of(context)
    assert (command.argv, command.stdin) == (list(SET_KEY), PASSWORD)
    assert command.environment["MONGODB_URI"] == URI
    assert context.action_results == {"result": outcome}
    assert app_secret(out, "admin-key") == {"client-id": "testflinger-admin", "client-key": PASSWORD}


def test_a_password_that_is_refused_changes_nothing(context: Context):
    reason = "the key must have at least 15 characters"
    state = serving(context, t.Exec(SET_KEY, return_code=1, stderr=f"queuepass: {reason}\n"))
    assert fail(context, state, "set-admin-password", password="short") == reason
    assert "admin-key" not in {secret.label for secret in state.secrets}


def test_reset_admin_key_returns_the_id_of_the_secret_that_holds_the_key(context: Context):
    state = serving(context, t.Exec(RESET_KEY, stdout=answer("qpk_admin")))
    out = run(context, state, "reset-admin-key")
    assert context.action_results == {"secret-id": out.get_secret(label="admin-key").id}
    assert app_secret(out, "admin-key") == {"client-id": "testflinger-admin", "client-key": "qpk_admin"}


def test_add_client_acts_as_the_admin_and_returns_the_id_of_a_secret_for_a_day(context: Context):
    state = serving(
        context,
        t.Exec(RESET_KEY, stdout=answer("qpk_admin")),
        t.Exec(ADD_CLIENT, stdout=answer("qpk_client")),
    )
    state = run(context, state, "reset-admin-key")
    out = run(context, state, "add-client", **{"client-id": "--odd", "role": "agent"})
    command = commands_of(context)[1]
    assert command.argv == [*ADD_CLIENT, "--json", "--role", "agent", "--", "--odd"]
    acting = {name: text for name, text in command.environment.items() if name.startswith("QUEUEPASS_")}
    assert acting == {
        "QUEUEPASS_SERVER": "http://127.0.0.1:5000",
        "QUEUEPASS_CLIENT_ID": "testflinger-admin",
        "QUEUEPASS_CLIENT_KEY": "qpk_admin",
    }
    secret = out.get_secret(label="client---odd")
    assert context.action_results == {"secret-id": secret.id}
    assert app_secret(out, "client---odd") == {"client-id": "--odd", "client-key": "qpk_client"}
    assert isinstance(secret.expire, datetime)
    assert timedelta(hours=23) < secret.expire - datetime.now(UTC) <= timedelta(days=1)


def test_a_client_that_is_added_again_within_a_day_uses_the_same_secret(context: Context):
    state = serving(
        context, t.Exec(RESET_KEY, stdout=answer("qpk_admin")), t.Exec(ADD_CLIENT, stdout=answer("qpk_1"))
    )
    state = run(context, run(context, state, "reset-admin-key"), "add-client")
    execs = {t.Exec(ADD_CLIENT, stdout=answer("qpk_2"))}
    out = run(context, with_container(state, execs=execs), "add-client")
    assert app_secret(out, "client-lab-ci")["client-key"] == "qpk_2"


def test_a_handed_over_key_is_removed_after_a_day(context: Context):
    secret = t.Secret({"client-key": "qpk_1"}, owner="app", label="client-lab-ci")
    state = make_state()
    state = replace(state, secrets={*state.secrets, secret})
    out = context.run(context.on.secret_expired(secret, revision=1), state)
    assert "client-lab-ci" not in {left.label for left in out.secrets}


def test_an_unused_revision_is_removed(context: Context):
    state = serving(context)
    secret = state.get_secret(label="signing-keys")
    context.run(context.on.secret_remove(secret, revision=7), state)
    assert context.removed_secret_revisions == [7]


def test_add_client_needs_the_admin_key(context: Context):
    reason = fail(context, serving(context), "add-client")
    assert reason == "the key of testflinger-admin is not known: run reset-admin-key or set-admin-password"
    assert commands_of(context) == []


def test_clear_sessions_runs_the_command_and_lets_a_stopped_server_start(context: Context):
    state = serving(context, t.Exec(["queuepass", "session", "clear"], stdout="3 sessions ended\n"))
    stopped = with_container(state, service_statuses={"testflinger": ops.pebble.ServiceStatus.ERROR})
    out = run(context, stopped, "clear-sessions")
    assert context.action_results == {"result": "3 sessions ended"}
    assert commands_of(context)[0].argv == ["queuepass", "session", "clear"]
    assert commands_of(context)[0].environment["MONGODB_URI"] == URI
    assert is_running(out)


def test_doctor_runs_on_any_unit(context: Context):
    report = "jobs: 3 documents\nNo problems found."
    state = serving(context, t.Exec(["queuepass", "doctor"], stdout=report + "\n"))
    run(context, replace(state, leader=False), "doctor")
    assert context.action_results == {"report": report}


@pytest.mark.parametrize("action", LEADERS)
def test_an_action_that_writes_runs_on_the_leader_only(context: Context, action: str):
    state = replace(serving(context), leader=False)
    assert fail(context, state, action) == "this action runs on the leader only"
    assert commands_of(context) == []


@pytest.mark.parametrize("action", [*LEADERS, "doctor"])
@pytest.mark.parametrize(
    "state",
    [
        make_state(containers={make_container(can_connect=False)}),
        make_state(relations={t.PeerRelation("peers")}),
        make_state(config={"workers": 0}),
    ],
    ids=["no Pebble", "no database", "a wrong option"],
)
def test_an_action_on_a_unit_that_is_not_set_up_fails(context: Context, action: str, state: t.State):
    assert fail(context, state, action) == "the unit is not set up: see its status"
    assert commands_of(context) == []


@pytest.mark.parametrize("stdout", ["", "no json", "{}", "[]"])
def test_an_answer_without_a_key_fails_without_showing_it(context: Context, stdout: str):
    state = serving(context, t.Exec(RESET_KEY, stdout=stdout))
    assert fail(context, state, "reset-admin-key") == "the output of the queuepass command has no key"


def test_a_failing_command_without_output_still_fails_the_action(context: Context):
    state = serving(context, t.Exec(["queuepass", "doctor"], return_code=1))
    assert fail(context, state, "doctor") == "the command gave no reason"


def test_a_command_that_cannot_be_run_fails_with_the_kind_of_error(
    context: Context, monkeypatch: pytest.MonkeyPatch
):
    def refuse(*_: object, **__: object) -> None:
        raise ops.pebble.ConnectionError(f"cannot send {URI}")

    state = serving(context)
    monkeypatch.setattr("ops.Container.exec", refuse)
    assert fail(context, state, "doctor") == "the command could not be run: ConnectionError"
