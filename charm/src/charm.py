#!/usr/bin/env python3
"""The charm's events: each one runs the same pass (`reconcile.py`), and each action does one thing more."""

from collections.abc import Callable
from datetime import timedelta

import ops

from app_secrets import AppSecrets
from container import WorkloadContainer
from layer import CONTAINER
from reconcile import Reconciler
from workload import (
    ADMIN,
    CommandError,
    add_client,
    clear_sessions,
    report_on_database,
    reset_admin_key,
    set_admin_key,
)

ADMIN_KEY = "admin-key"
HANDED_OVER = "client-"
"""Label, and prefix of labels, of the application secrets that hold keys of clients."""
HAND_OVER_TIME = timedelta(days=1)

Environment = dict[str, str]


class QueuepassCharm(ops.CharmBase):
    """Runs Queuepass in the container of its pod."""

    def __init__(self, framework: ops.Framework):
        super().__init__(framework)
        self._store = AppSecrets(self)
        self._workload = WorkloadContainer(self.unit.get_container(CONTAINER))
        self._reconciler = Reconciler(self, self._store, self._workload)
        for event in self._list_events():
            framework.observe(event, self._reconcile)
        framework.observe(self.on.collect_unit_status, self._on_collect_unit_status)
        framework.observe(self.on.secret_expired, self._on_secret_expired)
        framework.observe(self.on.secret_remove, self._on_secret_remove)
        for action, handler in {
            "set_admin_password": self._on_set_admin_password,
            "retry_key_rotation": self._on_retry_key_rotation,
            "reset_admin_key": self._on_reset_admin_key,
            "add_client": self._on_add_client,
            "rotate_signing_key": self._on_rotate_signing_key,
            "clear_sessions": self._on_clear_sessions,
            "doctor": self._on_doctor,
        }.items():
            framework.observe(self.on[action].action, handler)

    def _list_events(self) -> list[ops.BoundEvent]:
        on, pebble = self.on, self.on[CONTAINER]
        events = [on.config_changed, on.leader_elected, on.secret_changed, on.start, on.update_status]
        events += [on.upgrade_charm, pebble.pebble_ready, pebble.pebble_check_failed]
        events += [pebble.pebble_check_recovered]
        for endpoint in self.meta.relations:
            relation = on[endpoint]
            events += [relation.relation_created, relation.relation_joined, relation.relation_changed]
            events += [relation.relation_departed, relation.relation_broken]
        return events

    def _reconcile(self, _: ops.EventBase) -> None:
        self._reconciler.run()

    def _on_collect_unit_status(self, event: ops.CollectStatusEvent) -> None:
        for status in self._reconciler.statuses:
            event.add_status(status)

    def _on_secret_expired(self, event: ops.SecretExpiredEvent) -> None:
        event.secret.remove_all_revisions()

    def _on_secret_remove(self, event: ops.SecretRemoveEvent) -> None:
        event.remove_revision()

    def _on_set_admin_password(self, event: ops.ActionEvent) -> None:
        def act(environment: Environment) -> dict[str, str]:
            key = event.params["password"]
            answer = set_admin_key(self._workload.run, environment, key)
            self._store.write(ADMIN_KEY, {"client-id": ADMIN, "client-key": key})
            return {"result": answer}

        self._act(event, act)

    def _on_reset_admin_key(self, event: ops.ActionEvent) -> None:
        def act(environment: Environment) -> dict[str, str]:
            key = reset_admin_key(self._workload.run, environment)
            return {"secret-id": self._store.write(ADMIN_KEY, {"client-id": ADMIN, "client-key": key})}

        self._act(event, act)

    def _on_add_client(self, event: ops.ActionEvent) -> None:
        def act(environment: Environment) -> dict[str, str]:
            admin = self._store.read(ADMIN_KEY)
            if admin is None:
                raise CommandError(
                    f"the key of {ADMIN} is not known: run reset-admin-key or set-admin-password"
                )
            client, role = event.params["client-id"], event.params["role"]
            key = add_client(self._workload.run, environment, admin["client-key"], client, role)
            content = {"client-id": client, "client-key": key}
            return {"secret-id": self._store.write(f"{HANDED_OVER}{client}", content, HAND_OVER_TIME)}

        self._act(event, act)

    def _on_rotate_signing_key(self, event: ops.ActionEvent) -> None:
        def act(_: Environment) -> dict[str, str]:
            if self.config.get("jwt_signing_key") or self.config.get("jwt_signing_key_secret"):
                raise CommandError("an option sets the key: change the option")
            secret_id = self._reconciler.announce_signing_key()
            self._reconciler.run()
            return {"secret-id": secret_id}

        self._act(event, act)

    def _on_retry_key_rotation(self, event: ops.ActionEvent) -> None:
        def act(_: Environment) -> dict[str, str]:
            if self._reconciler.master_key_state != "failed":
                raise CommandError("no rotation of the secrets master key has failed")
            self._reconciler.forget_failed_rotation()
            self._reconciler.run()
            if self._reconciler.master_key_state != "settled":
                raise CommandError("the rotation failed again: the unit's log has the reason")
            return {"result": "Secrets master key rotated successfully"}

        self._act(event, act)

    def _on_clear_sessions(self, event: ops.ActionEvent) -> None:
        def act(environment: Environment) -> dict[str, str]:
            result = clear_sessions(self._workload.run, environment)
            # A server that refused to start because of its key can start now.
            self._reconciler.run()
            return {"result": result}

        self._act(event, act)

    def _on_doctor(self, event: ops.ActionEvent) -> None:
        def act(environment: Environment) -> dict[str, str]:
            return {"report": report_on_database(self._workload.run, environment)}

        self._act(event, act, leader_only=False)

    def _act(
        self, event: ops.ActionEvent, act: Callable[[Environment], dict[str, str]], leader_only: bool = True
    ) -> None:
        """Runs an action after a pass. If something prevents it, the action fails with the reason."""
        self._reconciler.run()
        try:
            if leader_only and not self.unit.is_leader():
                raise CommandError("this action runs on the leader only")
            if self._reconciler.environment is None:
                raise CommandError("the unit is not set up: see its status")
            event.set_results(act(self._reconciler.environment))
        except CommandError as failure:
            event.fail(str(failure))


if __name__ == "__main__":
    ops.main(QueuepassCharm)
