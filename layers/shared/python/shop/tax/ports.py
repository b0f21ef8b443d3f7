"""Ports of tax. Every write states the state that it is based on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from shop.kernel.events import Event
    from shop.tax.model.country_rates import CountryRates
    from shop.tax.model.local_rates import StateRates
    from shop.tax.model.rates import TaxTable


class TaxProvider(Protocol):
    """The source of the tax table: the bundled rates with the changes of staff, or a service."""

    def table(self) -> TaxTable:
        """Return all rates. The same object is returned until a rate changes."""


class TaxRateRepository(Protocol):
    """The rates that staff maintain for each country."""

    def get(self, country: str) -> CountryRates:
        """Return the rates of a country; the bundled ones if staff never changed them."""

    def get_version(self, country: str, version: int) -> CountryRates:
        """Return one version of a country's rates. Raises NotFound."""

    def list_customized(self) -> Sequence[CountryRates]:
        """Return the rates of all countries that staff changed."""

    def save_all(self, after: Sequence[CountryRates], events: Sequence[Event]) -> None:
        """Write the next version of each country and put them in force together, or none.

        Raises VersionConflict if one is not the next version, and Conflict (``too_large``).
        """


class LocalRateRepository(Protocol):
    """The rates below the states of the US that staff import."""

    def get(self, state: str) -> StateRates:
        """Return the rates of a state; version 0 without any if staff never imported them."""

    def get_version(self, state: str, version: int) -> StateRates:
        """Return one version of a state's rates. Raises NotFound."""

    def save(self, after: StateRates, events: Sequence[Event]) -> StateRates:
        """Write the next version and put it in force.

        Raises VersionConflict if ``after`` is not the next version, and Conflict (``too_large``).
        """


class VatNumbers(Protocol):
    """Validates VAT numbers by their form.

    A valid form does not prove that the number was issued; only a tax office can confirm that.
    """

    def normalize(self, number: str) -> str | None:
        """Return prefix and number without separators, or ``None`` for an invalid number."""
