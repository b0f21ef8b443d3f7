"""What staff do with locations and with the policy by which these share the orders."""

from collections.abc import Callable

from shop.inventory.model.allocation import Location, Policy
from shop.inventory.model.network import Network
from shop.inventory.ports import Locations
from shop.kernel.errors import Stale

TRIES = 5
"""How often a change is tried anew when somebody else changed another location meanwhile."""


def describe_location(
    location: Location, *, expected_version: int, locations: Locations
) -> Network:
    """Open a location (``expected_version`` 0), or change it. Raises Stale, Conflict."""
    return _changed(lambda network: network.with_location(location, expected_version), locations)


def set_policy(policy: Policy, *, expected_version: int, locations: Locations) -> Network:
    """Choose from now on by this policy where the pieces of an order come from. Raises Stale."""
    return _changed(lambda network: network.with_policy(policy, expected_version), locations)


def _changed(change: Callable[[Network], Network], locations: Locations) -> Network:
    """All of it is one row: who changed another part of it meanwhile is no reason to refuse."""
    for left in reversed(range(TRIES)):
        before = locations.network()
        after = change(before)
        try:
            return locations.keep(after, before)
        except Stale:
            if not left:
                raise
    raise AssertionError
