"""Application secrets of Juju, the only place for keys: the leader writes them, all units read them."""

from datetime import timedelta

import ops

PEERS = "peers"


class AppSecrets:
    """The application's secrets by label. Units that are not the leader find the ids in the peer relation."""

    def __init__(self, charm: ops.CharmBase):
        self._charm = charm
        self._written: dict[str, dict[str, str]] = {}

    def read(self, label: str) -> dict[str, str] | None:
        """Returns the newest content, or None if there is no secret or this unit does not know its id yet."""
        if label in self._written:
            # Juju returns a new revision only after the hook that wrote it has ended.
            return self._written[label]
        secret = self._find(label)
        return None if secret is None else secret.get_content(refresh=True)

    def write(self, label: str, content: dict[str, str], expire: timedelta | None = None) -> str:
        """Stores `content` (leader only) and returns the secret's id. Equal content makes no new revision."""
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
                # Wakes the other units: Juju may not notify the units of the owner that a secret changed.
                data[revision] = str(int(data.get(revision, "0")) + 1)
        return secret_id

    def _find(self, label: str) -> ops.Secret | None:
        model = self._charm.model
        try:
            if self._charm.unit.is_leader():
                return model.get_secret(label=label)
            # Only the owner can use the label: a unit that is not the leader uses the id.
            peers = model.get_relation(PEERS)
            secret_id = peers.data[self._charm.app].get(label) if peers else None
            return model.get_secret(id=secret_id) if secret_id else None
        except ops.SecretNotFoundError:
            return None
