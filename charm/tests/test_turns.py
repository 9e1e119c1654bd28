"""Units restart one after the other, so that another unit can take the requests."""

from dataclasses import replace

import pytest

import turns
from cluster import Cluster
from conftest import Clock
from support import URI, environment_of, make_database, make_state, status_of

NEW_URI = URI.replace("relation-password-8c21", "another-password")


@pytest.fixture
def cluster() -> Cluster:
    cluster = Cluster(3)
    cluster.run_all(2)
    return cluster


def uris(cluster: Cluster) -> list[str]:
    return [environment_of(state).get("MONGODB_URI", "") for state in cluster.states.values()]


def rotate_credentials(cluster: Cluster) -> None:
    (user,) = (s for s in cluster.states[0].secrets if s.owner is None)
    content = {"username": "relation-user", "password": "another-password", "uris": NEW_URI}
    cluster.replace_secret(replace(user, latest_content=content))


def test_all_units_start_at_once():
    cluster = Cluster(3)
    for unit in (0, 2, 1):
        cluster.run(unit)
        assert status_of(cluster.states[unit]) == ("active", "")


def test_new_credentials_restart_one_unit_after_the_other(cluster: Cluster):
    rotate_credentials(cluster)
    cluster.run(2)
    assert status_of(cluster.states[2]) == ("maintenance", "Waiting for its turn to restart")
    cluster.run(1)
    assert uris(cluster) == [URI, URI, URI]
    cluster.run(0)
    assert uris(cluster) == [NEW_URI, URI, URI]
    cluster.run(2)
    assert uris(cluster) == [NEW_URI, URI, URI]
    cluster.run(1)
    cluster.run(2)
    assert uris(cluster) == [NEW_URI, NEW_URI, NEW_URI]
    assert all(status_of(state) == ("active", "") for state in cluster.states.values())


def test_a_unit_that_is_not_ready_yet_keeps_the_next_waiting(cluster: Cluster, server: dict[str, bool]):
    rotate_credentials(cluster)
    server["ready"] = False
    cluster.run(0)
    cluster.run(1)
    assert uris(cluster) == [NEW_URI, URI, URI]
    server["ready"] = True
    cluster.run(0)
    cluster.run(1)
    assert uris(cluster) == [NEW_URI, NEW_URI, URI]


def test_a_missing_unit_blocks_the_others_only_for_a_time(cluster: Cluster, clock: Clock):
    rotate_credentials(cluster)
    cluster.run(1)
    clock.advance(turns.LIMIT_SECONDS)
    cluster.run(1)
    assert uris(cluster)[1] == URI
    clock.advance(1)
    cluster.run(1)
    assert uris(cluster)[1] == NEW_URI
    # The next wait starts from zero.
    assert "waits-since" not in cluster.peers_of(1).local_unit_data


def test_a_unit_with_a_stopped_server_does_not_block_the_others(cluster: Cluster):
    rotate_credentials(cluster)
    others = {r for r in cluster.states[0].relations if r.endpoint != "mongodb_client"}
    cluster.states[0] = replace(cluster.states[0], relations=others)
    cluster.run(0)
    assert status_of(cluster.states[0]) == ("waiting", "Waiting for database relation")
    cluster.run(1)
    assert uris(cluster)[1] == NEW_URI


def test_a_new_pod_serves_without_waiting_for_its_turn(cluster: Cluster):
    rotate_credentials(cluster)
    fresh = make_state().get_container("testflinger")
    cluster.states[2] = replace(cluster.states[2], containers={fresh})
    cluster.run(2)
    assert uris(cluster) == [URI, URI, NEW_URI]


def test_a_single_unit_does_not_wait():
    cluster = Cluster(1)
    cluster.run(0)
    rotate_credentials(cluster)
    cluster.run(0)
    assert uris(cluster) == [NEW_URI]


def test_unit_numbers_are_compared_as_numbers():
    bags = {"queuepass-k8s/9": {"serving": "old"}}
    assert not turns.may_restart("queuepass-k8s/10", "new", bags, waits_since=0, now=0)
    assert turns.may_restart("queuepass-k8s/2", "new", bags, waits_since=0, now=0)


def test_a_relation_without_credentials_yet_does_not_stop_the_server(cluster: Cluster):
    relation, _ = make_database()
    empty = replace(relation, id=cluster.states[0].get_relations("mongodb_client")[0].id, remote_app_data={})
    relations = {r for r in cluster.states[0].relations if r.endpoint != "mongodb_client"}
    cluster.states[0] = replace(cluster.states[0], relations={*relations, empty})
    cluster.run(0)
    assert status_of(cluster.states[0]) == ("waiting", "Waiting for database relation")
    assert uris(cluster)[0] == URI
