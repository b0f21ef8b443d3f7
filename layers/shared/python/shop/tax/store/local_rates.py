"""Rates below the states of the US, in DynamoDB: one item per state, and every version of it."""

from collections.abc import Sequence
from typing import Any

from shop.kernel.errors import Conflict, NotFound, VersionConflict
from shop.kernel.events import Event
from shop.kernel.unit_of_work import ConditionFailed
from shop.storage.compression import compress_json
from shop.storage.transactions import DynamoUnitOfWork
from shop.tax.model.local_rates import StateRates
from shop.tax.store.rows import (
    LOCAL_RATES,
    TABLE_VERSION,
    TaxRow,
    local_document,
    local_history_key,
    state_rates_from,
    version_key,
)

MAX_ITEM_BYTES = 380 * 1024
"""DynamoDB stores at most 400 KB in one item."""


class DynamoLocalRateRepository:
    """See :class:`shop.tax.ports.LocalRateRepository`."""

    def get(self, state: str) -> StateRates:
        try:
            return state_rates_from(state, TaxRow.get(LOCAL_RATES, state, consistent_read=True))
        except TaxRow.DoesNotExist:
            return StateRates(state)

    def get_version(self, state: str, version: int) -> StateRates:
        if version == 0:
            return StateRates(state)
        try:
            row = TaxRow.get(local_history_key(state), version_key(version), consistent_read=True)
        except TaxRow.DoesNotExist:
            raise NotFound(f"The local rates of {state} have no version {version}.") from None
        return state_rates_from(state, row)

    def save(self, after: StateRates, events: Sequence[Event]) -> StateRates:
        doc = local_document(after)
        if len(compress_json(doc)) > MAX_ITEM_BYTES:
            raise Conflict(
                f"The local rates of {after.state} are too large to store. Send fewer rates.",
                code="too_large",
            )
        before = after.version - 1
        current = TaxRow(
            LOCAL_RATES, after.state, version=after.version, doc=doc, events=tuple(events)
        )
        past = TaxRow(
            local_history_key(after.state),
            version_key(after.version),
            version=after.version,
            doc=doc,
        )
        unchanged = TaxRow.version == before if before else TaxRow.pk.does_not_exist()

        def write(writes: Any) -> None:
            writes.save(current, unchanged)
            writes.save(past, TaxRow.pk.does_not_exist())
            # The first number makes every cache read the table again, the second the local rates.
            writes.update(TaxRow(*TABLE_VERSION), [TaxRow.version.add(1), TaxRow.local.add(1)])

        try:
            DynamoUnitOfWork().commit(write)
        except ConditionFailed:
            raise VersionConflict(
                f"The local rates of {after.state} have changed since you read them."
                " Read them again."
            ) from None
        return after
