"""Bounds of the instants that requests may contain."""

from datetime import datetime

FIRST_YEAR, LAST_YEAR = 2000, 2199


def validate_instant(at: datetime) -> datetime:
    """Return an instant within the supported years.

    Conversions between time zones overflow at the ends of the calendar (``OverflowError``), and a
    price list that starts in the year 1 is a typing error. Raises ``ValueError`` with a message for
    the caller.
    """
    if not FIRST_YEAR <= at.year <= LAST_YEAR:
        raise ValueError(f"The date must be in the years {FIRST_YEAR} to {LAST_YEAR}.")
    return at
