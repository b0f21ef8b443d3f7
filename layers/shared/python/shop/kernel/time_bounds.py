"""Instants and time zones that requests may contain."""

from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING

from shop.kernel.errors import InvalidValue

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

FIRST_YEAR, LAST_YEAR = 2000, 2199
_OTHER_FILES = frozenset({"Factory", "localtime", "posixrules"})
"""Files beside those of zones in some systems' databases. Their content depends on the machine."""
_OTHER_FOLDERS = ("posix/", "right/")


def validate_instant(at: datetime) -> datetime:
    """Return the instant if it is within the supported years.

    Conversions between time zones overflow at the ends of the calendar (``OverflowError``), and a
    price list that starts in the year 1 is a typing error. Raises :class:`InvalidValue`.
    """
    if not FIRST_YEAR <= at.year <= LAST_YEAR:
        raise InvalidValue("out_of_range", f"The year must be from {FIRST_YEAR} to {LAST_YEAR}.")
    return at


@lru_cache(maxsize=64)
def time_zone(name: str) -> "ZoneInfo":
    """Return the time zone of an IANA name. Raises ValueError for any other text."""
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError  # lazy: UTC needs none

    if name in _OTHER_FILES or name.startswith(_OTHER_FOLDERS):
        raise ValueError(f"{name} is not an IANA time zone.")
    try:
        return ZoneInfo(name)
    # The name of a folder, such as Europe, is not a file.
    except (ZoneInfoNotFoundError, OSError) as error:
        raise ValueError(f"{name} is not an IANA time zone.") from error
