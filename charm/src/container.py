"""The workload container through Pebble: commands, files and the layer."""

import hashlib
import time
import urllib.error
import urllib.request
from collections.abc import Mapping

import ops
from charmlibs import pathops

from layer import CONTAINER, KILL_DELAY_SECONDS, PORT, Layer
from workload import CommandError, list_secrets, pick_reason

COMMAND_SECONDS = 300
START_SECONDS = 30
CA_FOLDER = "/etc/queuepass"


class WorkloadContainer:
    """The container of the server, as the charm uses it."""

    def __init__(self, container: ops.Container):
        self._container = container

    def can_connect(self) -> bool:
        """Whether Pebble answers."""
        return self._container.can_connect()

    def is_running(self) -> bool:
        """Whether the server runs."""
        services = self._container.get_services(CONTAINER)
        return CONTAINER in services and services[CONTAINER].is_running()

    def is_ready(self) -> bool:
        """Whether the server runs and Pebble's check of /readyz passes."""
        checks = self._container.get_checks("ready")
        return self.is_running() and checks["ready"].status == ops.pebble.CheckStatus.UP

    def would_restart(self, layer: Layer) -> bool:
        """Whether the server runs, and `apply` would restart it."""
        if not self.is_running():
            return False
        wanted = layer["services"][CONTAINER]
        # Pebble adds its own defaults to the plan.
        current = self._container.get_plan().services[CONTAINER].to_dict()
        return any(current.get(name) != wanted[name] for name in wanted)

    def apply(self, layer: Layer) -> None:
        """Makes `layer` the plan. Restarts the server if the layer changes it, starts it if it has stopped.

        Raises `ops.pebble.Error` when the server does not stay up.
        """
        self._container.add_layer(CONTAINER, layer, combine=True)  # pyright: ignore[reportArgumentType]
        self._container.pebble.replan_services(timeout=KILL_DELAY_SECONDS + START_SECONDS)

    def stop(self, idle: Layer) -> None:
        """Shuts the server down cleanly and leaves a plan that starts nothing."""
        if self.is_running():
            self._container.pebble.stop_services([CONTAINER], timeout=KILL_DELAY_SECONDS + START_SECONDS)
        self._container.add_layer(CONTAINER, idle, combine=True)  # pyright: ignore[reportArgumentType]

    def push_ca(self, ca: str) -> str:
        """Writes certificates into the container and returns their path, which depends on their content."""
        name = hashlib.sha256(ca.encode()).hexdigest()[:16]
        path = pathops.ContainerPath(CA_FOLDER, f"mongodb-ca-{name}.pem", container=self._container)
        path.parent.mkdir(parents=True, exist_ok=True)
        pathops.ensure_contents(path, ca, mode=0o644)
        return str(path)

    def run(self, command: list[str], environment: Mapping[str, str], stdin: str | None = None) -> str:
        """Runs a command and returns its standard output. Raises `CommandError` with a text without keys."""
        secrets = [*list_secrets(environment), stdin or ""]
        try:
            process = self._container.exec(
                command, environment=dict(environment), stdin=stdin, timeout=COMMAND_SECONDS
            )
            return process.wait_output()[0]
        except ops.pebble.ExecError as error:
            raise CommandError(pick_reason(str(error.stderr or ""), secrets)) from None
        except (ops.pebble.Error, TimeoutError) as error:
            # The text of the error may contain the request.
            raise CommandError(f"the command could not be run: {type(error).__name__}") from None


def wait_until_ready() -> bool:
    """Waits until this pod's server answers /readyz. Returns False if it does not within `START_SECONDS`."""
    deadline = time.monotonic() + START_SECONDS
    # A proxy of the model must not be used for the pod's own loopback.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    while time.monotonic() < deadline:
        try:
            with opener.open(f"http://127.0.0.1:{PORT}/readyz", timeout=3):
                return True
        except (urllib.error.URLError, OSError):
            time.sleep(1)
    return False
