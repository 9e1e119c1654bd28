"""The key that signs tokens: its source, and a rotation that leaves no token unverifiable."""

from dataclasses import replace

import ops.testing as t
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from charm import QueuepassCharm
from cluster import Cluster
from conftest import Clock
from support import (
    KEY_1,
    KEY_2,
    app_secret,
    environment_of,
    make_secret,
    make_state,
    status_of,
    verifying_keys,
    with_config,
    with_relation,
)

Context = t.Context[QueuepassCharm]
KEPT_SECONDS = 300 + 600 + 5
"""Seconds for the units to restart in turn, the lifetime of a token, and the leeway."""


def signing_key(state: t.State) -> str:
    return environment_of(state)["JWT_SIGNING_KEY"]


def test_the_leader_makes_a_key_that_all_units_use():
    cluster = Cluster(2)
    cluster.run(1)
    assert status_of(cluster.states[1]) == ("waiting", "Waiting for the leader to hand out keys")
    cluster.run_all()
    assert len(cluster.signing(0)) == 64
    assert cluster.signing(1) == cluster.signing(0)


def test_another_leader_keeps_the_key():
    cluster = Cluster(2)
    cluster.run_all()
    key = cluster.signing(0)
    cluster.states[1] = replace(cluster.states[1], relations=cluster.states[1].relations)
    cluster.run(1)
    cluster.leader = 1
    cluster.run(1, "leader_elected")
    cluster.run(0)
    assert [cluster.signing(0), cluster.signing(1)] == [key, key]


def test_a_key_of_the_option_is_used(context: Context):
    out = context.run(context.on.config_changed(), make_state(config={"jwt_signing_key": KEY_1}))
    assert signing_key(out) == KEY_1
    assert status_of(out) == ("active", "Keys in plain text, use NAME_secret instead: jwt_signing_key")


def test_the_juju_secret_takes_precedence_over_the_option(context: Context):
    secret = make_secret({"value": KEY_2})
    state = make_state(config={"jwt_signing_key": KEY_1, "jwt_signing_key_secret": secret.id})
    state = replace(state, secrets={*state.secrets, secret})
    out = context.run(context.on.config_changed(), state)
    assert signing_key(out) == KEY_2
    assert status_of(out) == ("active", "")


def test_a_new_revision_of_the_juju_secret_rotates(context: Context):
    secret = make_secret({"value": KEY_1})
    state = make_state(config={"jwt_signing_key_secret": secret.id})
    out = context.run(context.on.config_changed(), replace(state, secrets={*state.secrets, secret}))
    changed = replace(out.get_secret(id=secret.id), latest_content={"value": KEY_2})
    others = {s for s in out.secrets if s.id != secret.id}
    out = context.run(context.on.secret_changed(changed), replace(out, secrets={*others, changed}))
    assert signing_key(out) == KEY_2
    assert verifying_keys(out) == [KEY_1]


def test_the_old_key_verifies_for_the_lifetime_of_a_token_and_is_then_dropped(context: Context, clock: Clock):
    out = context.run(context.on.config_changed(), make_state(config={"jwt_signing_key": KEY_1}))
    out = context.run(context.on.config_changed(), with_config(out, jwt_signing_key=KEY_2))
    assert (signing_key(out), verifying_keys(out)) == (KEY_2, [KEY_1])
    clock.advance(KEPT_SECONDS - 1)
    out = context.run(context.on.update_status(), out)
    assert verifying_keys(out) == [KEY_1]
    clock.advance(1)
    out = context.run(context.on.update_status(), out)
    assert (signing_key(out), verifying_keys(out)) == (KEY_2, [])
    assert KEY_1 not in str(app_secret(out, "signing-keys"))


def test_a_longer_leeway_keeps_the_old_key_longer(context: Context, clock: Clock):
    out = context.run(
        context.on.config_changed(), make_state(config={"jwt_signing_key": KEY_1, "jwt_leeway": 65})
    )
    out = context.run(context.on.config_changed(), with_config(out, jwt_signing_key=KEY_2))
    clock.advance(KEPT_SECONDS + 59)
    assert verifying_keys(context.run(context.on.update_status(), out)) == [KEY_1]


def test_setting_the_option_back_changes_the_keys_back(context: Context):
    out = context.run(context.on.config_changed(), make_state(config={"jwt_signing_key": KEY_1}))
    out = context.run(context.on.config_changed(), with_config(out, jwt_signing_key=KEY_2))
    out = context.run(context.on.config_changed(), with_config(out, jwt_signing_key=KEY_1))
    assert (signing_key(out), verifying_keys(out)) == (KEY_1, [KEY_2])


def test_emptying_the_option_keeps_the_key(context: Context):
    out = context.run(context.on.config_changed(), make_state(config={"jwt_signing_key": KEY_1}))
    out = context.run(context.on.config_changed(), with_config(out, jwt_signing_key=""))
    assert (signing_key(out), verifying_keys(out)) == (KEY_1, [])


