"""The Pebble layer of the workload as plain values: the server's environment, service and checks."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from config import KEYS, Config
from keys import MasterKey, RotatingKeys

CONTAINER = "testflinger"
"""Name of the container, the service and the layer: the predecessor's, so that its resource still fits."""
PORT = 5000
METRICS_PORT = 9090
DRAIN_SECONDS = 30
KILL_DELAY_SECONDS = 45
"""Seconds between SIGTERM and SIGKILL from Pebble.

The server itself kills late workers 10 seconds after the drain, so it must still be running then.
"""

Layer = dict[str, Any]


@dataclass(frozen=True)
class Inputs:
    """Everything that the environment is built from, other than the options."""

    database_uri: str = field(repr=False)
    key_vault_uri: str | None = field(repr=False)
    signing_keys: RotatingKeys
    web_keys: RotatingKeys | None
    """The key of web sessions. None if nothing needs one."""
    master_key: MasterKey | None
    ingress_url: str | None


def choose_public_url(config: Config, ingress_url: str | None) -> str:
    """Returns the URL at which people and agents reach the server."""
    # The route for the host of `external_hostname` has no TLS.
    return config.settings.get("PUBLIC_URL") or ingress_url or f"http://{config.external_hostname}"


def build_environment(config: Config, inputs: Inputs) -> dict[str, str]:
    """Returns the settings of the server, by the names on its reference page."""
    environment = {KEYS[option][0]: key for option, key in config.keys.items()}
    environment |= {
        **config.settings,
        "PUBLIC_URL": choose_public_url(config, inputs.ingress_url),
        "HOST": "0.0.0.0",  # noqa: S104 - the pod's network is the only one there is
        "PORT": str(PORT),
        "METRICS_PORT": str(METRICS_PORT),
        "DRAIN_SECONDS": str(DRAIN_SECONDS),
        "MONGODB_URI": inputs.database_uri,
        # Not the value of the option, which takes effect through a rotation, like the keys below.
        "JWT_SIGNING_KEY": inputs.signing_keys.current,
    }
    if accepted := inputs.signing_keys.accepted():
        environment["JWT_PREVIOUS_SIGNING_KEYS"] = json.dumps(accepted)
    if inputs.web_keys is not None:
        environment["WEB_SECRET_KEY"] = inputs.web_keys.current
        # The server accepts one other key: the next one, or the last one.
        if accepted := inputs.web_keys.accepted():
            environment["WEB_SECRET_KEY_PREVIOUS"] = accepted[0]
    if inputs.master_key is not None:
        environment["TESTFLINGER_SECRETS_MASTER_KEY"] = inputs.master_key.current
    if inputs.key_vault_uri is not None:
        environment["TESTFLINGER_KEY_VAULT_URI"] = inputs.key_vault_uri
    return dict(sorted(environment.items()))


def build_layer(environment: Mapping[str, str]) -> Layer:
    """Returns the layer of a running server."""
    service = {
        "override": "replace",
        "summary": "Queuepass server",
        "command": "queuepass serve",
        "startup": "enabled",
        "environment": dict(environment),
        "kill-delay": f"{KILL_DELAY_SECONDS}s",
        "on-check-failure": {"alive": "restart"},
    }
    # The first start on a large database creates indexes before the server listens: this allows two minutes.
    alive = _check("livez", threshold=12) | {"level": "alive"}
    ready = _check("readyz", threshold=3) | {"level": "ready"}
    return _layer(service, alive, ready)


def build_idle_layer() -> Layer:
    """Returns the layer of a unit without a database: nothing runs, no credential is kept, no check counts.

    A layer cannot remove what an earlier layer set, so this one sets everything again. Checks without a level
    neither restart the container nor block a rolling upgrade.
    """
    service = {
        "override": "replace",
        "summary": "Queuepass server",
        "command": "queuepass serve",
        "startup": "disabled",
    }
    return _layer(service, _check("livez", threshold=12), _check("readyz", threshold=3))


def _check(path: str, threshold: int) -> dict[str, Any]:
    url = f"http://127.0.0.1:{PORT}/{path}"
    return {
        "override": "replace",
        "http": {"url": url},
        "period": "10s",
        "timeout": "3s",
        "threshold": threshold,
    }


def _layer(service: dict[str, Any], alive: dict[str, Any], ready: dict[str, Any]) -> Layer:
    return {
        "summary": "Queuepass",
        "services": {CONTAINER: service},
        "checks": {"alive": alive, "ready": ready},
    }


def digest_layer(layer: Layer) -> str:
    """Returns a short name for a layer, which units publish to show what they run. It reveals no key."""
    text = json.dumps(layer, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
