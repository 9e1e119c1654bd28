"""One pass that makes the unit match its options, relations and secrets, whatever its state was before."""

import logging
import secrets
import time

import ops

import turns
from app_secrets import PEERS, AppSecrets
from config import Config, SecretError, read_config
from container import WorkloadContainer, wait_until_ready
from keys import TOKEN_SECONDS, MasterKey, RotatingKeys
from layer import (
    METRICS_PORT,
    PORT,
    Inputs,
    Layer,
    build_environment,
    build_idle_layer,
    build_layer,
    choose_public_url,
    digest_layer,
)
from relations import Database, add_tls, find_database, find_ingress_url, publish
from workload import CommandError, rotate_master_key

logger = logging.getLogger(__name__)

SIGNING = "signing-keys"
WEB = "web-keys"
MASTER = "master-key"
"""Labels of the application secrets."""
KEY_OPTIONS = {SIGNING: "jwt_signing_key", WEB: "web_secret_key"}
"""The keys that the charm creates unless an option sets them. A new one replaces the old one in steps."""

Keys = dict[str, RotatingKeys]
"""The keys of `KEY_OPTIONS` that are needed, by label."""


class Reconciler:
    """The pass and its results: `statuses` of the unit, and `environment` for commands in the container."""

    def __init__(self, charm: ops.CharmBase, store: AppSecrets, workload: WorkloadContainer):
        self._charm = charm
        self._store = store
        self._workload = workload
        self.statuses: list[ops.StatusBase] = []
        self.environment: dict[str, str] | None = None
        self.master_key_state = "unset"
        """unset, settled, pending or failed. The action `retry-key-rotation` checks it."""
        self._now = 0

    def run(self) -> None:
        """Runs the pass. It can be repeated at any time, on any unit."""
        self.statuses, self.environment, self.master_key_state = [], None, "unset"
        self._now = int(time.time())
        config = read_config(self._charm.config, self._read_option_secret)
        publish(self._charm, config.external_hostname)
        self._charm.unit.set_ports(PORT, METRICS_PORT)
        self._report_options(config)
        keys = None if config.problems else self._get_keys(config)
        database = find_database(self._charm.model, "mongodb_client")
        if not self._workload.can_connect():
            self.statuses.append(ops.WaitingStatus("Waiting for Pebble"))
            return
        if database is None:
            self.statuses.append(ops.WaitingStatus("Waiting for database relation"))
            if self._charm.model.get_relation("mongodb_client") is None:
                self._stop()
        elif not config.problems:
            self._serve(config, keys, database)

    def _report_options(self, config: Config) -> None:
        self.statuses += [ops.BlockedStatus(problem) for problem in config.problems]
        related = self._charm.model.relations
        if related["nginx-route"] and related["ingress"]:
            self.statuses.append(ops.BlockedStatus("Can't use both nginx-route and ingress together."))
        url = choose_public_url(config, find_ingress_url(self._charm.model))
        if config.has_sign_in and not url.startswith("https://"):
            # Only people notice it: the server goes on serving agents.
            problem = "public_url does not begin with https://: people cannot sign in"
            self.statuses.append(ops.BlockedStatus(problem))
        plain = ", ".join(config.plain)
        advice = f"Keys in plain text, use NAME_secret instead: {plain}" if plain else ""
        self.statuses.append(ops.ActiveStatus(advice))

    def _serve(self, config: Config, keys: Keys | None, database: Database) -> None:
        """Starts or updates the server. If something is missing, sets a status and changes nothing."""
        wanted = config.keys.get("testflinger_secrets_master_key")
        is_vault_related = self._charm.model.get_relation("mongodb_keyvault") is not None
        vault = find_database(self._charm.model, "mongodb_keyvault")
        if is_vault_related and vault is None:
            self.statuses.append(ops.WaitingStatus("Waiting for key vault relation"))
            return
        if wanted and vault is None:
            problem = "testflinger_secrets_master_key needs the relation mongodb_keyvault"
            self.statuses.append(ops.BlockedStatus(problem))
            return
        master = self._get_master_key(wanted) if wanted else None
        if keys is None or (wanted and master is None):
            self.statuses.append(ops.WaitingStatus("Waiting for the leader to hand out keys"))
            return
        uris = self._make_uri(database), None if vault is None else self._make_uri(vault)
        url = find_ingress_url(self._charm.model)

        def build(keys: Keys, master: MasterKey | None) -> dict[str, str]:
            return build_environment(config, Inputs(*uris, keys[SIGNING], keys.get(WEB), master, url))

        self.environment = build(keys, master)
        if wanted and master:
            master = self._rotate_master_key(wanted, master)
        keys = self._promote_keys(keys, config, build(keys, master))
        self.environment = build(keys, master)
        self._apply(build_layer(self.environment))

    def _get_keys(self, config: Config) -> Keys | None:
        """Returns the needed keys, which the leader creates. None if this unit does not know all of them."""
        keys: Keys = {}
        for label, option in KEY_OPTIONS.items():
            if label == WEB and not config.has_sign_in and option not in config.keys:
                # A key that is no longer needed stays stored: the database still holds what was made with it.
                continue
            found = self._get_key(label, config.keys.get(option))
            if found is None:
                return None
            keys[label] = found
        return keys

    def _get_key(self, label: str, wanted: str | None) -> RotatingKeys | None:
        content = self._store.read(label)
        keys = None if content is None else RotatingKeys.read(content)
        if not self._charm.unit.is_leader():
            return keys
        if keys is None:
            keys = RotatingKeys(wanted or make_key())
        elif wanted:
            keys = keys.announce(wanted, self._now)
        keys = keys.drop_expired(self._now)
        self._store.write(label, keys.write())
        return keys

    def announce_signing_key(self) -> str:
        """Creates the next signing key (leader only) and returns the id of the secret that holds it."""
        keys = RotatingKeys.read(self._store.read(SIGNING) or {"current": make_key()})
        return self._store.write(SIGNING, keys.announce(make_key(), self._now).write())

    def _promote_keys(self, keys: Keys, config: Config, environment: dict[str, str]) -> Keys:
        """Puts announced keys into use once every unit accepts them, which is when all run `environment`."""
        pending = {label: key for label, key in keys.items() if key.upcoming is not None}
        if not pending or not self._charm.unit.is_leader():
            return keys
        own, others = self._read_databags()
        do_all_accept = turns.all_serve(digest_layer(build_layer(environment)), own, others)
        used_for = {SIGNING: TOKEN_SECONDS + config.leeway, WEB: config.session_seconds}
        for label, key in pending.items():
            if do_all_accept or self._now - key.announced > turns.LIMIT_SECONDS:
                # The last unit uses the old key until its turn to restart.
                promoted = key.promote(self._now + turns.LIMIT_SECONDS + used_for[label])
                self._store.write(label, promoted.write())
                keys = {**keys, label: promoted}
        return keys

    def _get_master_key(self, wanted: str) -> MasterKey | None:
        content = self._store.read(MASTER)
        if content is not None:
            return MasterKey.read(content)
        return MasterKey(wanted) if self._charm.unit.is_leader() else None

    def _rotate_master_key(self, wanted: str, master: MasterKey) -> MasterKey:
        """Rotates to the option's key unless that failed before. Until it succeeds, the old key is used."""
        if not master.is_pending(wanted):
            master = MasterKey(wanted)
        elif self._charm.unit.is_leader() and not master.has_failed(wanted):
            try:
                rotate_master_key(self._workload.run, self.environment or {}, wanted)
                master = MasterKey(wanted)
            except CommandError as failure:
                logger.warning("the rotation of the secrets master key failed: %s", failure)
                master = MasterKey(master.current, refused=wanted)
        if self._charm.unit.is_leader():
            self._store.write(MASTER, master.write())
        self.master_key_state = "settled"
        if master.has_failed(wanted):
            self.master_key_state = "failed"
            problem = "Rotation of the secrets master key failed: run the action retry-key-rotation"
            self.statuses.append(ops.BlockedStatus(problem))
        elif master.is_pending(wanted):
            self.master_key_state = "pending"
            self.statuses.append(
                ops.MaintenanceStatus("Waiting for the leader to rotate the secrets master key")
            )
        return master

    def forget_failed_rotation(self) -> None:
        """Lets the next pass try the rotation of the secrets master key again (leader only)."""
        if content := self._store.read(MASTER):
            self._store.write(MASTER, MasterKey(MasterKey.read(content).current).write())

    def _apply(self, layer: Layer) -> None:
        """Makes the server run `layer`. If this restarts it, the unit waits for its turn."""
        digest = digest_layer(layer)
        own, others = self._read_databags()
        if self._workload.would_restart(layer):
            since = int(own.get("waits-since", self._now))
            own["waits-since"] = str(since)
            if not turns.may_restart(self._charm.unit.name, digest, others, since, self._now):
                self.statuses.append(ops.MaintenanceStatus("Waiting for its turn to restart"))
                return
        try:
            self._workload.apply(layer)
        except ops.pebble.Error:
            # The text of the error contains the last lines of the server's log.
            self.statuses.append(ops.WaitingStatus("Waiting for the server to start: see its log"))
            return
        own["waits-since"] = ""
        if own.get("serving") != digest and wait_until_ready():
            own["serving"] = digest
        if own.get("serving") != digest or not self._workload.is_ready():
            self.statuses.append(ops.WaitingStatus("Waiting for the server to be ready"))

    def _stop(self) -> None:
        own, _ = self._read_databags()
        self._workload.stop(build_idle_layer())
        own["serving"] = own["waits-since"] = ""

    def _read_databags(self) -> tuple[ops.RelationDataContent | dict[str, str], turns.Databags]:
        """Returns this unit's databag in the peer relation, and those of the other units."""
        peers = self._charm.model.get_relation(PEERS)
        if peers is None:
            return {}, {}
        others = {unit.name: peers.data[unit] for unit in peers.units}
        return peers.data[self._charm.unit], others

    def _make_uri(self, database: Database) -> str:
        has_ca = database.tls and database.ca
        return add_tls(database, self._workload.push_ca(database.ca) if has_ca and database.ca else None)

    def _read_option_secret(self, secret_id: str) -> str:
        try:
            content = self._charm.model.get_secret(id=secret_id).get_content(refresh=True)
        except (ops.SecretNotFoundError, ops.ModelError):
            raise SecretError("names a secret that the application was not granted") from None
        if value := content.get("value"):
            return value
        raise SecretError("names a secret without a field `value`")


def make_key() -> str:
    """Returns a key with 384 random bits."""
    return secrets.token_urlsafe(48)
