"""What every test has: a context, a clock that stands still, and a server that answers /readyz."""

from dataclasses import dataclass

import ops.testing as t
import pytest

import reconcile
from charm import QueuepassCharm
from support import make_context


@dataclass
class Clock:
    """The time that the charm sees, in seconds."""

    now: int = 1_800_000_000

    def advance(self, seconds: int) -> None:
        """Lets time pass."""
        self.now += seconds


@pytest.fixture
def context() -> t.Context[QueuepassCharm]:
    return make_context()


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(reconcile.time, "time", lambda: clock.now)
    return clock


@pytest.fixture(autouse=True)
def server(monkeypatch: pytest.MonkeyPatch) -> dict[str, bool]:
    """Whether the server of the pod gets ready after a start; a test may say no."""
    answers = {"ready": True}
    monkeypatch.setattr(reconcile, "wait_until_ready", lambda: answers["ready"])
    return answers
