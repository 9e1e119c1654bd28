"""Relation data: exactly what the libraries on the other side read and write."""

import base64
import json
import lzma
from dataclasses import replace
from pathlib import Path
from typing import Any

import ops.testing as t
import pytest

import relations
from charm import QueuepassCharm
from support import (
    CA,
    HOSTS,
    PASSWORD,
    URI,
    USER,
    VAULT_URI,
    commands_of,
    container_of,
    environment_of,
    is_running,
    make_database,
    make_secret,
    make_state,
    relation_of,
    status_of,
    with_relation,
    with_vault,
)

Context = t.Context[QueuepassCharm]
UUID = "1a2b3c4d-0000-4000-8000-000000000001"
FQDN = "queuepass-k8s-0.queuepass-k8s-endpoints.lab.svc.cluster.local"


@pytest.fixture(autouse=True)
def _fqdn(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("relations.socket.getfqdn", lambda: FQDN)


def lab(leader: bool = True, *more: t.RelationBase, **changes: Any) -> t.State:
    state = make_state(leader=leader, model=t.Model("lab", uuid=UUID, type="kubernetes"), **changes)
    return replace(state, relations={*state.relations, *more})


def local(state: t.State, endpoint: str) -> tuple[dict[str, str], dict[str, str]]:
    """Returns what the charm wrote as application and as unit, without what Juju writes."""
    relation = relation_of(state, endpoint)
    juju = {"egress-subnets", "ingress-address", "private-address"}
    unit = {name: text for name, text in relation.local_unit_data.items() if name not in juju}
    return dict(relation.local_app_data), unit


@pytest.mark.parametrize(
    ("endpoint", "name"), [("mongodb_client", "testflinger_db"), ("mongodb_keyvault", "encryption")]
)
def test_the_leader_requests_a_database(context: Context, endpoint: str, name: str):
    relation = t.Relation(endpoint, "mongodb_client")
    state = lab()
    others = {r for r in state.relations if r.endpoint != endpoint}
    out = context.run(context.on.relation_created(relation), replace(state, relations={*others, relation}))
    data = {"database": name, "requested-secrets": '["username", "password", "tls", "tls-ca", "uris"]'}
    assert local(out, endpoint)[0] == data
    follower = replace(state, leader=False, relations={*others, relation})
    assert local(context.run(context.on.relation_created(relation), follower), endpoint)[0] == {}


def test_nginx_route(context: Context):
    route = t.Relation("nginx-route")
    out = context.run(
        context.on.relation_created(route), lab(True, route, config={"external_hostname": "q.example"})
    )
    assert local(out, "nginx-route") == (
        {
            "service-hostname": "q.example",
            "service-name": "queuepass-k8s",
            "service-namespace": "lab",
            "service-port": "5000",
            "max-body-size": "0",
        },
        {},
    )


def test_every_unit_requests_ingress_which_provides_the_public_url(context: Context):
    ingress = t.Relation("ingress")
    state = lab(True, ingress)
    out = context.run(context.on.relation_created(ingress), state)
    app = {"model": '"lab"', "name": '"queuepass-k8s"', "port": "5000", "strip-prefix": "true"}
    unit = {"host": f'"{FQDN}"', "ip": '"192.0.2.0"'}
    assert local(out, "ingress") == (app, unit)
    assert environment_of(out)["PUBLIC_URL"] == "http://testflinger.local"
    follower = context.run(context.on.relation_created(ingress), replace(state, leader=False))
    assert local(follower, "ingress") == ({}, unit)
    answer = {"ingress": '{"url": "http://gw.example/lab-queuepass-k8s"}'}
    ready = with_relation(out, replace(relation_of(out, "ingress"), remote_app_data=answer))
    out = context.run(context.on.relation_changed(relation_of(ready, "ingress")), ready)
    assert environment_of(out)["PUBLIC_URL"] == "http://gw.example/lab-queuepass-k8s"
    out = context.run(context.on.relation_broken(relation_of(out, "ingress")), out)
    assert environment_of(out)["PUBLIC_URL"] == "http://testflinger.local"


@pytest.mark.parametrize("answer", ["null", "", "not json", "[]", '{"url": ""}'])
def test_an_ingress_without_an_address_is_ignored(context: Context, answer: str):
    ingress = t.Relation("ingress", remote_app_data={"ingress": answer})
    out = context.run(context.on.relation_changed(ingress), lab(True, ingress))
    assert environment_of(out)["PUBLIC_URL"] == "http://testflinger.local"


def test_the_option_takes_precedence_over_the_ingress(context: Context):
    ingress = t.Relation("ingress", remote_app_data={"ingress": '{"url": "http://gw.example/x"}'})
    state = lab(True, ingress, config={"public_url": "https://q.example"})
    out = context.run(context.on.relation_changed(ingress), state)
    assert environment_of(out)["PUBLIC_URL"] == "https://q.example"


def test_a_new_address_of_the_pod_is_written_at_any_event(context: Context):
    ingress, metrics = t.Relation("ingress"), t.Relation("metrics-endpoint")
    out = context.run(context.on.update_status(), lab(False, ingress, metrics))
    moved = {
        t.Network(name, [t.BindAddress([t.Address("10.1.7.22")])]) for name in ("ingress", "metrics-endpoint")
    }
    out = context.run(context.on.update_status(), replace(out, networks=moved))
    assert local(out, "ingress")[1]["ip"] == '"10.1.7.22"'
    assert local(out, "metrics-endpoint")[1]["prometheus_scrape_unit_address"] == "10.1.7.22"


def test_two_ingress_relations_are_blocked_until_one_is_removed(context: Context):
    nginx, ingress = t.Relation("nginx-route"), t.Relation("ingress")
    out = context.run(context.on.relation_created(ingress), lab(True, nginx, ingress))
    assert status_of(out) == ("blocked", "Can't use both nginx-route and ingress together.")
    assert is_running(out)
    out = context.run(context.on.relation_broken(relation_of(out, "nginx-route")), out)
    assert status_of(out) == ("active", "")


def test_metrics_of_every_unit_are_offered(context: Context):
    metrics = t.Relation("metrics-endpoint")
    out = context.run(context.on.relation_created(metrics), lab(True, metrics))
    app, unit = local(out, "metrics-endpoint")
    assert {name: json.loads(text) for name, text in app.items()} == {
        "scrape_metadata": {
            "application": "queuepass-k8s",
            "charm_name": "queuepass-k8s",
            "model": "lab",
            "model_uuid": UUID,
        },
        "scrape_jobs": [{"metrics_path": "/metrics", "static_configs": [{"targets": ["*:9090"]}]}],
        "alert_rules": {},
    }
    assert unit == {
        "prometheus_scrape_unit_address": "192.0.2.0",
        "prometheus_scrape_unit_name": "queuepass-k8s/0",
        "prometheus_scrape_unit_fqdn": FQDN,
    }
    follower = context.run(context.on.relation_created(metrics), lab(False, metrics))
    assert local(follower, "metrics-endpoint") == ({}, unit)


def test_ports_of_the_server_and_the_metrics_are_open(context: Context):
    out = context.run(context.on.update_status(), lab())
    assert {(port.protocol, port.port) for port in out.opened_ports} == {("tcp", 5000), ("tcp", 9090)}


def test_without_dashboards_none_are_offered(
    context: Context, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    monkeypatch.setattr(relations, "DASHBOARDS", tmp_path)
    grafana = t.Relation("grafana-dashboard")
    out = context.run(context.on.relation_created(grafana), lab(True, grafana))
    assert json.loads(local(out, "grafana-dashboard")[0]["dashboards"])["templates"] == {}


def test_the_dashboard_of_the_server_is_offered(context: Context):
    grafana = t.Relation("grafana-dashboard")
    out = context.run(context.on.relation_created(grafana), lab(True, grafana))
    templates = json.loads(local(out, "grafana-dashboard")[0]["dashboards"])["templates"]
    content = lzma.decompress(base64.b64decode(templates["file:queuepass"]["content"]))
    assert json.loads(content)["title"] == "Queuepass"


def test_dashboards_are_offered_as_grafana_reads_them(
    context: Context, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    (tmp_path / "queuepass.json").write_text('{"title": "Queues", "version": 1}')
    monkeypatch.setattr(relations, "DASHBOARDS", tmp_path)
    grafana = t.Relation("grafana-dashboard")
    out = context.run(context.on.relation_created(grafana), lab(True, grafana))
    (offered,) = json.loads(local(out, "grafana-dashboard")[0]["dashboards"])["templates"].items()
    content = lzma.decompress(base64.b64decode(offered[1].pop("content")))
    assert json.loads(content) == {"title": "Queues", "version": 1}
    assert offered == (
        "file:queuepass",
        {
            "charm": "queuepass-k8s",
            "dashboard_alt_uid": "7050418cc14580d4",
            "inject_dropdowns": True,
            "juju_topology": {
                "model": "lab",
                "model_uuid": UUID,
                "application": "queuepass-k8s",
                "unit": "queuepass-k8s/0",
            },
        },
    )


@pytest.mark.parametrize(
    ("data", "uri"),
    [
        ({}, None),
        ({"username": "u", "password": "p"}, None),
        ({"uris": "mongodb://h/"}, None),
        ({"username": "u", "password": "p", "uris": "mongodb://u:p@h/d"}, "mongodb://u:p@h/d"),
        (
            {
                "username": "u@x",
                "password": "p:/",
                "endpoints": "a,b:27018",
                "replset": "rs",
                "database": "db",
            },
            "mongodb://u%40x:p%3A%2F@a,b:27018/db?authSource=admin&replicaSet=rs",
        ),
        (
            {"username": "u", "password": "p", "endpoints": "mongos"},
            "mongodb://u:p@mongos/testflinger_db?authSource=admin",
        ),
    ],
)
def test_the_data_of_a_provider_is_read(data: dict[str, str], uri: str | None):
    database = relations.read_database(data, "testflinger_db")
    assert (database and database.uri) == uri


def test_credentials_in_plain_text_from_an_old_provider_work(context: Context):
    data = {"username": USER, "password": PASSWORD, "endpoints": HOSTS, "replset": "mongodb-k8s"}
    relation = t.Relation("mongodb_client", remote_app_data=data)
    out = context.run(
        context.on.relation_changed(relation),
        lab(relations={relation, t.PeerRelation("peers")}),
    )
    expected = f"mongodb://{USER}:{PASSWORD}@{HOSTS}/testflinger_db?authSource=admin&replicaSet=mongodb-k8s"
    assert environment_of(out)["MONGODB_URI"] == expected


@pytest.mark.parametrize("text", ["True", "true"])
def test_tls_uses_the_certificates_of_its_authority(context: Context, text: str):
    relation, secrets = make_database(tls=text, tls_ca=CA)
    state = lab(relations={relation, t.PeerRelation("peers")}, secrets=set(secrets))
    out = context.run(context.on.relation_changed(relation), state)
    uri, _, file = environment_of(out)["MONGODB_URI"].partition("&tlsCAFile=")
    assert uri == f"{URI}&tls=true"
    pushed = container_of(out).get_filesystem(context) / file.removeprefix("/")
    assert pushed.read_text() == CA
    # New certificates get a new file, so that the server restarts with them.
    secret = replace(out.get_secret(id=secrets[1].id), latest_content={"tls": text, "tls-ca": CA + CA})
    others = {s for s in out.secrets if s.id != secret.id}
    out = context.run(context.on.secret_changed(secret), replace(out, secrets={*others, secret}))
    assert environment_of(out)["MONGODB_URI"].partition("&tlsCAFile=")[2] != file


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("mongodb://u:p@h", "mongodb://u:p@h/?tls=true"),
        ("mongodb://u:p@h/", "mongodb://u:p@h/?tls=true"),
        ("mongodb://u:p@h/d?a=b", "mongodb://u:p@h/d?a=b&tls=true"),
    ],
)
def test_tls_with_a_public_authority_needs_no_file(uri: str, expected: str):
    assert relations.add_tls(relations.Database(uri, True, None), None) == expected


def test_without_tls_certificates_are_ignored(context: Context):
    relation, secrets = make_database(tls="false", tls_ca=CA)
    state = lab(relations={relation, t.PeerRelation("peers")}, secrets=set(secrets))
    out = context.run(context.on.relation_changed(relation), state)
    assert environment_of(out)["MONGODB_URI"] == URI


def test_new_endpoints_and_credentials_reach_the_server(context: Context):
    out = context.run(context.on.config_changed(), lab())
    (user,) = (s for s in out.secrets if s.owner is None)
    scaled = URI.replace(HOSTS, HOSTS + ",mongodb-k8s-2.mongodb-k8s-endpoints")
    changed = replace(user, latest_content={"username": USER, "password": PASSWORD, "uris": scaled})
    others = {s for s in out.secrets if s.id != user.id}
    out = context.run(context.on.secret_changed(changed), replace(out, secrets={*others, changed}))
    assert environment_of(out)["MONGODB_URI"] == scaled
    assert is_running(out)


def test_a_unit_waits_for_a_secret_that_was_not_granted_yet(context: Context):
    relation, _ = make_database()
    state = lab(relations={relation, t.PeerRelation("peers")}, secrets=set())
    out = context.run(context.on.relation_changed(relation), state)
    assert status_of(out) == ("waiting", "Waiting for database relation")


def test_the_key_vault_is_a_separate_database(context: Context):
    out = context.run(context.on.config_changed(), with_vault(lab()))
    assert environment_of(out)["TESTFLINGER_KEY_VAULT_URI"] == VAULT_URI
    assert environment_of(out)["MONGODB_URI"] == URI
    assert commands_of(context) == []


def test_unrelated_data_is_unchanged(context: Context):
    other = make_secret({"value": "x" * 40})
    relation, secrets = make_database()
    data = {**relation.remote_app_data, "data": f'{{"secret": "{other.id}"}}'}
    relation = replace(relation, remote_app_data=data)
    state = lab(relations={relation, t.PeerRelation("peers")}, secrets={*secrets, other})
    assert environment_of(context.run(context.on.relation_changed(relation), state))["MONGODB_URI"] == URI
