"""Which instants people may name: those that every clock, zone and table of the shop can tell."""

from datetime import datetime

FIRST_YEAR, LAST_YEAR = 2000, 2199


def validate_instant(at: datetime) -> datetime:
    """An instant of the years that a shop plans for.

    At the edges of time a change of zone has no result (``OverflowError``), and a price list that
    begins in the year 1 is a slip of the keyboard. Raises ``ValueError`` with a sentence for
    whoever sent it.
    """
    if not FIRST_YEAR <= at.year <= LAST_YEAR:
        raise ValueError(f"an instant is in the years {FIRST_YEAR} to {LAST_YEAR}")
    return at
