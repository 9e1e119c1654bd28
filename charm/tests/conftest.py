"""Fixtures of every test: a context, a stopped clock, and a server that answers /readyz."""

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
        """Advances the clock."""
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
    """Whether the pod's server becomes ready after a start. A test can set this to False."""
    answers = {"ready": True}
    monkeypatch.setattr(reconcile, "wait_until_ready", lambda: answers["ready"])
    return answers
