"""Bounds of the instants that requests may contain."""

from datetime import datetime

from shop.kernel.errors import InvalidValue

FIRST_YEAR, LAST_YEAR = 2000, 2199


def validate_instant(at: datetime) -> datetime:
    """Return the instant if it is within the supported years.

    Conversions between time zones overflow at the ends of the calendar (``OverflowError``), and a
    price list that starts in the year 1 is a typing error. Raises :class:`InvalidValue`.
    """
    if not FIRST_YEAR <= at.year <= LAST_YEAR:
        raise InvalidValue("out_of_range", f"The year must be from {FIRST_YEAR} to {LAST_YEAR}.")
    return at
