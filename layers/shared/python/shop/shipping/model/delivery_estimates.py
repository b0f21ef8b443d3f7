"""When goods leave, and between which days they arrive: working days, a cut-off, holidays."""

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from shop.kernel.errors import Problem
from shop.kernel.frozen import frozen

SATURDAY = 5
MAX_TRANSIT_DAYS = 120
"""A way that takes more working days than that is a typing error."""


@frozen
class DispatchSchedule:
    """When the warehouse sends: Monday to Friday but ``holidays``, on the clock of ``zone``.

    What is ordered at ``cut_off`` or later, or on a day off, leaves on the next working day;
    without a cut-off a working day counts to its end.
    """

    zone: str = "UTC"
    """IANA time zone of the warehouse, such as Europe/Berlin."""
    cut_off: time | None = None
    """Time of day from which orders leave on the next working day."""
    holidays: frozenset[date] = frozenset()
    """Days without dispatch, 1,000 at most."""

    def ship_date(self, at: datetime) -> date:
        """The day on which something ordered at that instant is sent."""
        there = at.astimezone(UTC if self.zone == "UTC" else _zone(self.zone))
        day = there.date()
        if self.cut_off is not None and there.time() >= self.cut_off:
            day += timedelta(days=1)
        return self._working(day)

    def add_working_days(self, day: date, working_days: int) -> date:
        """So many working days later; with none, the day itself."""
        for _ in range(working_days):
            day = self._working(day + timedelta(days=1))
        return day

    def estimate(self, at: datetime, days: tuple[int, int]) -> tuple[datetime, datetime]:
        """The first and the last instant (UTC) it may arrive at: from eight in the morning of
        the first day until eight in the evening of the last.
        """
        left = self.ship_date(at)
        first, last = self.add_working_days(left, days[0]), self.add_working_days(left, days[1])
        return datetime.combine(first, time(8), UTC), datetime.combine(last, time(20), UTC)

    def problems(self, path: str) -> list[Problem]:
        """What cannot be."""
        problems = []
        try:
            _zone(self.zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            detail = "a time zone as IANA names it, such as Europe/Berlin"
            problems.append(Problem("zone_unknown", detail, f"{path}.zone"))
        if len(self.holidays) > 1_000:
            problems.append(Problem("too_many", "1,000 holidays at most", f"{path}.holidays"))
        return problems

    def _working(self, day: date) -> date:
        for _ in range(1_100):
            if day.weekday() < SATURDAY and day not in self.holidays:
                return day
            day += timedelta(days=1)
        return day


@lru_cache(maxsize=64)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)
