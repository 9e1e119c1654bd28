"""A unit ends with the same layer and status, whatever the order of events and its history."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, cast

import ops.testing as t
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from charm import QueuepassCharm
from conftest import Clock
from support import (
    MASTER_1,
    container_of,
    is_running,
    make_container,
    make_context,
    make_state,
    status_of,
    with_config,
    with_container,
    with_relation,
    with_vault,
)

Context = t.Context[QueuepassCharm]
KEY = "a-signing-key-of-32-bytes-at-least"
WEB_KEY = "a-web-key-of-32-bytes-at-the-very-least"
CONFIG = {
    "jwt_signing_key": KEY,
    "testflinger_secrets_master_key": MASTER_1,
    "web_secret_key": WEB_KEY,
    "oidc_client_id": "queuepass",
    "oidc_provider_issuer": "https://idp.example",
}
INGRESS = t.Relation("ingress", remote_app_data={"ingress": '{"url": "https://gw.example/q"}'})
MODEL = t.Model("lab", uuid="1a2b3c4d-0000-4000-8000-000000000001", type="kubernetes")
METRICS = t.Relation("metrics-endpoint")
RELATED = ("mongodb_client", "mongodb_keyvault", "ingress", "metrics-endpoint")
KEPT = ("signing-keys", "web-keys", "master-key")
"""Labels of the secrets from which the server's settings are built."""
HANDED_OVER = "client-lab"
ACTIONS: dict[str, dict[str, str]] = {
    "set-admin-password": {"password": "a-password-of-the-admin"},
    "reset-admin-key": {},
    "add-client": {"client-id": "lab-ci", "role": "agent"},
    "rotate-signing-key": {},
    "retry-key-rotation": {},
    "clear-sessions": {},
    "doctor": {},
}


def world(leader: bool = True) -> t.State:
    """Returns a state with every relation of the charm, before any event."""
    state = with_vault(make_state(config=CONFIG, model=MODEL))
    state = with_relation(with_relation(state, INGRESS), METRICS)
    handed_over = t.Secret({"client-id": "lab", "client-key": "k"}, owner="app", label=HANDED_OVER)
    state = replace(state, secrets={*state.secrets, handed_over})
    if leader:
        return state
    secrets = {
        label: t.Secret(content, owner="app", label=label)
        for label, content in {
            "signing-keys": {"current": KEY},
            "web-keys": {"current": WEB_KEY},
            "master-key": {"current": MASTER_1},
        }.items()
    }
    ids = {label: secret.id for label, secret in secrets.items()}
    peers = replace(state.get_relations("peers")[0], local_app_data=ids)
    state = replace(state, leader=False, secrets={*state.secrets, *secrets.values()})
    return with_relation(state, peers)


def user_secret(state: t.State) -> t.Secret:
    return next(secret for secret in state.secrets if secret.owner is None)


def on_handed_over(state: t.State, event: Callable[..., Any]) -> Any:
    """Returns an event of a client's secret, if it exists. The leader receives it."""
    found = [secret for secret in state.secrets if secret.label == HANDED_OVER]
    # A revision that is neither the newest nor in use: `ops.testing` removes no others.
    return event(found[0], revision=7) if found and state.leader else None


def on_check(state: t.State, event: Callable[..., Any]) -> Any:
    """Returns an event of Pebble's check of /livez, if the check exists and Pebble answers."""
    container = container_of(state)
    found = [info for info in container.check_infos if info.name == "alive"]
    return event(container, info=found[0]) if found and container.can_connect else None


def on_broken(endpoint: str) -> Callable[[Context, t.State], Any]:
    """Returns the event that a relation is broken. In later events it exists again."""
    return lambda context, state: context.on.relation_broken(state.get_relations(endpoint)[0])


def on_action(name: str) -> Callable[[Context, t.State], Any]:
    """Returns a call of an action."""
    return lambda context, _: context.on.action(name, params=ACTIONS[name])


