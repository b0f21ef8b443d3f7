"""Time zones by their IANA names."""

from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_OTHER_FILES = frozenset({"Factory", "localtime", "posixrules"})
"""Files beside those of zones in some systems' databases. Their content depends on the machine."""
_OTHER_FOLDERS = ("posix/", "right/")


@lru_cache(maxsize=64)
def time_zone(name: str) -> ZoneInfo:
    """Return the time zone of an IANA name. Raises ValueError for any other text."""
    if name in _OTHER_FILES or name.startswith(_OTHER_FOLDERS):
        raise ValueError(f"{name} is no IANA time zone.")
    try:
        return ZoneInfo(name)
    # The name of a folder, such as Europe, is no file to read.
    except (ZoneInfoNotFoundError, OSError) as error:
        raise ValueError(f"{name} is no IANA time zone.") from error
