"""Dispatch dates and delivery estimates: working days, a cut-off time, holidays."""

from datetime import UTC, date, datetime, time, timedelta

from shop.kernel.errors import Problem
from shop.kernel.frozen import frozen
from shop.kernel.time_bounds import time_zone

SATURDAY = 5
MAX_TRANSIT_DAYS = 120
"""Working days. A longer transit is a typing error."""
MAX_HOLIDAYS = 1_000
MAX_DAYS_SEARCHED = MAX_HOLIDAYS + 100
"""Bound of the search for a working day, in days."""


@frozen
class DispatchSchedule:
    """The days on which the warehouse dispatches: Monday to Friday without ``holidays``.

    Dates and the cut-off follow the local time of ``zone``. An order placed at ``cut_off`` or
    later, or on a day off, leaves on the next working day. Without a cut-off, a working day counts
    until its end.
    """

    zone: str = "UTC"
    """IANA time zone of the warehouse, such as Europe/Berlin."""
    cut_off: time | None = None
    """Time of day from which orders leave on the next working day."""
    holidays: frozenset[date] = frozenset()
    """Days without dispatch, 1,000 at most."""

    def ship_date(self, at: datetime) -> date:
        """Return the local date on which an order placed at that instant is dispatched."""
        # UTC needs no time zone file, so the default schedule loads none.
        local = at.astimezone(UTC if self.zone == "UTC" else time_zone(self.zone))
        day = local.date()
        if self.cut_off is not None and local.time() >= self.cut_off:
            day += timedelta(days=1)
        return self._next_working_day(day)

    def add_working_days(self, day: date, working_days: int) -> date:
        """Return the date that many working days later; zero returns the same date."""
        for _ in range(working_days):
            day = self._next_working_day(day + timedelta(days=1))
        return day

    def estimate(self, at: datetime, days: tuple[int, int]) -> tuple[datetime, datetime]:
        """Return the first and last instant (UTC) of the expected delivery.

        The range starts at 08:00 of the first day and ends at 20:00 of the last.
        """
        dispatched = self.ship_date(at)
        first = self.add_working_days(dispatched, days[0])
        last = self.add_working_days(dispatched, days[1])
        return datetime.combine(first, time(8), UTC), datetime.combine(last, time(20), UTC)

    def problems(self, path: str) -> list[Problem]:
        """Validate the schedule; ``path`` is its place in the request."""
        problems = []
        try:
            time_zone(self.zone)
        except ValueError:
            detail = "The time zone must be an IANA name, such as Europe/Berlin."
            problems.append(Problem("time_zone_unknown", detail, f"{path}.zone"))
        if len(self.holidays) > MAX_HOLIDAYS:
            detail = f"Send at most {MAX_HOLIDAYS:,} holidays."
            problems.append(Problem("too_many", detail, f"{path}.holidays"))
        return problems

    def _next_working_day(self, day: date) -> date:
        """Return the day itself if it is a working day, else the next one."""
        # Bounded, so that a schedule made only of holidays cannot loop for ever.
        for _ in range(MAX_DAYS_SEARCHED):
            if day.weekday() < SATURDAY and day not in self.holidays:
                return day
            day += timedelta(days=1)
        return day
