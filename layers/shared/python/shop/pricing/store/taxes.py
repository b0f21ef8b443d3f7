"""Tax rates that staff keep, in DynamoDB: one item per country, and every version of it.

They are part of the rule book: a change puts a new version of that in force, and a Lambda reads
them when it reads the book (:mod:`shop.pricing.store.book`).
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from shop.kernel.data import read
from shop.kernel.errors import Conflict, NotFound, Problem, Stale
from shop.kernel.events import Event
from shop.kernel.transactions import Clash
from shop.pricing.model.tax import BUNDLED, TaxRate, TaxTable
from shop.pricing.model.tax_rates import CountryRates, table_of
from shop.pricing.store.rows import PricingRow
from shop.storage.documents import packed
from shop.storage.transactions import DynamoLedger

TAX = "TAX"
TRIES = 5
MOST_BYTES = 380 * 1024


class DynamoTaxProvider:
    """See :class:`shop.pricing.ports.TaxProvider`: the bundled table, and what staff made of it."""

    def __init__(self) -> None:
        self._known: dict[str, CountryRates] = {}
        self._table: TaxTable = BUNDLED

    def table(self) -> TaxTable:
        kept: dict[str, CountryRates] = {}
        for row in PricingRow.query(TAX, consistent_read=True):
            known = self._known.get(row.sk)
            kept[row.sk] = (
                known
                if known is not None and known.version == int(row.version)
                else _country_from(row.sk, row)
            )
        if kept != self._known:
            self._known, self._table = kept, table_of(kept.values())
        return self._table


class DynamoTaxRates:
    """See :class:`shop.pricing.ports.TaxRates`."""

    def of(self, country: str) -> CountryRates:
        try:
            return _country_from(country, PricingRow.get(TAX, country, consistent_read=True))
        except PricingRow.DoesNotExist:
            return CountryRates.bundled(country)

    def version(self, country: str, version: int) -> CountryRates:
        if version == 0:
            return CountryRates.bundled(country)
        try:
            row = PricingRow.get(_past(country), _number(version), consistent_read=True)
        except PricingRow.DoesNotExist:
            raise NotFound(f"there is no version {version} of the rates of {country}") from None
        return _country_from(country, row)

    def changed(self) -> Sequence[CountryRates]:
        return [_country_from(row.sk, row) for row in PricingRow.query(TAX, consistent_read=True)]

    def save(self, after: CountryRates, events: Sequence[Event]) -> CountryRates:
        from shop.pricing.store.book import book_version, bumping

        doc = {
            "rates": after.to_list(),
            "at": after.at.isoformat(),
            "who": after.who,
            "why": after.why,
        }
        if len(packed(doc)) > MOST_BYTES:
            raise Conflict("these are too many rates for one country", code="too_large")
        before = after.version - 1
        row = PricingRow(TAX, after.country, version=after.version, doc=doc, events=tuple(events))
        past = _past(after.country)
        kept = PricingRow(past, _number(after.version), version=after.version, doc=doc)
        as_read = PricingRow.version == before if before else PricingRow.pk.does_not_exist()

        def write(writes: Any) -> None:
            writes.save(row, as_read)
            writes.save(kept, PricingRow.pk.does_not_exist())

        for _ in range(TRIES):
            version = book_version(consistent=True)
            try:
                DynamoLedger().commit(write, bumping(version))
            except Clash as clash:
                if {TAX, past} & clash.about:
                    raise Stale(f"somebody else changed the rates of {after.country}") from None
                continue  # somebody changed something else in the book: again, after theirs
            return after
        raise Stale("other prices are being changed; try again")


def _past(country: str) -> str:
    return f"TAX#{country}"


def _number(version: int) -> str:
    return f"VERSION#{version:09d}"


def _country_from(country: str, row: PricingRow) -> CountryRates:
    """What was written was checked then: it is read as it stands."""
    problems: list[Problem] = []
    rates = [
        read(TaxRate, {"country": country, **told}, "$", problems) for told in row.doc["rates"]
    ]
    if problems:
        raise ValueError(f"the tax rates of {country} cannot be read: {problems[0]}")
    return CountryRates(
        country,
        tuple(rate for rate in rates if rate is not None),
        int(row.version),
        datetime.fromisoformat(row.doc["at"]),
        row.doc["who"],
        row.doc["why"],
    )
