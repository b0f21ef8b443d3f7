"""Sales tax below a state of the US, by ZIP code (docs/rules/pricing.md §10.5c)."""

import json
import re
from collections.abc import Mapping
from datetime import date, datetime
from functools import cached_property
from typing import Any

from shop.kernel.frozen import frozen
from shop.places.model.destination import zip_parts

ZIP = re.compile(r"([0-9]{5})(?:[ -]?([0-9]{4}))?")
PART_NAMES = ("state", "county", "city", "special")

Entry = list[Any]
"""First and last add-on code (``None``: the whole ZIP code), name, county, city and special."""


@frozen
class LocalRate:
    """The rates that sum to the sales tax of an address, in parts per million."""

    name: str
    state: int
    county: int
    city: int
    special: int

    @property
    def combined(self) -> int:
        return self.state + self.county + self.city + self.special

    @property
    def parts(self) -> str:
        """Return the parts that are not zero as a text, such as "state 6 %, county 0.25 %"."""
        amounts = (self.state, self.county, self.city, self.special)
        named = zip(PART_NAMES, amounts, strict=True)
        return ", ".join(f"{name} {rate / 10_000:g} %" for name, rate in named if rate)


@frozen(slots=False)
class LocalEdition:
    """The rates of a state from a day on, until the next edition.

    ``document`` is a JSON text by ZIP code. It is parsed at the first look-up: a Lambda holds all
    states and sells to few of them at a time.
    """

    since: date
    state_rate: int
    document: str

    @cached_property
    def entries(self) -> Mapping[str, list[Entry]]:
        entries: dict[str, list[Entry]] = json.loads(self.document)
        return entries

    def find(self, postal_code: str | None) -> LocalRate | None:
        """Return the rate of a ZIP code with or without its add-on code, or ``None``.

        A range of add-on codes precedes the rate of the whole ZIP code.
        """
        parts = zip_parts(postal_code)
        if parts is None:
            return None
        zip_code, add_on = parts
        found = None
        for first, last, name, county, city, special in self.entries.get(zip_code, ()):
            rate = LocalRate(name, self.state_rate, county, city, special)
            if first is None:
                found = found or rate
            elif add_on is not None and first <= add_on <= last:
                return rate
        return found


@frozen
class StateRates:
    """The editions of a state, oldest first. Version 0 has none."""

    state: str
    editions: tuple[LocalEdition, ...] = ()
    version: int = 0
    at: datetime | None = None
    actor: str = ""

    def on(self, day: date) -> LocalEdition | None:
        """Return the edition that is in force on a day."""
        started = [edition for edition in self.editions if edition.since <= day]
        return started[-1] if started else None
