"""Application secrets of Juju, the only place where keys are kept: the leader writes, all units read."""

from datetime import timedelta

import ops

PEERS = "peers"


class AppSecrets:
    """The application's secrets by label; units that do not lead find their ids in the peer relation."""

    def __init__(self, charm: ops.CharmBase):
        self._charm = charm
        self._written: dict[str, dict[str, str]] = {}

    def read(self, label: str) -> dict[str, str] | None:
        """The newest content, or None while there is none or, on a unit that does not lead, none is known."""
        if label in self._written:
            # Juju gives out a new revision only after the hook that wrote it.
            return self._written[label]
        secret = self._find(label)
        return None if secret is None else secret.get_content(refresh=True)

    def write(self, label: str, content: dict[str, str], expire: timedelta | None = None) -> str:
        """Keeps `content`, on the leader, and gives the secret's id; the same content, no new revision."""
        secret, is_new = self._find(label), self.read(label) != content
        if secret is None:
            secret = self._charm.app.add_secret(content, label=label, expire=expire)
        elif is_new:
            secret.set_content(content)
            if expire is not None:
                secret.set_info(expire=expire)
        self._written[label] = content
        secret_id = secret.id or secret.get_info().id
        if peers := self._charm.model.get_relation(PEERS):
            data, revision = peers.data[self._charm.app], f"{label}-revision"
            data[label] = secret_id
            if is_new:
                # Wakes the other units: Juju need not tell units of the owner that a secret changed.
                data[revision] = str(int(data.get(revision, "0")) + 1)
        return secret_id

    def _find(self, label: str) -> ops.Secret | None:
        model = self._charm.model
        try:
            if self._charm.unit.is_leader():
                return model.get_secret(label=label)
            # The label is the owner's: a unit that does not lead goes by the id.
            peers = model.get_relation(PEERS)
            secret_id = peers.data[self._charm.app].get(label) if peers else None
            return model.get_secret(id=secret_id) if secret_id else None
        except ops.SecretNotFoundError:
            return None
