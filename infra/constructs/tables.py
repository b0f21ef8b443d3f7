"""The tables' keys, indexes and streams. A test compares them with the stores' models."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from functions.manifest import Table


@dataclass(frozen=True)
class IndexSchema:
    """A global secondary index. It projects few attributes, because each costs a second write."""

    hash: str
    range: str
    carries: tuple[str, ...]


@dataclass(frozen=True)
class TableSchema:
    """A table. All its keys are strings."""

    hash: str = "PK"
    range: str | None = "SK"
    indexes: Mapping[str, IndexSchema] = field(default_factory=dict)
    expires: str | None = None
    """The attribute with the epoch second after which DynamoDB deletes the item within days."""
    streams: bool = False
    """Whether the table has a stream with the old and new image of every change."""

    def properties(self) -> dict[str, Any]:
        """Return the schema as CloudFormation writes it."""
        keys = {self.hash, *([self.range] if self.range else [])}
        for index in self.indexes.values():
            keys |= {index.hash, index.range}
        return {
            "AttributeDefinitions": [
                {"AttributeName": name, "AttributeType": "S"} for name in sorted(keys)
            ],
            "KeySchema": _key_schema(self.hash, self.range),
            "GlobalSecondaryIndexes": [
                {
                    "IndexName": name,
                    "KeySchema": _key_schema(index.hash, index.range),
                    "Projection": {
                        "ProjectionType": "INCLUDE",
                        "NonKeyAttributes": list(index.carries),
                    },
                }
                for name, index in self.indexes.items()
            ]
            or None,
            "StreamSpecification": (
                {"StreamViewType": "NEW_AND_OLD_IMAGES"} if self.streams else None
            ),
            "TimeToLiveSpecification": (
                {"AttributeName": self.expires, "Enabled": True} if self.expires else None
            ),
        }


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
    Table.ORDER_INDEX: TableSchema(),
    Table.PRICING: TableSchema(streams=True),
    Table.TAX: TableSchema(streams=True),
    Table.CREDITS: TableSchema(),
    Table.CUSTOMERS: TableSchema(streams=True),
    Table.PEAK: TableSchema(),
    Table.JOBS: TableSchema(expires="expires_at"),
    Table.SANDBOX_PAYMENTS: TableSchema(range=None),
}


def _key_schema(hash_key: str, range_key: str | None) -> list[dict[str, str]]:
    keys = [{"AttributeName": hash_key, "KeyType": "HASH"}]
    if range_key:
        keys.append({"AttributeName": range_key, "KeyType": "RANGE"})
    return keys
