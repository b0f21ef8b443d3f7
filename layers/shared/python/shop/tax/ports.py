"""Ports of tax."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from shop.kernel.events import Event
    from shop.tax.model.country_rates import CountryRates
    from shop.tax.model.rates import TaxTable


class TaxProvider(Protocol):
    """Where the rates of the rules come from: the bundled table with what staff changed of it, or a
    service that knows better.
    """

    def table(self) -> TaxTable:
        """Every rate there is, dated; the same object until one changes."""


class TaxRateRepository(Protocol):
    """Where staff keep the rates of each country."""

    def get(self, country: str) -> CountryRates:
        """The rates of a country; the bundled ones where nobody changed them."""

    def get_version(self, country: str, version: int) -> CountryRates:
        """What they were at that version. Raises NotFound."""

    def list_customized(self) -> Sequence[CountryRates]:
        """Those of all countries whose rates somebody changed."""

    def save(self, after: CountryRates, events: Sequence[Event]) -> CountryRates:
        """Write the next version and put it in force. Raises Stale where it is not the next."""


class VatNumbers(Protocol):
    """Judges VAT numbers by their form. Whether they are in use, only the tax office knows."""

    def normalize(self, number: str) -> str | None:
        """Country prefix and number without separators, or ``None`` for no such form."""
