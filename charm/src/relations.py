"""Writes and reads relation data for the interfaces whose libraries are not on a package index.

Every hook writes all data again, with the same text for the same state. This covers a change of leader, an
upgrade and a new address of the pod. In relation-broken the model lacks the relation, so nothing is written.
"""

import base64
import hashlib
import json
import lzma
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import ops

from layer import METRICS_PORT, PORT

DATABASES = {"mongodb_client": "testflinger_db", "mongodb_keyvault": "encryption"}
"""Endpoints of the interface mongodb_client, and the database that each one requests."""
SECRET_FIELDS = ["username", "password", "tls", "tls-ca", "uris"]
DASHBOARDS = Path(__file__).parent / "grafana_dashboards"


@dataclass(frozen=True)
class Database:
    """A database as the provider describes it."""

    uri: str = field(repr=False)
    """Connection string, without TLS options."""
    tls: bool
    ca: str | None = field(repr=False)
    """Certificates of the authority, as PEM. None if the system's authorities are enough."""


def publish(charm: ops.CharmBase, hostname: str) -> None:
    """Writes all data that this unit may write. An empty `hostname` (invalid option) keeps the route."""
    app, unit = charm.app, charm.unit
    if unit.is_leader():
        application: dict[str, dict[str, str]] = {
            **{endpoint: request_database(name) for endpoint, name in DATABASES.items()},
            "nginx-route": route_by_nginx(charm.model.name, app.name, hostname) if hostname else {},
            "ingress": route_by_ingress(charm.model.name, app.name),
            "metrics-endpoint": offer_metrics(charm),
            "grafana-dashboard": offer_dashboards(charm, DASHBOARDS),
        }
        for endpoint, data in application.items():
            for relation in charm.model.relations[endpoint]:
                relation.data[app].update(data)
    for endpoint in ("ingress", "metrics-endpoint"):
        for relation in charm.model.relations[endpoint]:
            binding = charm.model.get_binding(relation)
            address = str(binding.network.bind_address) if binding and binding.network.bind_address else ""
            names = (
                {"host": json.dumps(socket.getfqdn()), "ip": json.dumps(address) if address else ""}
                if endpoint == "ingress"
                else {
                    "prometheus_scrape_unit_address": address,
                    "prometheus_scrape_unit_name": unit.name,
                    "prometheus_scrape_unit_fqdn": socket.getfqdn(),
                }
            )
            relation.data[unit].update(names)


def request_database(name: str) -> dict[str, str]:
    """Returns the request for the interface mongodb_client. Credentials come back as Juju secrets."""
    return {"database": name, "requested-secrets": json.dumps(SECRET_FIELDS)}


def route_by_nginx(model: str, app: str, hostname: str) -> dict[str, str]:
    """Returns the route for the interface nginx-route."""
    return {
        "service-hostname": hostname,
        "service-name": app,
        "service-namespace": model,
        "service-port": str(PORT),
        # In MiB. 0 leaves the limit on uploads to the server.
        "max-body-size": "0",
    }


def route_by_ingress(model: str, app: str) -> dict[str, str]:
    """Returns the route for the interface ingress. The server gets paths without the gateway's prefix."""
    data: dict[str, Any] = {"model": model, "name": app, "port": PORT, "strip-prefix": True}
    return {name: json.dumps(value) for name, value in data.items()}


def offer_metrics(charm: ops.CharmBase) -> dict[str, str]:
    """Returns the scrape job for prometheus_scrape. Prometheus creates one for every unit from it."""
    model = charm.model
    topology = {
        "model": model.name,
        "model_uuid": model.uuid,
        "application": charm.app.name,
        "charm_name": charm.meta.name,
    }
    jobs = [{"metrics_path": "/metrics", "static_configs": [{"targets": [f"*:{METRICS_PORT}"]}]}]
    return {
        "scrape_metadata": json.dumps(topology, sort_keys=True),
        "scrape_jobs": json.dumps(jobs, sort_keys=True),
        "alert_rules": "{}",
    }


def offer_dashboards(charm: ops.CharmBase, folder: Path) -> dict[str, str]:
    """Returns the dashboards for the interface grafana_dashboard: the JSON files in `folder`, if any."""
    name = charm.meta.name
    topology = {
        "model": charm.model.name,
        "model_uuid": charm.model.uuid,
        "application": charm.app.name,
        "unit": charm.unit.name,
    }
    templates = {
        f"file:{file.stem}": {
            "charm": name,
            "content": base64.b64encode(lzma.compress(file.read_bytes())).decode(),
            "dashboard_alt_uid": hashlib.shake_256(f"{name}-file:{file.stem}".encode()).hexdigest(8),
            "inject_dropdowns": True,
            "juju_topology": topology,
        }
        for file in sorted(folder.glob("*.json"))
    }
    text = json.dumps(templates, sort_keys=True)
    made_of = hashlib.sha256(text.encode()).hexdigest()[:32]
    return {"dashboards": json.dumps({"templates": templates, "uuid": made_of}, sort_keys=True)}


def find_database(model: ops.Model, endpoint: str) -> Database | None:
    """Returns the database of an endpoint, with the newest content of its secrets, or None."""
    relation = model.get_relation(endpoint)
    if relation is None or relation.app is None:
        return None
    data = dict(relation.data[relation.app])
    for name in ("secret-user", "secret-tls"):
        if secret_id := data.get(name):
            try:
                data |= model.get_secret(id=secret_id).get_content(refresh=True)
            except (ops.SecretNotFoundError, ops.ModelError):
                # Not granted yet, or removed with the relation.
                return None
    return read_database(data, DATABASES[endpoint])


def read_database(data: Mapping[str, str], name: str) -> Database | None:
    """Reads what the provider wrote, with the fields of its secrets. Returns None if anything is missing."""
    username, password = data.get("username"), data.get("password")
    uri, endpoints = data.get("uris"), data.get("endpoints")
    if not (username and password and (uri or endpoints)):
        return None
    if not uri:
        options = "authSource=admin" + (f"&replicaSet={data['replset']}" if data.get("replset") else "")
        credentials = f"{quote(username, safe='')}:{quote(password, safe='')}"
        uri = f"mongodb://{credentials}@{endpoints}/{data.get('database') or name}?{options}"
    return Database(uri, data.get("tls", "").lower() == "true", data.get("tls-ca"))


def add_tls(database: Database, ca_file: str | None) -> str:
    """Returns the connection string with TLS options. `ca_file` is a path in the workload container."""
    if not database.tls:
        return database.uri
    options = "tls=true" + (f"&tlsCAFile={quote(ca_file, safe='/')}" if ca_file else "")
    base, _, given = database.uri.partition("?")
    if not given and base.count("/") < 3:
        base += "/"
    return f"{base}?{given}&{options}" if given else f"{base}?{options}"


def find_ingress_url(model: ops.Model) -> str | None:
    """Returns the address that the gateway of the ingress relation provides, or None if there is none yet."""
    relation = model.get_relation("ingress")
    if relation is None or relation.app is None:
        return None
    try:
        answer = json.loads(relation.data[relation.app].get("ingress") or "null")
    except ValueError:
        return None
    return str(answer["url"]) if isinstance(answer, dict) and answer.get("url") else None