def test_a_new_key_signs_once_every_unit_verifies_with_it():
    cluster = Cluster(3, base=make_state(config={"jwt_signing_key": KEY_1}))
    cluster.run_all(2)
    cluster.set_config(jwt_signing_key=KEY_2)
    cluster.run(0, "config_changed")
    cluster.run(1, "config_changed")
    assert [cluster.signing(unit) for unit in range(3)] == [KEY_1] * 3
    assert [cluster.verifying(unit) for unit in range(3)] == [[KEY_1, KEY_2], [KEY_1, KEY_2], [KEY_1]]
    cluster.run(0)
    assert cluster.signing(0) == KEY_1
    cluster.run(2)
    cluster.run(0)
    assert [cluster.verifying(unit) for unit in range(3)] == [[KEY_2, KEY_1], [KEY_1, KEY_2], [KEY_1, KEY_2]]
    cluster.run_all()
    assert [cluster.verifying(unit) for unit in range(3)] == [[KEY_2, KEY_1]] * 3


def test_a_missing_unit_does_not_block_a_rotation_for_ever(clock: Clock):
    cluster = Cluster(2, base=make_state(config={"jwt_signing_key": KEY_1}))
    cluster.run_all(2)
    cluster.set_config(jwt_signing_key=KEY_2)
    cluster.run(0)
    clock.advance(300)
    cluster.run(0)
    assert cluster.signing(0) == KEY_1
    clock.advance(1)
    cluster.run(0)
    assert cluster.signing(0) == KEY_2


def test_the_action_creates_a_new_key_and_returns_only_the_secrets_id(context: Context):
    out = context.run(context.on.config_changed(), make_state())
    old = signing_key(out)
    out = context.run(context.on.action("rotate-signing-key"), out)
    secret = out.get_secret(label="signing-keys")
    assert context.action_results == {"secret-id": secret.id}
    assert signing_key(out) == app_secret(out, "signing-keys")["current"] != old
    assert verifying_keys(out) == [old]


def test_the_action_refuses_where_an_option_gives_the_key(context: Context):
    state = make_state(config={"jwt_signing_key": KEY_1})
    with pytest.raises(t.ActionFailed) as failed:
        context.run(context.on.action("rotate-signing-key"), state)
    assert failed.value.message == "an option sets the key: change the option"


def test_a_later_peer_relation_gets_the_secrets_id(context: Context):
    state = make_state()
    without = replace(state, relations={r for r in state.relations if r.endpoint != "peers"})
    out = context.run(context.on.upgrade_charm(), without)
    peers = t.PeerRelation("peers")
    out = context.run(context.on.relation_created(peers), with_relation(out, peers))
    ids = out.get_relations("peers")[0].local_app_data
    assert ids == {"signing-keys": out.get_secret(label="signing-keys").id}


def test_a_change_of_the_keys_wakes_the_other_units(context: Context):
    first = context.run(context.on.config_changed(), make_state(config={"jwt_signing_key": KEY_1}))
    again = context.run(context.on.update_status(), first)
    changed = context.run(context.on.config_changed(), with_config(again, jwt_signing_key=KEY_2))
    bags = [state.get_relations("peers")[0].local_app_data for state in (first, again, changed)]
    assert bags[0] == bags[1] != bags[2]


def test_a_unit_with_an_older_revision_of_a_secret_gets_the_newest(context: Context):
    out = context.run(context.on.config_changed(), make_state())
    secret = replace(out.get_secret(label="signing-keys"), latest_content={"current": KEY_2})
    others = {s for s in out.secrets if s.label != "signing-keys"}
    follower = replace(out, leader=False, secrets={*others, secret})
    assert signing_key(context.run(context.on.update_status(), follower)) == KEY_2


ROUNDS = st.lists(
    st.tuples(st.permutations([0, 1, 2]), st.integers(0, 30), st.sampled_from(["", "", "", KEY_1, KEY_2])),
    min_size=6,
    max_size=10,
)


@settings(max_examples=8, deadline=None)
@given(rounds=ROUNDS, leader=st.integers(0, 2))
def test_no_unit_ever_receives_a_token_that_it_cannot_verify(
    rounds: list[tuple[list[int], int, str]], leader: int
):
    with pytest.MonkeyPatch.context() as patch:
        clock = Clock()
        patch.setattr("reconcile.time.time", lambda: clock.now)
        cluster = Cluster(3, leader=leader, base=make_state(config={"jwt_signing_key": KEY_1 + "-0"}))
        cluster.run_all(2)
        tokens: set[tuple[str, int]] = set()
        for order, seconds, option in rounds:
            if option:
                cluster.set_config(jwt_signing_key=option)
            for unit in order:
                cluster.run(unit)
                tokens |= {(cluster.signing(signer), clock.now + 605) for signer in range(3)}
                for key, until in tokens:
                    readers = [reader for reader in range(3) if key in cluster.verifying(reader)]
                    assert until <= clock.now or readers == [0, 1, 2]
            clock.advance(seconds)
