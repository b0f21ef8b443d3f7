"""The tables' keys, indexes and streams. The stores' models say the same; a test compares them."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from functions.manifest import Table


@dataclass(frozen=True)
class IndexSchema:
    """A global secondary index. It carries few attributes: each one is written, and paid, again."""

    hash: str
    range: str
    carries: tuple[str, ...]


@dataclass(frozen=True)
class TableSchema:
    """A table. All keys are strings."""

    hash: str = "PK"
    range: str | None = "SK"
    indexes: Mapping[str, IndexSchema] = field(default_factory=dict)
    expires: str | None = None
    """The attribute with the epoch second after which DynamoDB may delete the item, days later."""
    streams: bool = False
    """Old and new images of every change are there to be read."""


TABLE_SCHEMAS: Mapping[Table, TableSchema] = {
    Table.CATALOG: TableSchema(),
    Table.INVENTORY: TableSchema(streams=True),
    Table.SESSIONS: TableSchema(range=None, expires="expires_at"),
    Table.ORDERS: TableSchema(
        indexes={
            "by_owner": IndexSchema("owner_key", "placed_key", ("status", "summary")),
            "by_day": IndexSchema("day_key", "placed_key", ("status", "summary")),
        },
        streams=True,
    ),
    Table.PRICING: TableSchema(streams=True),
    Table.PEAK: TableSchema(),
    Table.SANDBOX_PAYMENTS: TableSchema(range=None),
}
