"""What staff do with locations and with the policy by which these share the orders."""

from collections.abc import Callable

from shop.inventory.model.allocation import AllocationPolicy, Location
from shop.inventory.model.locations import Locations
from shop.inventory.ports import LocationRepository
from shop.kernel.errors import VersionConflict

MAX_ATTEMPTS = 5
"""How often a change is tried anew when somebody else changed another location meanwhile."""


def set_location(
    location: Location, *, expected_version: int, locations: LocationRepository
) -> Locations:
    """Open a location (``expected_version`` 0), or change it. Raises Stale, Conflict."""
    return _changed(lambda network: network.with_location(location, expected_version), locations)


def set_allocation_policy(
    policy: AllocationPolicy, *, expected_version: int, locations: LocationRepository
) -> Locations:
    """Choose from now on by this policy where the pieces of an order come from. Raises Stale."""
    return _changed(lambda network: network.with_policy(policy, expected_version), locations)


def _changed(change: Callable[[Locations], Locations], locations: LocationRepository) -> Locations:
    """All of it is one row: who changed another part of it meanwhile is no reason to refuse."""
    for left in reversed(range(MAX_ATTEMPTS)):
        before = locations.get()
        after = change(before)
        try:
            return locations.save(after, before)
        except VersionConflict:
            if not left:
                raise
    raise AssertionError
