"""Everything that the shop and its payment provider have stored, read from the tables and stream.

Stock, payments and usage counters are read as plain items, so that a broken number is reported
instead of stopping the read.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import boto3

from shop.credits.model.accounts import CreditAccount
from shop.credits.store.repository import DynamoCreditAccountRepository
from shop.credits.store.rows import HEAD, CreditRow, account_key
from shop.entrypoints.dynamodb_stream import from_dynamodb_value
from shop.inventory.model import MovementType
from shop.inventory.model.shards import INBOUND_SHARD
from shop.inventory.store.rows import parse_shard_key
from shop.kernel.errors import ShopError
from shop.orders.model import Order
from shop.orders.store import DynamoOrderRepository
from shop.pricing.model.usage import (
    CODE_USES,
    CUSTOMER_QUOTA,
    CUSTOMER_USES,
    FIRST_ORDER,
    QUOTA,
)
from shop.pricing.store.rows import PricingRow
from shop.pricing.store.usage_shards import counter_key
from shop.storage.compression import decompress_json
from shop.storage.outbox import decode_events, new_events
from tests.kit.shop import ENVIRONMENT

QUANTITIES = (
    "on_hand",
    "reserved",
    "committed",
    "available",
    "safety",
    "earmarked",
    "incoming",
    "in_transit",
)
_COUNTER_PREFIXES = tuple(
    counter_key(kind, "") for kind in (CODE_USES, CUSTOMER_USES, QUOTA, CUSTOMER_QUOTA, FIRST_ORDER)
)
_CODE_PREFIX = counter_key(CODE_USES, "")
_ACCOUNT_PREFIX = account_key("")


@dataclass(frozen=True)
class Charge:
    """A payment as the provider stores it. Amounts are minor units."""

    order_id: str
    amount: int
    status: str
    authorized: int
    captured: int
    refunded: int

    @property
    def held(self) -> int:
        """The amount that the customer has paid: authorized, or captured and not refunded."""
        if self.status == "authorized":
            return self.authorized
        return self.captured - self.refunded


@dataclass(frozen=True)
class Image:
    """An order's row after a write."""

    status: str
    version: int
    events: tuple[tuple[str, str], ...]
    """Id and type of the events of that write."""


@dataclass(frozen=True)
class StoredAccount:
    """A credit account: its entries, and what its head row counts."""

    account: CreditAccount
    balance: int
    commands: int


@dataclass
class SystemState:
    """Everything stored. ``idempotency_keys`` are the keys used per checkout, where known."""

    stock: dict[str, dict[str, int]] = field(default_factory=dict)
    """Quantities by SKU over all shards and locations.

    ``lowest`` is the smallest quantity of any row, or 0; ``inbound`` the reservations of stock that
    has not arrived; ``earmarked`` the quantity set aside.
    """
    journal: Counter[str] = field(default_factory=Counter)
    """Units by SKU that came (positive) or left (negative) according to the movements."""
    journal_shipped: Counter[str] = field(default_factory=Counter)
    """Units by SKU that were shipped according to the movements."""
    journal_returned: Counter[str] = field(default_factory=Counter)
    """Units by SKU that buyers of orders returned according to the movements."""
    journal_transferred: Counter[str] = field(default_factory=Counter)
    """Units by SKU received from other locations, less units sent there, by the movements."""
    orders: list[Order] = field(default_factory=list)
    charges: dict[str, list[Charge]] = field(default_factory=dict)
    history: dict[str, list[Image]] = field(default_factory=dict)
    idempotency_keys: Mapping[str, int] = field(default_factory=dict)
    unreadable: list[str] = field(default_factory=list)
    unfinished_batches: list[tuple[str, str, int]] = field(default_factory=list)
    """Order, SKU and units of batches that are neither reserved permanently nor released."""
    usage: dict[str, dict[str, int]] = field(default_factory=dict)
    """Usage counters by key, over row and shards: ``used``, and ``remaining`` of a code.

    ``shard_difference`` is negative if row and shards disagree; ``lowest_in_shards`` is the smaller
    of a split counter's unused and used units.
    """
    credit_accounts: dict[str, StoredAccount] = field(default_factory=dict)


def read_system_state(
    *, idempotency_keys: Mapping[str, int] | None = None, history: bool = True
) -> SystemState:
    """Read all tables and, unless switched off, the whole stream of the orders table."""
    state = SystemState(idempotency_keys=idempotency_keys or {})
    _read_stock(state)
    _read_pricing(state)
    _read_credits(state)
    _read_charges(state)
    _read_orders(state)
    if history:
        state.history = _read_history()
    return state


def _read_stock(state: SystemState) -> None:
    for item in _items("TABLE_INVENTORY"):
        kind, _, rest = item["PK"].partition("#")
        if shard := parse_shard_key(item["PK"]):
            sku, number = shard
            row = state.stock.setdefault(sku, dict.fromkeys((*QUANTITIES, "inbound", "lowest"), 0))
            row["lowest"] = min(row["lowest"], *(item.get(name, 0) for name in QUANTITIES))
            if number == INBOUND_SHARD:
                row["inbound"] += item["reserved"] + item["committed"]
            else:
                for name in QUANTITIES:
                    row[name] += item.get(name, 0)
                row["earmarked"] += sum(item.get("unavailable_by", {}).values())
        elif kind == "MOVEMENT":
            state.journal[rest] += item["on_hand"]
            if item["kind"] == MovementType.SHIPPED:
                state.journal_shipped[rest] -= item["on_hand"]
            elif item["kind"] == MovementType.RETURNED and item.get("reference", "").startswith(
                "ord_"
            ):
                state.journal_returned[rest] += item["on_hand"]
            elif item["kind"] == MovementType.TRANSFERRED:
                state.journal_transferred[rest] += item["on_hand"]


