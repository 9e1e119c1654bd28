"""Units restart one after the other. Decides which one may, from their databags in the peer relation."""

from collections.abc import Mapping

LIMIT_SECONDS = 300
"""A unit that has waited longer restarts anyway, so that a missing unit does not block the others."""

Databags = Mapping[str, Mapping[str, str]]
"""Databags of the other units by unit name. `serving` names the layer that a unit runs, if it ran one."""


def may_restart(unit: str, wanted: str, others: Databags, waits_since: int, now: int) -> bool:
    """Whether every unit with a lower number runs the layer `wanted`. Times are in seconds."""
    if now - waits_since > LIMIT_SECONDS:
        return True
    lower = [bag for name, bag in others.items() if _number(name) < _number(unit)]
    return all(bag.get("serving", wanted) == wanted for bag in lower)


def all_serve(wanted: str, own: Mapping[str, str], others: Databags) -> bool:
    """Whether this unit and all serving units run the layer `wanted`. Always true for a single unit."""
    if not others:
        return True
    return own.get("serving") == wanted and all(
        bag.get("serving", wanted) == wanted for bag in others.values()
    )


def _number(unit: str) -> int:
    return int(unit.rsplit("/", 1)[1])
