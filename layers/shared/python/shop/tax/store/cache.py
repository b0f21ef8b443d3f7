"""The tax table in force, cached in the memory of warm Lambdas."""

from functools import lru_cache
from typing import TYPE_CHECKING

from shop.storage.prefetch import ReadSet, get
from shop.tax.model.country_rates import CountryRates, tax_table_with
from shop.tax.model.rates import BUNDLED_TAX_TABLE, TaxTable
from shop.tax.store.rows import (
    LOCAL_RATES,
    RATES,
    TABLE_VERSION,
    TaxRow,
    country_rates_from,
    state_rates_from,
)

if TYPE_CHECKING:
    from shop.tax.model.local_rates import StateRates


class TaxTableCache:
    """See :class:`shop.tax.ports.TaxProvider`.

    Each call of :meth:`table` reads the version row, which has a few bytes. It reads the rates only
    after the version has changed. The caller decides how often it calls, and may prefetch the row.
    """

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Drop everything, as after a cold start."""
        self._version = self._local_version = 0
        self._local: dict[str, StateRates] = {}
        self._countries: dict[str, CountryRates] = {}
        self._table: TaxTable = BUNDLED_TAX_TABLE

    @property
    def version(self) -> int:
        """The version of the last table returned; 0 for the bundled one."""
        return self._version

    def read_set(self) -> ReadSet:
        """Return the row that :meth:`table` always reads, to prefetch it."""
        return ReadSet(TaxRow, (TABLE_VERSION,))

    def table(self) -> TaxTable:
        row = get(TaxRow, TABLE_VERSION)
        version = 0 if row is None else int(row.version)
        if version != self._version:
            self._countries = self._read()
            local_version = 0 if row is None else int(row.local or 0)
            # A shop without local rates never queries them.
            if local_version != self._local_version:
                self._local = self._read_local()
                self._local_version = local_version
            self._table = tax_table_with(self._countries.values(), self._local)
            self._version = version
        return self._table

    def _read(self) -> dict[str, CountryRates]:
        found = {}
        # Consistent: the rates must not be older than the version that was read.
        for row in TaxRow.query(RATES, consistent_read=True):
            known = self._countries.get(row.sk)
            if known is None or known.version != int(row.version):
                known = country_rates_from(row.sk, row)
            found[row.sk] = known
        return found

    def _read_local(self) -> "dict[str, StateRates]":
        found = {}
        for row in TaxRow.query(LOCAL_RATES, consistent_read=True):
            known = self._local.get(row.sk)
            if known is None or known.version != int(row.version):
                known = state_rates_from(row.sk, row)
            found[row.sk] = known
        return found


@lru_cache(maxsize=1)
def tax_table_cache() -> TaxTableCache:
    """Return the cache of this process."""
    return TaxTableCache()
