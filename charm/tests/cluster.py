"""Several units of the charm on one Juju: what one writes, the others read at their next event."""

from dataclasses import dataclass, field, replace
from typing import Any

import ops.testing as t

from charm import QueuepassCharm
from support import environment_of, make_state, verifying_keys, with_relation

APP = "queuepass-k8s"


@dataclass
class Cluster:
    """Units by number, one of them the leader. Each keeps its own state between events."""

    count: int
    leader: int = 0
    base: t.State = field(default_factory=make_state)
    states: dict[int, t.State] = field(init=False)

    def __post_init__(self):
        self._contexts = {
            unit: t.Context(QueuepassCharm, app_name=APP, unit_id=unit) for unit in range(self.count)
        }
        self.states = {unit: replace(self.base, planned_units=self.count) for unit in range(self.count)}

    def run(self, unit: int, event: str = "update_status") -> None:
        """Runs an event on a unit, and makes what it wrote visible to the others."""
        state = self._with_shared(unit)
        context = self._contexts[unit]
        self.states[unit] = context.run(getattr(context.on, event)(), state)

    def run_all(self, times: int = 1) -> None:
        """Runs an event on every unit, in the order of their numbers."""
        for _ in range(times):
            for unit in self.states:
                self.run(unit)

    def set_config(self, **options: Any) -> None:
        """Changes options. A unit sees the change at its next event."""
        self.states = {
            unit: replace(state, config={**state.config, **options}) for unit, state in self.states.items()
        }

    def replace_secret(self, secret: t.Secret) -> None:
        """Gives a secret of another owner a new revision, as the owner would."""
        for unit, state in self.states.items():
            others = {other for other in state.secrets if other.id != secret.id}
            self.states[unit] = replace(state, secrets={*others, secret})

    def peers_of(self, unit: int) -> t.PeerRelation:
        """Returns the peer relation as a unit sees it."""
        relation = self.states[unit].get_relations("peers")[0]
        assert isinstance(relation, t.PeerRelation)
        return relation

    def signing(self, unit: int) -> str:
        """Returns the key that a unit signs with."""
        return environment_of(self.states[unit])["JWT_SIGNING_KEY"]

    def verifying(self, unit: int) -> list[str]:
        """Returns the keys whose tokens a unit accepts."""
        return [self.signing(unit), *verifying_keys(self.states[unit])]

    def _with_shared(self, unit: int) -> t.State:
        leading = self.states[self.leader]
        own = {secret.id for secret in leading.secrets if secret.owner == "app"}
        others = {s for s in self.states[unit].secrets if s.id not in own and s.owner != "app"}
        shared = {secret for secret in leading.secrets if secret.owner == "app"}
        peers = replace(
            self.peers_of(unit),
            local_app_data=self.peers_of(self.leader).local_app_data,
            peers_data={
                other: dict(self.peers_of(other).local_unit_data) for other in self.states if other != unit
            },
        )
        state = replace(self.states[unit], leader=unit == self.leader, secrets=frozenset({*others, *shared}))
        return with_relation(state, peers)