def _read_pricing(state: SystemState) -> None:
    in_shards: dict[str, Counter[str]] = defaultdict(Counter)
    # The attributes' own names: a renamed attribute fails here instead of being read as absent.
    used, remaining, split = (
        attribute.attr_name
        for attribute in (
            PricingRow.used,
            PricingRow.remaining,
            PricingRow.in_shards,
        )
    )
    for item in _items("TABLE_PRICING"):
        key = item["PK"]
        if key.startswith(_COUNTER_PREFIXES):
            names = {"used": used, "remaining": remaining, "in_shards": split}
            state.usage[key] = {
                n: int(item[stored]) for n, stored in names.items() if stored in item
            }
        elif shard := parse_shard_key(key):
            for name in ("on_hand", "reserved", "available"):
                in_shards[shard[0]][name] += int(item.get(name, 0))
    for name, shards in in_shards.items():
        _add_shards(state.usage[name], shards, is_code=name.startswith(_CODE_PREFIX))
    for counter in state.usage.values():
        counter.pop("in_shards", None)


def _read_credits(state: SystemState) -> None:
    balance, version = CreditRow.balance.attr_name, CreditRow.version.attr_name
    for item in _items("TABLE_CREDITS"):
        if item["PK"].startswith(_ACCOUNT_PREFIX) and item["SK"] == HEAD:
            account = item["PK"].removeprefix(_ACCOUNT_PREFIX)
            state.credit_accounts[account] = StoredAccount(
                DynamoCreditAccountRepository().get(account),
                int(item[balance]),
                int(item[version]),
            )


def _add_shards(counter: dict[str, int], shards: Mapping[str, int], *, is_code: bool) -> None:
    """Add the shards' units to the row that handed its units over to them."""
    handed_over = counter["in_shards"]
    # A code's row subtracts handed-over units from its remaining ones, a quota's adds them to used.
    counter["used"] += shards["reserved"] - (0 if is_code else handed_over)
    if is_code:
        counter["remaining"] += shards["available"]
    counter["shard_difference"] = -abs(handed_over - shards["on_hand"])
    counter["lowest_in_shards"] = min(shards["available"], shards["reserved"])


def _read_charges(state: SystemState) -> None:
    charges = defaultdict(list)
    for item in _items("TABLE_SANDBOX_PAYMENTS"):
        amounts = {n: int(item.get(n, 0)) for n in ("amount", "authorized", "captured", "refunded")}
        order_id = item["order_id"]
        charges[order_id].append(Charge(order_id, status=item["status"], **amounts))
    state.charges = dict(charges)


def _read_orders(state: SystemState) -> None:
    orders = DynamoOrderRepository()
    for item in _items("TABLE_ORDERS"):
        if item["SK"].startswith("HEAD#"):
            order_id = item["PK"].removeprefix("ORDER#")
            try:
                state.orders.append(orders.get_by_id(order_id))
            except (ShopError, ValueError, KeyError, TypeError) as error:
                state.unreadable.append(f"{order_id}: {error!r}")
        elif item["SK"].startswith("BATCH"):
            # A row without a document marks an order whose placement has not finished.
            doc: Any = (
                decompress_json(bytes(item["doc"]))
                if "doc" in item
                else {"reservations": [["", 0]]}
            )
            state.unfinished_batches += [
                (str(item["PK"]), str(each[0]), int(each[1])) for each in doc["reservations"]
            ]


def _items(table: str) -> list[dict[str, Any]]:
    client = boto3.client("dynamodb")
    pages = client.get_paginator("scan").paginate(TableName=ENVIRONMENT[table], ConsistentRead=True)
    return [_plain(item) for page in pages for item in page["Items"]]


def _plain(item: Mapping[str, Any]) -> dict[str, Any]:
    return {name: from_dynamodb_value(value) for name, value in item.items()}


# ---------------------------------------------------------------------- the stream of the orders


def orders_stream() -> tuple[Any, str]:
    """Return a client, and an iterator at the start of the orders stream (one shard here)."""
    client: Any = boto3.client("dynamodbstreams")
    table = ENVIRONMENT["TABLE_ORDERS"]
    (stream,) = client.list_streams(TableName=table)["Streams"]
    arn = stream["StreamArn"]
    (shard,) = client.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]
    start = client.get_shard_iterator(
        StreamArn=arn, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
    )
    return client, start["ShardIterator"]


def _read_history() -> dict[str, list[Image]]:
    history: dict[str, list[Image]] = defaultdict(list)
    for old, new in _order_changes():
        if new is None or not new["SK"].startswith("HEAD#"):
            continue
        events = tuple((event.id, event.type) for event in new_events(old, new))
        # Of a new row, every stored event is new. If not, the publisher would miss one.
        if old is None and len(events) != len(decode_events(new.get("events"))):
            events = ()
        history[new["PK"].removeprefix("ORDER#")].append(
            Image(new["status"], int(new["version"]), events)
        )
    return dict(history)


def _order_changes() -> Iterator[tuple[dict[str, Any] | None, dict[str, Any] | None]]:
    """Yield old and new image of every change of the orders table."""
    client, iterator = orders_stream()
    while True:
        page = client.get_records(ShardIterator=iterator)
        iterator = page["NextShardIterator"]
        if not page["Records"]:
            return
        for record in page["Records"]:
            images = record["dynamodb"]
            yield _image(images.get("OldImage")), _image(images.get("NewImage"))


def _image(raw: Mapping[str, Any] | None) -> dict[str, Any] | None:
    return None if raw is None else _plain(raw)
