"""Tax rates that staff keep, in DynamoDB: one item per country, and every version of it.

They are part of the rule book: a change puts a new version of that in force, and a Lambda reads
them when it reads the book (:mod:`shop.pricing.store.rule_set_cache`).
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from shop.kernel.errors import Conflict, NotFound, Problem, VersionConflict
from shop.kernel.events import Event
from shop.kernel.serialization import from_json
from shop.kernel.unit_of_work import ConditionFailed
from shop.pricing.model.tax import BUNDLED_TAX_TABLE, TaxRate, TaxTable
from shop.pricing.model.tax_rates import CountryRates, tax_table_with
from shop.pricing.store.rows import PricingRow
from shop.storage.documents import compress_json
from shop.storage.transactions import DynamoUnitOfWork

TAX = "TAX"
MAX_ATTEMPTS = 5
MAX_ITEM_BYTES = 380 * 1024


class DynamoTaxProvider:
    """See :class:`shop.pricing.ports.TaxProvider`: the bundled table, and what staff made of it."""

    def __init__(self) -> None:
        self._known: dict[str, CountryRates] = {}
        self._table: TaxTable = BUNDLED_TAX_TABLE

    def table(self) -> TaxTable:
        stored: dict[str, CountryRates] = {}
        for row in PricingRow.query(TAX, consistent_read=True):
            known = self._known.get(row.sk)
            stored[row.sk] = (
                known
                if known is not None and known.version == int(row.version)
                else _country_from(row.sk, row)
            )
        if stored != self._known:
            self._known, self._table = stored, tax_table_with(stored.values())
        return self._table


class DynamoTaxRateRepository:
    """See :class:`shop.pricing.ports.TaxRateRepository`."""

    def get(self, country: str) -> CountryRates:
        try:
            return _country_from(country, PricingRow.get(TAX, country, consistent_read=True))
        except PricingRow.DoesNotExist:
            return CountryRates.bundled(country)

    def get_version(self, country: str, version: int) -> CountryRates:
        if version == 0:
            return CountryRates.bundled(country)
        try:
            row = PricingRow.get(_past(country), _number(version), consistent_read=True)
        except PricingRow.DoesNotExist:
            raise NotFound(f"there is no version {version} of the rates of {country}") from None
        return _country_from(country, row)

    def list_customized(self) -> Sequence[CountryRates]:
        return [_country_from(row.sk, row) for row in PricingRow.query(TAX, consistent_read=True)]

    def save(self, after: CountryRates, events: Sequence[Event]) -> CountryRates:
        from shop.pricing.store.rule_set_rows import bump_version_op, rule_set_version

        doc = {
            "rates": after.to_list(),
            "at": after.at.isoformat(),
            "actor": after.actor,
            "reason": after.reason,
        }
        if len(compress_json(doc)) > MAX_ITEM_BYTES:
            raise Conflict("these are too many rates for one country", code="too_large")
        before = after.version - 1
        row = PricingRow(TAX, after.country, version=after.version, doc=doc, events=tuple(events))
        past = _past(after.country)
        stored = PricingRow(past, _number(after.version), version=after.version, doc=doc)
        as_read = PricingRow.version == before if before else PricingRow.pk.does_not_exist()

        def write(writes: Any) -> None:
            writes.save(row, as_read)
            writes.save(stored, PricingRow.pk.does_not_exist())

        for _ in range(MAX_ATTEMPTS):
            version = rule_set_version(consistent=True)
            try:
                DynamoUnitOfWork().commit(write, bump_version_op(version))
            except ConditionFailed as clash:
                if {TAX, past} & clash.keys:
                    raise VersionConflict(
                        f"somebody else changed the rates of {after.country}"
                    ) from None
                continue  # somebody changed something else in the book: again, after theirs
            return after
        raise VersionConflict("other prices are being changed; try again")


def _past(country: str) -> str:
    return f"TAX#{country}"


def _number(version: int) -> str:
    return f"VERSION#{version:09d}"


def _country_from(country: str, row: PricingRow) -> CountryRates:
    """What was written was checked then: it is read as it stands."""
    problems: list[Problem] = []
    rates = [
        from_json(TaxRate, {"country": country, **told}, "$", problems) for told in row.doc["rates"]
    ]
    if problems:
        raise ValueError(f"the tax rates of {country} cannot be read: {problems[0]}")
    return CountryRates(
        country,
        tuple(rate for rate in rates if rate is not None),
        int(row.version),
        datetime.fromisoformat(row.doc["at"]),
        row.doc["actor"],
        row.doc["reason"],
    )
