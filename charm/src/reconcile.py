"""One pass that makes the unit match its options, relations and secrets, whatever its state was before."""

import logging
import secrets
import time

import ops

import turns
from app_secrets import PEERS, AppSecrets
from config import Config, SecretError, read_config
from container import WorkloadContainer, wait_until_ready
from keys import TOKEN_SECONDS, MasterKey, SigningKeys
from layer import (
    METRICS_PORT,
    PORT,
    Inputs,
    Layer,
    build_environment,
    build_idle_layer,
    build_layer,
    digest_layer,
)
from relations import Database, add_tls, find_database, find_ingress_url, publish
from workload import CommandError, rotate_master_key

logger = logging.getLogger(__name__)

SIGNING = "signing-keys"
MASTER = "master-key"
"""Labels of the application secrets."""


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
        keys = None if config.problems else self._get_signing_keys(config)
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
        plain = ", ".join(config.plain)
        advice = f"Keys in plain text, use NAME_secret instead: {plain}" if plain else ""
        self.statuses.append(ops.ActiveStatus(advice))

    def _serve(self, config: Config, keys: SigningKeys | None, database: Database) -> None:
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
        self.environment = build_environment(config, Inputs(*uris, keys, master, url))
        if wanted and master:
            master = self._rotate_master_key(wanted, master)
        keys = self._promote_signing_key(keys, config, Inputs(*uris, keys, master, url))
        self.environment = build_environment(config, Inputs(*uris, keys, master, url))
        self._apply(build_layer(self.environment))

    def _get_signing_keys(self, config: Config) -> SigningKeys | None:
        content = self._store.read(SIGNING)
        keys = None if content is None else SigningKeys.read(content)
        if not self._charm.unit.is_leader():
            return keys
        wanted = config.keys.get("jwt_signing_key")
        if keys is None:
            keys = SigningKeys(wanted or make_key())
        elif wanted:
            keys = keys.announce(wanted, self._now)
        keys = keys.drop_expired(self._now)
        self._store.write(SIGNING, keys.write())
        return keys

    def announce_signing_key(self) -> str:
        """Creates the next signing key (leader only) and returns the id of the secret that holds it."""
        keys = SigningKeys.read(self._store.read(SIGNING) or {"current": make_key()})
        return self._store.write(SIGNING, keys.announce(make_key(), self._now).write())

    def _promote_signing_key(self, keys: SigningKeys, config: Config, inputs: Inputs) -> SigningKeys:
        """Lets the announced key sign once every unit verifies with it."""
        if keys.upcoming is None or not self._charm.unit.is_leader():
            return keys
        digest = digest_layer(build_layer(build_environment(config, inputs)))
        own, others = self._read_databags()
        if self._now - keys.announced <= turns.LIMIT_SECONDS and not turns.all_serve(digest, own, others):
            return keys
        # The last unit signs with the old key until its turn to restart.
        keys = keys.promote(self._now + turns.LIMIT_SECONDS + TOKEN_SECONDS + config.leeway)
        self._store.write(SIGNING, keys.write())
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
