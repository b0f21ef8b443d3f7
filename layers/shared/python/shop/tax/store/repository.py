"""Tax rates that staff maintain, in DynamoDB: one item per country, and every version of it."""

from collections.abc import Sequence
from typing import Any

from shop.kernel.errors import Conflict, NotFound, VersionConflict
from shop.kernel.events import Event
from shop.kernel.unit_of_work import ConditionFailed
from shop.storage.compression import compress_json
from shop.storage.transactions import DynamoUnitOfWork
from shop.tax.model.country_rates import CountryRates
from shop.tax.store.rows import (
    RATES,
    TABLE_VERSION,
    TaxRow,
    country_rates_from,
    document,
    history_key,
    version_key,
)

MAX_ITEM_BYTES = 380 * 1024
"""DynamoDB stores at most 400 KB in one item."""


class DynamoTaxRateRepository:
    """See :class:`shop.tax.ports.TaxRateRepository`."""

    def get(self, country: str) -> CountryRates:
        try:
            return country_rates_from(country, TaxRow.get(RATES, country, consistent_read=True))
        except TaxRow.DoesNotExist:
            return CountryRates.bundled(country)

    def get_version(self, country: str, version: int) -> CountryRates:
        if version == 0:
            return CountryRates.bundled(country)
        try:
            row = TaxRow.get(history_key(country), version_key(version), consistent_read=True)
        except TaxRow.DoesNotExist:
            raise NotFound(f"The tax rates of {country} have no version {version}.") from None
        return country_rates_from(country, row)

    def list_customized(self) -> Sequence[CountryRates]:
        rows = TaxRow.query(RATES, consistent_read=True)
        return [country_rates_from(row.sk, row) for row in rows]

    def save_all(self, after: Sequence[CountryRates], events: Sequence[Event]) -> None:
        rows = [_rows_of(rates, events if place == 0 else ()) for place, rates in enumerate(after)]

        def write(writes: Any) -> None:
            for current, past in rows:
                before = current.version - 1
                unchanged = TaxRow.version == before if before else TaxRow.pk.does_not_exist()
                writes.save(current, unchanged)
                writes.save(past, TaxRow.pk.does_not_exist())
            # Every cached tax table is read again when this number changes. No condition: changes
            # of two countries may both increment it.
            writes.update(TaxRow(*TABLE_VERSION), [TaxRow.version.add(1)])

        try:
            DynamoUnitOfWork().commit(write)
        except ConditionFailed as error:
            changed = [one for one in after if history_key(one.country) in error.keys] or after
            names = ", ".join(one.country for one in changed)
            raise VersionConflict(
                f"The tax rates of {names} have changed since you read them. Read them again."
            ) from None


def _rows_of(rates: CountryRates, events: Sequence[Event]) -> tuple[TaxRow, TaxRow]:
    """Return the rows of the rates in force and of this version. Raises Conflict."""
    doc = document(rates)
    if len(compress_json(doc)) > MAX_ITEM_BYTES:
        raise Conflict(
            f"The tax rates of {rates.country} are too large to store. Send fewer rates.",
            code="too_large",
        )
    current = TaxRow(RATES, rates.country, version=rates.version, doc=doc, events=tuple(events))
    past = TaxRow(
        history_key(rates.country), version_key(rates.version), version=rates.version, doc=doc
    )
    return current, past