EVENTS: dict[str, Callable[[Context, t.State], Any]] = {
    "config": lambda context, _: context.on.config_changed(),
    "start": lambda context, _: context.on.start(),
    "update": lambda context, _: context.on.update_status(),
    "upgrade": lambda context, _: context.on.upgrade_charm(),
    "pebble": lambda context, state: context.on.pebble_ready(container_of(state)),
    "secret": lambda context, state: context.on.secret_changed(user_secret(state)),
    "database": lambda context, state: context.on.relation_changed(
        state.get_relations("mongodb_client")[0], remote_unit=0
    ),
    "vault": lambda context, state: context.on.relation_changed(
        state.get_relations("mongodb_keyvault")[0], remote_unit=0
    ),
    "ingress": lambda context, state: context.on.relation_changed(
        state.get_relations("ingress")[0], remote_unit=0
    ),
    "metrics": lambda context, state: context.on.relation_joined(
        state.get_relations("metrics-endpoint")[0], remote_unit=0
    ),
    "peers": lambda context, state: context.on.relation_created(state.get_relations("peers")[0]),
    "leader": lambda context, state: context.on.leader_elected() if state.leader else None,
    "database unit gone": lambda context, state: context.on.relation_departed(
        state.get_relations("mongodb_client")[0], remote_unit=0, departing_unit=0
    ),
    "peer gone": lambda context, state: context.on.relation_departed(
        state.get_relations("peers")[0], remote_unit=1, departing_unit=1
    ),
    "expired": lambda context, state: on_handed_over(state, context.on.secret_expired),
    "remove": lambda context, state: on_handed_over(state, context.on.secret_remove),
    "check failed": lambda context, state: on_check(state, context.on.pebble_check_failed),
    "check recovered": lambda context, state: on_check(state, context.on.pebble_check_recovered),
    **{f"broken {endpoint}": on_broken(endpoint) for endpoint in RELATED},
    **{name: on_action(name) for name in ACTIONS},
}
"""The events that can happen to a unit, by name. None if the event is impossible in the state."""


@dataclass
class Outcome:
    """Returns what must be the same at the end."""

    layers: Any
    status: tuple[str, str]
    databags: dict[str, Any]
    secrets: dict[str, Any]


def outcome(state: t.State) -> Outcome:
    assert is_running(state)
    databags = {
        relation.endpoint: (dict(relation.local_app_data), dict(relation.local_unit_data))
        for relation in state.relations
    }
    for app_data, _ in databags.values():
        # Ids and revisions show how often a key changed, not its value.
        for label in (*KEPT, "admin-key"):
            app_data.pop(label, None)
            app_data.pop(f"{label}-revision", None)
    secrets = {s.label: s.latest_content for s in state.secrets if s.label in KEPT}
    return Outcome(container_of(state).plan.to_dict(), status_of(state), databags, secrets)


def run_all(context: Context, state: t.State, order: list[str]) -> t.State:
    """Runs these events, then one more, after which a broken relation exists again."""
    for name in [*order, "update"]:
        event = EVENTS[name](context, state)
        if event is None:
            continue
        try:
            state = context.run(event, state)
        except t.ActionFailed as failure:
            state = cast(t.State, failure.state)
    return state


@pytest.fixture(scope="module")
def expected() -> dict[bool, Outcome]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("reconcile.wait_until_ready", lambda: True)
        context = make_context()
        return {leader: outcome(run_all(context, world(leader), ["config"])) for leader in (True, False)}


@settings(max_examples=12, deadline=None)
@given(order=st.permutations(sorted(EVENTS)), leader=st.booleans())
def test_any_order_of_events_ends_in_the_same_layer(
    expected: dict[bool, Outcome], order: list[str], leader: bool
):
    assert outcome(run_all(make_context(), world(leader), order)) == expected[leader]


def lose_pebble(state: t.State) -> t.State:
    return with_container(state, can_connect=False)


def get_pebble_back(state: t.State) -> t.State:
    return with_container(state, can_connect=True)


def new_pod(state: t.State) -> t.State:
    return replace(state, containers={make_container()})


def lose_ingress(state: t.State) -> t.State:
    return replace(state, relations={r for r in state.relations if r.endpoint != "ingress"})


def lose_databases(state: t.State) -> t.State:
    return replace(state, relations={r for r in state.relations if not r.endpoint.startswith("mongodb")})


CHANGES: dict[str, Callable[[t.State], t.State]] = {
    "no Pebble": lose_pebble,
    "Pebble": get_pebble_back,
    "new pod": new_pod,
    "no ingress": lose_ingress,
    "no databases": lose_databases,
    "a wrong option": lambda state: with_config(state, workers=0),
    "another option": lambda state: with_config(state, workers=3, public_url="https://q.example"),
    "the follower": lambda state: replace(state, leader=False),
    "the leader": lambda state: replace(state, leader=True),
}


@settings(max_examples=12, deadline=None)
@given(changes=st.lists(st.sampled_from(sorted(CHANGES)), max_size=8), last=st.permutations(sorted(EVENTS)))
def test_any_history_ends_in_the_same_layer_as_no_history(
    expected: dict[bool, Outcome], changes: list[str], last: list[str]
):
    with pytest.MonkeyPatch.context() as patch:
        clock = Clock()
        patch.setattr("reconcile.time.time", lambda: clock.now)
        context, first = make_context(), world()
        state = first
        for change in changes:
            state = CHANGES[change](state)
            state = context.run(context.on.update_status(), state)
        back = replace(get_pebble_back(state), config=CONFIG, leader=True)
        for relation in first.relations:
            ours = {r for r in state.relations if r.id == relation.id}
            back = with_relation(back, ours.pop() if ours else relation)
        assert outcome(run_all(context, back, last)) == expected[True]
