"""The secrets master key: a change of the option rotates it. Until then the old key is used."""

from dataclasses import replace
from typing import cast

import ops.testing as t
import pytest

from charm import QueuepassCharm
from cluster import Cluster
from support import (
    MASTER_1,
    MASTER_2,
    ROTATE,
    VAULT_URI,
    app_secret,
    commands_of,
    environment_of,
    is_running,
    make_container,
    make_secret,
    make_state,
    relation_of,
    status_of,
    with_config,
    with_container,
    with_vault,
)

Context = t.Context[QueuepassCharm]
FAILED = ("blocked", "Rotation of the secrets master key failed: run the action retry-key-rotation")
FAIL = t.Exec(ROTATE, return_code=1, stderr="queuepass: MongoDB is not reachable: is it running?\n")


def master_key(state: t.State) -> str | None:
    return environment_of(state).get("TESTFLINGER_SECRETS_MASTER_KEY")


def start(context: Context, execs: set[t.Exec] | None = None) -> t.State:
    """Returns a leader that serves with the first key. `execs` define what its commands do."""
    state = make_state(
        config={"testflinger_secrets_master_key": MASTER_1}, containers={make_container(execs)}
    )
    return context.run(context.on.config_changed(), with_vault(state))


def ask(state: t.State, key: str) -> t.State:
    return with_config(state, testflinger_secrets_master_key=key)


def test_the_first_key_is_used_as_it_is(context: Context):
    out = start(context)
    assert master_key(out) == MASTER_1
    assert environment_of(out)["TESTFLINGER_KEY_VAULT_URI"] == VAULT_URI
    assert app_secret(out, "master-key") == {"current": MASTER_1}
    assert commands_of(context) == []


def test_newlines_in_a_key_do_not_change_it(context: Context):
    lined = f"{MASTER_1[:64]}\n{MASTER_1[64:]}\n"
    out = context.run(context.on.config_changed(), ask(start(context), lined))
    assert (master_key(out), commands_of(context)) == (MASTER_1, [])


def test_a_change_rotates_with_no_key_as_an_argument(context: Context):
    out = context.run(context.on.config_changed(), ask(start(context), MASTER_2))
    (command,) = commands_of(context)
    assert command.argv == ["queuepass", "secrets", "rotate-key"]
    assert command.environment["TESTFLINGER_SECRETS_MASTER_KEY"] == MASTER_1
    assert command.environment["TESTFLINGER_KEY_VAULT_URI"] == VAULT_URI
    assert command.stdin == MASTER_2
    assert master_key(out) == MASTER_2
    assert app_secret(out, "master-key") == {"current": MASTER_2}
    assert status_of(out)[0] == "active"


def test_a_failed_rotation_blocks_and_keeps_the_old_key(context: Context):
    out = context.run(context.on.config_changed(), ask(start(context, {FAIL}), MASTER_2))
    assert status_of(out) == FAILED
    assert master_key(out) == MASTER_1
    assert is_running(out)
    # A person must act: the pass does not retry by itself.
    out = context.run(context.on.update_status(), out)
    assert status_of(out) == FAILED
    assert len(commands_of(context)) == 1


def test_the_action_resumes_a_failed_rotation(context: Context):
    out = context.run(context.on.config_changed(), ask(start(context, {FAIL}), MASTER_2))
    mended = with_container(out, execs={t.Exec(ROTATE)})
    out = context.run(context.on.action("retry-key-rotation"), mended)
    assert context.action_results == {"result": "Secrets master key rotated successfully"}
    assert master_key(out) == MASTER_2
    assert app_secret(out, "master-key") == {"current": MASTER_2}
    assert status_of(out)[0] == "active"


def test_an_action_that_fails_again_reports_it_and_stays_blocked(context: Context):
    out = context.run(context.on.config_changed(), ask(start(context, {FAIL}), MASTER_2))
    with pytest.raises(t.ActionFailed) as failed:
        context.run(context.on.action("retry-key-rotation"), out)
    assert failed.value.message == "the rotation failed again: the unit's log has the reason"
    left = cast("t.State", failed.value.state)
    assert (status_of(left), master_key(left)) == (FAILED, MASTER_1)
    assert len(commands_of(context)) == 2


def test_the_action_without_a_failed_rotation_fails(context: Context):
    with pytest.raises(t.ActionFailed) as failed:
        context.run(context.on.action("retry-key-rotation"), start(context))
    assert failed.value.message == "no rotation of the secrets master key has failed"


def test_setting_the_option_back_ends_the_blocked_status(context: Context):
    out = context.run(context.on.config_changed(), ask(start(context, {FAIL}), MASTER_2))
    out = context.run(context.on.config_changed(), ask(out, MASTER_1))
    assert status_of(out)[0] == "active"
    assert app_secret(out, "master-key") == {"current": MASTER_1}
    # Setting the same new key again starts a new try.
    context.run(context.on.config_changed(), ask(out, MASTER_2))
    assert len(commands_of(context)) == 2


