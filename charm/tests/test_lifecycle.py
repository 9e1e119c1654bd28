"""The unit from its first hook to a running server, and back to none."""

from dataclasses import replace
from typing import cast

import ops
import ops.testing as t
import pytest
from ops.pebble import CheckLevel, CheckStatus, ServiceStatus

from charm import QueuepassCharm
from conftest import Clock
from support import (
    URI,
    app_secret,
    container_of,
    environment_of,
    is_running,
    make_container,
    make_database,
    make_state,
    relation_of,
    status_of,
    with_container,
    with_relation,
    with_vault,
)

Context = t.Context[QueuepassCharm]


def test_a_unit_with_a_database_serves(context: Context):
    state = make_state()
    out = context.run(context.on.pebble_ready(container_of(state)), state)
    assert is_running(out)
    assert status_of(out) == ("active", "")
    service = container_of(out).plan.services["testflinger"]
    assert (service.command, service.startup, service.kill_delay) == ("queuepass serve", "enabled", "45s")
    assert service.on_check_failure == {"alive": "restart"}
    checks = container_of(out).plan.checks
    assert {name: (check.level, check.http) for name, check in checks.items()} == {
        "alive": (CheckLevel.ALIVE, {"url": "http://127.0.0.1:5000/livez"}),
        "ready": (CheckLevel.READY, {"url": "http://127.0.0.1:5000/readyz"}),
    }


def test_the_environment_is_that_of_the_defaults_and_the_database(context: Context):
    out = context.run(context.on.config_changed(), make_state())
    environment = environment_of(out)
    assert environment.pop("JWT_SIGNING_KEY") == app_secret(out, "signing-keys")["current"]
    assert environment == {
        "AGENT_BINDING": "record",
        "DRAIN_SECONDS": "30",
        "HOST": "0.0.0.0",
        "JOB_OWNERSHIP": "enforce",
        "JWT_LEEWAY": "5",
        "KEEPALIVE": "10",
        "LOCAL_SIGN_IN": "auto",
        "LOG_LEVEL": "info",
        "METRICS_PORT": "9090",
        "MONGODB_MAX_POOL_SIZE": "100",
        "MONGODB_URI": URI,
        "NO_PROXY": "localhost,127.0.0.1,::1",
        "OIDC_LOGOUT": "local",
        "OIDC_REDIRECT_PATH": "/auth/callback",
        "OIDC_SCOPES": "openid profile email",
        "PORT": "5000",
        "PUBLIC_URL": "http://testflinger.local",
        "SESSION_HOURS": "12",
        "SESSION_IDLE_MINUTES": "120",
        "WEBHOOK_URL": "http://test-observer-api.local/",
        "WORKERS": "1",
    }


def test_without_pebble_a_unit_waits_but_the_leader_creates_the_signing_key(context: Context):
    out = context.run(context.on.leader_elected(), make_state(containers={make_container(can_connect=False)}))
    assert status_of(out) == ("waiting", "Waiting for Pebble")
    assert len(app_secret(out, "signing-keys")["current"]) >= 32


def test_without_a_database_a_unit_waits_and_runs_nothing(context: Context):
    out = context.run(context.on.start(), make_state(relations={t.PeerRelation("peers")}))
    assert status_of(out) == ("waiting", "Waiting for database relation")
    assert not is_running(out)
    assert all(check.level == CheckLevel.UNSET for check in container_of(out).plan.checks.values())


def test_removing_the_database_stops_the_server_cleanly_and_removes_the_credentials(context: Context):
    served = context.run(context.on.config_changed(), make_state())
    assert is_running(served)
    out = context.run(context.on.relation_broken(relation_of(served, "mongodb_client")), served)
    assert status_of(out) == ("waiting", "Waiting for database relation")
    assert not is_running(out)
    service = container_of(out).plan.services["testflinger"]
    assert (service.startup, service.environment, service.on_check_failure) == ("disabled", {}, {})
    assert relation_of(out, "peers").local_unit_data.get("serving") is None
    relation, secrets = make_database()
    back = replace(with_relation(out, relation), secrets={*out.secrets, *secrets})
    back = replace(
        back, relations={r for r in back.relations if r.id != relation_of(served, "mongodb_client").id}
    )
    again = context.run(context.on.relation_changed(relation), back)
    assert is_running(again)
    assert container_of(again).plan == container_of(served).plan


def test_scaling_to_zero_and_back_keeps_the_keys(context: Context):
    served = context.run(context.on.config_changed(), make_state())
    # A new pod has an empty container and an empty unit databag. The application's data survives.
    fresh = replace(served, containers={make_container()})
    fresh = with_relation(fresh, replace(relation_of(fresh, "peers"), local_unit_data={}))
    out = context.run(context.on.pebble_ready(container_of(fresh)), fresh)
    assert environment_of(out) == environment_of(served)
    assert is_running(out)


