"""Describe locations and set the allocation policy."""

from collections.abc import Callable

from shop.inventory.model.allocation import AllocationPolicy, Location
from shop.inventory.model.locations import Locations
from shop.inventory.ports import LocationRepository
from shop.kernel.errors import Contention

MAX_ATTEMPTS = 5
"""Attempts of a change while other staff users change other locations."""


def set_location(
    location: Location, *, expected_version: int, locations: LocationRepository
) -> Locations:
    """Add a location (``expected_version`` 0) or change it.

    Raises VersionConflict, Contention, and Conflict (``too_many_locations``).
    """
    return _save_change(lambda before: before.with_location(location, expected_version), locations)


def set_allocation_policy(
    policy: AllocationPolicy, *, expected_version: int, locations: LocationRepository
) -> Locations:
    """Set the policy that chooses the locations of paid orders.

    Raises VersionConflict and Contention.
    """
    return _save_change(lambda before: before.with_policy(policy, expected_version), locations)


def _save_change(
    change: Callable[[Locations], Locations], locations: LocationRepository
) -> Locations:
    """Apply a change and save it.

    All locations share one row. Contention for the row is retried, because another staff user may
    have changed another location; ``change`` checks the version of its own location each time.
    """
    for attempts_left in reversed(range(MAX_ATTEMPTS)):
        before = locations.get()
        after = change(before)
        try:
            return locations.save(after, before)
        except Contention:
            if not attempts_left:
                raise
    raise AssertionError
