"""The tables' keys, indexes and streams. The stores' models say the same; a test compares them."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from functions.manifest import Table


@dataclass(frozen=True)
class Index:
    """A global secondary index. It carries few attributes: each one is written, and paid, again."""

    hash: str
    range: str
    carries: tuple[str, ...]


@dataclass(frozen=True)
class Shape:
    """A table. All keys are strings."""

    hash: str = "PK"
    range: str | None = "SK"
    indexes: Mapping[str, Index] = field(default_factory=dict)
    expires: str | None = None
    """The attribute with the epoch second after which DynamoDB may delete the item, days later."""
    streams: bool = False
    """Old and new images of every change are there to be read."""


SHAPES: Mapping[Table, Shape] = {
    Table.CATALOG: Shape(),
    Table.INVENTORY: Shape(streams=True),
    Table.SESSIONS: Shape(range=None, expires="expires_at"),
    Table.ORDERS: Shape(
        indexes={
            "by_owner": Index("owner_key", "placed_key", ("status", "summary")),
            "by_day": Index("day_key", "placed_key", ("status", "summary")),
        },
        streams=True,
    ),
    Table.PRICING: Shape(streams=True),
    Table.TAX: Shape(streams=True),
    Table.CREDITS: Shape(),
    Table.CUSTOMERS: Shape(streams=True),
    Table.PEAK: Shape(),
    Table.SANDBOX_PAYMENTS: Shape(range=None),
}