def test_a_different_key_from_the_failed_one_is_tried(context: Context):
    out = context.run(context.on.config_changed(), ask(start(context, {FAIL}), MASTER_2))
    third = "Q0ND" * 32
    out = context.run(context.on.config_changed(), ask(with_container(out, execs={t.Exec(ROTATE)}), third))
    assert master_key(out) == third


def test_a_rotation_waits_for_pebble(context: Context):
    away = with_container(ask(start(context), MASTER_2), can_connect=False)
    out = context.run(context.on.config_changed(), away)
    assert status_of(out) == ("waiting", "Waiting for Pebble")
    assert app_secret(out, "master-key") == {"current": MASTER_1}
    back = with_container(out, can_connect=True)
    out = context.run(context.on.pebble_ready(back.get_container("testflinger")), back)
    assert master_key(out) == MASTER_2


def test_other_units_keep_the_old_key_until_the_leader_has_rotated():
    base = with_vault(make_state(config={"testflinger_secrets_master_key": MASTER_1}))
    cluster = Cluster(2, base=base)
    cluster.run_all(2)
    cluster.set_config(testflinger_secrets_master_key=MASTER_2)
    cluster.run(1)
    assert status_of(cluster.states[1]) == (
        "maintenance",
        "Waiting for the leader to rotate the secrets master key",
    )
    assert master_key(cluster.states[1]) == MASTER_1
    cluster.run(0)
    cluster.run(1)
    assert [master_key(state) for state in cluster.states.values()] == [MASTER_2, MASTER_2]


def test_all_units_are_blocked_after_a_failure_and_use_the_old_key():
    base = make_state(
        config={"testflinger_secrets_master_key": MASTER_1}, containers={make_container({FAIL})}
    )
    cluster = Cluster(2, base=with_vault(base))
    cluster.run_all(2)
    cluster.set_config(testflinger_secrets_master_key=MASTER_2)
    cluster.run_all()
    assert [status_of(state) for state in cluster.states.values()] == [FAILED, FAILED]
    assert [master_key(state) for state in cluster.states.values()] == [MASTER_1, MASTER_1]


def test_a_unit_waits_for_the_leader_to_hand_out_the_first_key(context: Context):
    keys = t.Secret({"current": "k" * 40}, owner="app", label="signing-keys")
    peers = t.PeerRelation("peers", local_app_data={"signing-keys": keys.id})
    state = with_vault(make_state(leader=False, config={"testflinger_secrets_master_key": MASTER_1}))
    others = {r for r in state.relations if r.endpoint != "peers"}
    state = replace(state, relations={*others, peers}, secrets={*state.secrets, keys})
    out = context.run(context.on.config_changed(), state)
    assert status_of(out) == ("waiting", "Waiting for the leader to hand out keys")
    assert not is_running(out)


def test_a_key_in_a_juju_secret_rotates_with_its_revisions(context: Context):
    secret = make_secret({"value": MASTER_1})
    state = with_vault(make_state(config={"testflinger_secrets_master_key_secret": secret.id}))
    out = context.run(context.on.config_changed(), replace(state, secrets={*state.secrets, secret}))
    assert (master_key(out), status_of(out)) == (MASTER_1, ("active", ""))
    changed = replace(out.get_secret(id=secret.id), latest_content={"value": MASTER_2})
    others = {s for s in out.secrets if s.id != secret.id}
    out = context.run(context.on.secret_changed(changed), replace(out, secrets={*others, changed}))
    assert master_key(out) == MASTER_2
    assert commands_of(context)[0].stdin == MASTER_2


def test_moving_the_key_from_the_option_to_a_juju_secret_does_not_rotate(context: Context):
    secret = make_secret({"value": MASTER_1})
    out = with_config(start(context), testflinger_secrets_master_key_secret=secret.id)
    out = context.run(context.on.config_changed(), replace(out, secrets={*out.secrets, secret}))
    assert (master_key(out), commands_of(context), status_of(out)) == (MASTER_1, [], ("active", ""))


def test_an_empty_option_removes_the_store_and_a_later_key_rotates(context: Context):
    out = context.run(context.on.config_changed(), ask(start(context), ""))
    assert master_key(out) is None
    out = context.run(context.on.config_changed(), ask(out, MASTER_2))
    (command,) = commands_of(context)
    assert command.environment["TESTFLINGER_SECRETS_MASTER_KEY"] == MASTER_1
    assert master_key(out) == MASTER_2


def test_a_key_without_a_key_vault_is_blocked_and_the_server_keeps_running(context: Context):
    out = start(context)
    out = context.run(context.on.relation_broken(relation_of(out, "mongodb_keyvault")), out)
    assert status_of(out) == (
        "blocked",
        "testflinger_secrets_master_key needs the relation mongodb_keyvault",
    )
    assert is_running(out)


def test_a_unit_waits_for_a_key_vault_without_credentials(context: Context):
    state = make_state()
    vault = t.Relation("mongodb_keyvault", "mongodb_client")
    out = context.run(context.on.relation_created(vault), replace(state, relations={*state.relations, vault}))
    assert status_of(out) == ("waiting", "Waiting for key vault relation")
    assert not is_running(out)