def test_an_upgrade_writes_the_plan_of_the_new_charm(context: Context):
    services: dict[str, ops.pebble.ServiceDict] = {
        "testflinger": {"override": "replace", "command": "gunicorn", "startup": "enabled"}
    }
    old = t.Container(
        "testflinger",
        can_connect=True,
        layers={"testflinger": ops.pebble.Layer({"services": services})},
        service_statuses={"testflinger": ServiceStatus.ACTIVE},
    )
    out = context.run(context.on.upgrade_charm(), make_state(containers={old}))
    assert container_of(out).plan.services["testflinger"].command == "queuepass serve"
    assert is_running(out)


def test_a_unit_waits_while_the_check_of_readyz_fails(context: Context):
    served = context.run(context.on.config_changed(), make_state())
    infos = {
        replace(info, status=CheckStatus.DOWN, failures=3) if info.name == "ready" else info
        for info in container_of(served).check_infos
    }
    failing = with_container(served, check_infos=frozenset(infos))
    event = context.on.pebble_check_failed(
        container_of(failing), container_of(failing).get_check_info("ready")
    )
    out = context.run(event, failing)
    assert status_of(out) == ("waiting", "Waiting for the server to be ready")
    assert container_of(out).plan == container_of(served).plan


def test_a_unit_waits_while_the_server_does_not_answer_after_its_start(
    context: Context, server: dict[str, bool]
):
    server["ready"] = False
    out = context.run(context.on.config_changed(), make_state())
    assert status_of(out) == ("waiting", "Waiting for the server to be ready")
    server["ready"] = True
    assert status_of(context.run(context.on.update_status(), out)) == ("active", "")


def test_a_server_that_does_not_stay_up_is_started_again(context: Context, monkeypatch: pytest.MonkeyPatch):
    def fail(*_: object, **__: object) -> None:
        raise ops.pebble.ChangeError("cannot start; its log: " + URI, ops.pebble.Change.from_dict({
            "id": "1", "kind": "start", "summary": "", "status": "Error", "ready": True,
            "spawn-time": "2026-01-01T00:00:00Z"}))  # fmt: skip

    with monkeypatch.context() as broken:
        broken.setattr("scenario.mocking._MockPebbleClient.replan_services", fail)
        out = context.run(context.on.config_changed(), make_state())
    assert status_of(out) == ("waiting", "Waiting for the server to start: see its log")
    assert status_of(context.run(context.on.update_status(), out)) == ("active", "")


@pytest.mark.parametrize(
    "event", ["config_changed", "update_status", "upgrade_charm", "leader_elected", "start"]
)
def test_a_second_pass_changes_nothing(context: Context, event: str, clock: Clock):
    first = context.run(context.on.config_changed(), make_state())
    clock.advance(60)
    second = context.run(getattr(context.on, event)(), first)
    assert replace(second, stored_states=first.stored_states) == first


ENDPOINTS = [
    "mongodb_client",
    "mongodb_keyvault",
    "nginx-route",
    "ingress",
    "metrics-endpoint",
    "grafana-dashboard",
]


@pytest.mark.parametrize("endpoint", ENDPOINTS)
@pytest.mark.parametrize("kind", ["created", "joined", "changed", "departed"])
def test_any_single_event_of_a_relation_sets_up_a_unit(context: Context, endpoint: str, kind: str):
    relation = t.Relation(endpoint)
    state = with_vault(make_state())
    if endpoint.startswith("mongodb"):
        relation = cast("t.Relation", relation_of(state, endpoint))
    unit = {} if kind == "created" else {"remote_unit": 0}
    out = context.run(
        getattr(context.on, f"relation_{kind}")(relation, **unit), with_relation(state, relation)
    )
    assert is_running(out)


@pytest.mark.parametrize("endpoint", ENDPOINTS[2:])
def test_removing_another_relation_leaves_the_server_running(context: Context, endpoint: str):
    relation = t.Relation(endpoint)
    out = context.run(context.on.relation_created(relation), with_relation(make_state(), relation))
    out = context.run(context.on.relation_broken(relation_of(out, endpoint)), out)
    assert (is_running(out), status_of(out)) == (True, ("active", ""))


def test_a_recovered_check_ends_the_wait(context: Context):
    served = context.run(context.on.config_changed(), make_state())
    container = container_of(served)
    event = context.on.pebble_check_recovered(container, container.get_check_info("ready"))
    assert status_of(context.run(event, served)) == ("active", "")
