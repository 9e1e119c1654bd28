"""Initial states, and readers for what the tests check: the charm runs under `ops.testing`."""

import json
from dataclasses import dataclass, field, replace
from typing import Any

import ops.testing as t

from charm import QueuepassCharm

MASTER_1, MASTER_2 = "QUFB" * 32, "QkJC" * 32
"""Master keys: base64 of 96 bytes."""
KEY_1, KEY_2 = "first-signing-key-of-32-bytes-at-least", "second-signing-key-of-32-bytes-at-least"
USER, PASSWORD = "relation-user", "relation-password-8c21"
CA = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
HOSTS = "mongodb-k8s-0.mongodb-k8s-endpoints,mongodb-k8s-1.mongodb-k8s-endpoints"
URI = f"mongodb://{USER}:{PASSWORD}@{HOSTS}/testflinger_db?replicaSet=mongodb-k8s&authSource=admin"
VAULT_URI = URI.replace("testflinger_db", "encryption")

ROTATE = ("queuepass", "secrets", "rotate-key")


def make_context() -> t.Context[QueuepassCharm]:
    """Returns a context of the charm, in the application `queuepass-k8s`."""
    return t.Context(QueuepassCharm, app_name="queuepass-k8s", unit_id=0)


@dataclass
class Command:
    """A command that the charm ran in the container."""

    argv: list[str]
    environment: dict[str, str] = field(repr=False)
    stdin: str | bytes | None = field(repr=False)


def commands_of(context: t.Context[QueuepassCharm]) -> list[Command]:
    """Returns the commands that ran in the container in this context, in order."""
    history = context.exec_history.get("testflinger", [])
    return [Command(list(args.command), dict(args.environment), args.stdin) for args in history]


def make_container(execs: set[t.Exec] | None = None, can_connect: bool = True) -> t.Container:
    """Returns the workload container. Every `queuepass` command succeeds unless `execs` are given."""
    usual = {t.Exec(["queuepass"], stdout="")} if execs is None else execs
    return t.Container("testflinger", can_connect=can_connect, execs=usual)


def make_secret(content: dict[str, str], **more: Any) -> t.Secret:
    """Returns a secret of another owner, granted to the application."""
    return t.Secret(content, **more)


def make_database(
    endpoint: str = "mongodb_client", uri: str = URI, **tls: str
) -> tuple[t.Relation, list[t.Secret]]:
    """Returns a relation with a MongoDB that provides credentials, and the secrets that hold them."""
    user = make_secret({"username": USER, "password": PASSWORD, "uris": uri})
    data, secrets = {"secret-user": user.id, "endpoints": HOSTS}, [user]
    if tls:
        certificates = make_secret({name.replace("_", "-"): text for name, text in tls.items()})
        data["secret-tls"] = certificates.id
        secrets.append(certificates)
    return t.Relation(endpoint, "mongodb_client", remote_app_data=data), secrets


def make_state(leader: bool = True, config: dict[str, Any] | None = None, **changes: Any) -> t.State:
    """Returns a unit with a peer relation and a ready database. `changes` replace or add parts."""
    relation, secrets = make_database()
    state = t.State(
        leader=leader,
        config=config or {},
        relations={relation, t.PeerRelation("peers")},
        containers={make_container()},
        secrets=set(secrets),
    )
    return replace(state, **changes)


def with_vault(state: t.State) -> t.State:
    """Returns the state with a ready key vault."""
    relation, secrets = make_database("mongodb_keyvault", VAULT_URI)
    return with_relation(replace(state, secrets={*state.secrets, *secrets}), relation)


def with_relation(state: t.State, relation: t.RelationBase) -> t.State:
    """Returns the state with this relation, which replaces one with the same id."""
    others = {other for other in state.relations if other.id != relation.id}
    return replace(state, relations={*others, relation})


def with_config(state: t.State, **options: Any) -> t.State:
    """Returns the state with changed options. None removes an option."""
    config = {**state.config, **options}
    return replace(state, config={name: value for name, value in config.items() if value is not None})


def with_container(state: t.State, **changes: Any) -> t.State:
    """Returns the state with a changed workload container."""
    return replace(state, containers={replace(container_of(state), **changes)})


def container_of(state: t.State) -> t.Container:
    """Returns the workload container of a state."""
    return state.get_container("testflinger")


def environment_of(state: t.State) -> dict[str, str]:
    """Returns the environment of the service in Pebble's plan."""
    return container_of(state).plan.services["testflinger"].environment


def is_running(state: t.State) -> bool:
    """Whether the service runs."""
    status = container_of(state).service_statuses.get("testflinger")
    return status is not None and status.value == "active"


def relation_of(state: t.State, endpoint: str) -> t.RelationBase:
    """Returns the relation of an endpoint."""
    return state.get_relations(endpoint)[0]


def verifying_keys(state: t.State) -> list[str]:
    """Returns the keys that only verify tokens."""
    return json.loads(environment_of(state).get("JWT_PREVIOUS_SIGNING_KEYS", "[]"))


def status_of(state: t.State) -> tuple[str, str]:
    """Returns the name and message of the unit's status."""
    return state.unit_status.name, state.unit_status.message


def app_secret(state: t.State, label: str) -> dict[str, str]:
    """Returns the newest content of an application secret of the charm."""
    secret = state.get_secret(label=label)
    return dict(secret.latest_content or secret.tracked_content)
