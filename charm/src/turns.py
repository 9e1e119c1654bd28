"""Units restart one after the other: who may, from what each tells in its databag of the peer relation."""

from collections.abc import Mapping

LIMIT_SECONDS = 300
"""A unit that waits longer goes ahead, so that one that is gone holds nobody up."""

Databags = Mapping[str, Mapping[str, str]]
"""Databags of the other units by unit name; `serving` names the layer that a unit runs, if it ever did."""


def may_restart(unit: str, wanted: str, others: Databags, waits_since: int, now: int) -> bool:
    """Whether every unit of a lower number runs the layer `wanted`; `waits_since` and `now` are seconds."""
    if now - waits_since > LIMIT_SECONDS:
        return True
    lower = [bag for name, bag in others.items() if _number(name) < _number(unit)]
    return all(bag.get("serving", wanted) == wanted for bag in lower)


def all_serve(wanted: str, own: Mapping[str, str], others: Databags) -> bool:
    """Whether this unit and all that serve run the layer `wanted`; a unit alone has nobody to agree with."""
    if not others:
        return True
    return own.get("serving") == wanted and all(
        bag.get("serving", wanted) == wanted for bag in others.values()
    )


def _number(unit: str) -> int:
    return int(unit.rsplit("/", 1)[1])
