"""The keys that change without an outage, as values: each function returns the next state, none writes."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

TOKEN_SECONDS = 600
"""Lifetime of a token that the server signs."""


@dataclass(frozen=True)
class RotatingKeys:
    """The key that is in use on all units, and those that are only accepted: the signing key or the web key.

    Every unit first accepts a new key (`upcoming`), then they use it, so that no unit receives anything that
    it cannot read. The old key is then accepted until everything that was made with it has expired.
    """

    current: str = field(repr=False)
    upcoming: str | None = field(default=None, repr=False)
    announced: int = 0
    """Time in seconds at which `upcoming` was published."""
    previous: tuple[tuple[str, int], ...] = field(default=(), repr=False)
    """Earlier keys, each with the time in seconds after which it is no longer needed."""

    @classmethod
    def read(cls, content: Mapping[str, str]) -> "RotatingKeys":
        """Reads the content of the application secret that `write` made."""
        previous = [(str(key), int(until)) for key, until in json.loads(content.get("previous", "[]"))]
        announced = int(content.get("announced", "0"))
        return cls(content["current"], content.get("upcoming"), announced, tuple(previous))

    def write(self) -> dict[str, str]:
        """Returns the content of the application secret. Juju does not allow a field without a value."""
        content = {"current": self.current}
        if self.upcoming is not None:
            content |= {"upcoming": self.upcoming, "announced": str(self.announced)}
        if self.previous:
            content["previous"] = json.dumps([list(item) for item in self.previous])
        return content

    def accepted(self) -> list[str]:
        """Returns the other keys that are accepted, the most important first, always in the same order."""
        keys = [self.upcoming] if self.upcoming is not None else []
        keys += [key for key, _ in reversed(self.previous)]
        return [key for key in keys if key != self.current]

    def announce(self, key: str, now: int) -> "RotatingKeys":
        """Makes `key` the next one to be used. Announcing the current key cancels an earlier announcement."""
        if key == self.current:
            return replace(self, upcoming=None, announced=0)
        return self if key == self.upcoming else replace(self, upcoming=key, announced=now)

    def promote(self, until: int) -> "RotatingKeys":
        """Puts the announced key into use. The old one is accepted until `until`, in seconds."""
        if self.upcoming is None:
            return self
        kept = tuple(item for item in self.previous if item[0] != self.upcoming)
        return RotatingKeys(self.upcoming, previous=(*kept, (self.current, until)))

    def drop_expired(self, now: int) -> "RotatingKeys":
        """Returns the keys without the earlier ones that are no longer needed."""
        return replace(self, previous=tuple(item for item in self.previous if item[1] > now))


@dataclass(frozen=True)
class MasterKey:
    """The secrets master key in use on all units, and the one whose rotation failed, if any."""

    current: str = field(repr=False)
    refused: str | None = field(default=None, repr=False)

    @classmethod
    def read(cls, content: Mapping[str, str]) -> "MasterKey":
        """Reads the content of the application secret that `write` made."""
        return cls(content["current"], content.get("refused"))

    def write(self) -> dict[str, str]:
        """Returns the content of the application secret."""
        return {"current": self.current} | ({} if self.refused is None else {"refused": self.refused})

    def is_pending(self, wanted: str) -> bool:
        """Whether the option holds a different key from the one in use."""
        return wanted != self.current

    def has_failed(self, wanted: str) -> bool:
        """Whether the rotation to the option's key failed, so that a person must act."""
        return self.is_pending(wanted) and wanted == self.refused
