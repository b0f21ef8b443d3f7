"""What must hold of the shop's books once everything has come to rest, whatever happened before.

The rules are those of the shop's verification (docs/verification.md); each is checked on the tables themselves,
read anew, and not on what anybody remembers. Stock and payments are read as bare items, so that a
broken number is reported and does not break the reading.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import boto3

from shop.entrypoints.dynamodb_stream import from_dynamodb_value
from shop.inventory.model import MovementType
from shop.inventory.model.shards import INBOUND_SHARD as AWAITED_BIN
from shop.kernel.errors import ShopError
from shop.orders.model import TERMINATED, Order, OrderStatus
from shop.orders.store import DynamoOrderRepository
from shop.storage.compression import decompress_json
from shop.storage.outbox import decode_events, new_events
from tests.kit.shop import ENVIRONMENT

TELLS: Mapping[str, str] = {
    OrderStatus.PLACED: "OrderPlaced",
    OrderStatus.CONFIRMED: "OrderConfirmed",
    OrderStatus.CANCELLED: "OrderCancelled",
    OrderStatus.RETURNED: "OrderReturned",
    OrderStatus.COMPLETED: "OrderCompleted",
}
"""The event that tells of each state."""
TALLIES: Mapping[str, str] = {
    "code": "CODE",
    "customer": "CUSTOMER_USES",
    "quota": "QUOTA",
    "customer_quota": "CUSTOMER_QUOTA",
}
"""How the key of each sort of count begins."""
_COUNTS = (
    "on_hand",
    "reserved",
    "committed",
    "available",
    "safety",
    "earmarked",
    "incoming",
    "in_transit",
)
AWAITED = frozenset({"created", "requires_action", "processing"})
"""States of a payment in which no money is certain and none is lost."""


@dataclass(frozen=True)
class Violation:
    """A rule that does not hold: ``rule`` is its number, ``about`` the id of what breaks it."""

    rule: str
    about: str
    text: str

    def __str__(self) -> str:
        return f"{self.rule} {self.about}: {self.text}"


@dataclass(frozen=True)
class Charge:
    """A payment as the provider has it. Amounts are minor units."""

    order_id: str
    amount: int
    status: str
    authorised: int
    captured: int
    refunded: int

    @property
    def held(self) -> int:
        """What the buyer is without: set aside, or taken and not given back."""
        if self.status == "authorised":
            return self.authorised
        return self.captured - self.refunded


@dataclass(frozen=True)
class Image:
    """An order's row as it was after a write."""

    status: str
    version: int
    told: tuple[tuple[str, str], ...]
    """Id and type of the events that the write brought."""


@dataclass
class SystemState:
    """All that the shop and its provider have written down.

    ``keys`` is how many idempotency keys buyers used for a checkout, where that is known.
    """

    stock: dict[str, dict[str, int]] = field(default_factory=dict)
    """Counts by SKU, over all its bins and locations; ``lowest`` is the least of any row, or 0,
    ``awaited`` what is promised of goods still to come, ``earmarked`` all that is set aside."""
    moved: Counter[str] = field(default_factory=Counter)
    """Units by SKU that the journal says came (or left, below zero)."""
    shipped: Counter[str] = field(default_factory=Counter)
    """Units by SKU that the journal says were shipped."""
    transferred: Counter[str] = field(default_factory=Counter)
    """Units by SKU that the journal says came from other locations, less what went there."""
    orders: list[Order] = field(default_factory=list)
    charges: dict[str, list[Charge]] = field(default_factory=dict)
    history: dict[str, list[Image]] = field(default_factory=dict)
    keys: Mapping[str, int] = field(default_factory=dict)
    unreadable: list[str] = field(default_factory=list)
    moving: list[tuple[str, str, int]] = field(default_factory=list)
    """Order, SKU and units of batches that are neither taken for good nor given back."""
    tallies: dict[str, dict[str, int]] = field(default_factory=dict)
    """By its key, what is counted of a limited coupon or sale, in its row and its bins: ``used``,
    and of a code ``left``; ``astray`` is below zero where row and bins tell of different sums."""


def read_system_state(
    *, keys: Mapping[str, int] | None = None, history: bool = True
) -> SystemState:
    """Read all tables, and the whole stream of the orders' table."""
    books = SystemState(keys=keys or {})
    for item in _items("TABLE_INVENTORY"):
        kind, _, sku = item["PK"].partition("#")
        if kind == "BIN":
            kind, sku = "SKU", sku.partition("#")[2]
        if kind in ("SKU", "AWAITED"):
            row = books.stock.setdefault(sku, dict.fromkeys((*_COUNTS, "awaited", "lowest"), 0))
            row["lowest"] = min(row["lowest"], *(item.get(name, 0) for name in _COUNTS))
            if kind == "AWAITED":
                row["awaited"] += item["reserved"] + item["committed"]
            else:
                for name in _COUNTS:
                    row[name] += item.get(name, 0)
                row["earmarked"] += sum(item.get("unavailable_by", {}).values())
        elif kind == "MOVES":
            books.moved[sku] += item["on_hand"]
            if item["kind"] == MovementType.SHIPPED:
                books.shipped[sku] -= item["on_hand"]
            elif item["kind"] == MovementType.TRANSFERRED:
                books.transferred[sku] += item["on_hand"]
    in_bins: dict[str, Counter[str]] = defaultdict(Counter)
    for item in _items("TABLE_PRICING"):
        kind, _, rest = item["PK"].partition("#")
        if kind in TALLIES.values():
            names = ("used", "left", "lent")
            told = {str(n): int(item[n]) for n in names if n in item}
            books.tallies[item["PK"]] = told
        elif kind in ("SKU", "BIN"):
            name = rest if kind == "SKU" else rest.partition("#")[2]
            for count in ("on_hand", "reserved", "available"):
                in_bins[name][count] += int(item.get(count, 0))
    for name, bins in in_bins.items():
        _with_bins(books.tallies[name], bins, is_code=name.startswith("CODE#"))
    charges = defaultdict(list)
    for item in _items("TABLE_SANDBOX_PAYMENTS"):
        amounts = {n: int(item.get(n, 0)) for n in ("amount", "authorised", "captured", "refunded")}
        order_id = item["order_id"]
        charges[order_id].append(Charge(order_id, status=item["status"], **amounts))
    books.charges = dict(charges)
    orders = DynamoOrderRepository()
    for item in _items("TABLE_ORDERS"):
        if item["SK"].startswith("HEAD#"):
            order_id = item["PK"].removeprefix("ORDER#")
            try:
                books.orders.append(orders.get_by_id(order_id))
            except (ShopError, ValueError, KeyError, TypeError) as error:
                books.unreadable.append(f"{order_id}: {error!r}")
        elif item["SK"].startswith("BATCH"):
            doc: Any = (
                decompress_json(bytes(item["doc"]))
                if "doc" in item
                else {"reservations": [["", 0]]}
            )
            moving = [(str(item["PK"]), str(h[0]), int(h[1])) for h in doc["reservations"]]
            books.moving += moving
    if history:
        books.history = _history()
    return books


def _with_bins(tally: dict[str, int], bins: Mapping[str, int], *, is_code: bool) -> None:
    """Add up what is counted in a row and in the bins that it handed uses over to."""
    lent = tally.pop("lent")
    tally["used"] += bins["reserved"] - (0 if is_code else lent)
    if is_code:
        tally["left"] += bins["available"]
    tally["astray"] = -abs(lent - bins["on_hand"])
    tally["in bins"] = min(bins["available"], bins["reserved"])


def violations(books: SystemState) -> list[Violation]:
    """Every rule that does not hold. Empty is what is hoped for."""
    found: list[Violation] = []
    for check in (_stock, _promises, _money, _once, _goods, _told, _uses):
        found += check(books)
    found += [Violation("I10", "", f"cannot be read: {each}") for each in books.unreadable]
    return found


def _stock(books: SystemState) -> Iterator[Violation]:
    """I1: on hand is what there was and what moved; nothing is below zero; available adds up; what
    locations sent each other has arrived or is in transit."""
    shipped: Counter[str] = Counter()
    for order in books.orders:
        for line in order.lines:
            shipped.update(line.units_by_sku(line.shipped))
    for sku, row in books.stock.items():
        if row["lowest"] < 0:
            yield Violation("I1", sku, f"below zero: {row}")
        there = row["on_hand"]
        if there != books.moved[sku]:
            yield Violation("I1", sku, f"{there} on hand, {books.moved[sku]} by the journal")
        if books.shipped[sku] != shipped[sku]:
            text = f"{books.shipped[sku]} left by the journal, {shipped[sku]} by the orders"
            yield Violation("I1", sku, text)
        if books.transferred[sku] + row["in_transit"]:
            text = f"{-books.transferred[sku]} on their way, {row['in_transit']} in transit"
            yield Violation("I1", sku, text)
        free = there - row["reserved"] - row["committed"] - row["safety"] - row["earmarked"]
        if row["available"] != free:
            yield Violation("I1", sku, f"{row['available']} available, but {free} are free")


def _promises(books: SystemState) -> Iterator[Violation]:
    """I2: what is reserved is what living orders hold, here and of goods still to come."""
    held: Counter[str] = Counter()
    late: Counter[str] = Counter()
    for order in books.orders:
        for hold in order.reservations:
            held[hold.sku] += hold.quantity
            if hold.shard == AWAITED_BIN:
                late[hold.sku] += hold.quantity
    for order_id, sku, quantity in books.moving:
        held[sku] += quantity
        yield Violation("I2", order_id, f"{quantity} of {sku} were never moved to their end")
    for sku, row in books.stock.items():
        promised = row["reserved"] + row["committed"] + row["awaited"]
        if promised != held[sku]:
            yield Violation("I2", sku, f"{promised} reserved, {held[sku]} held by orders")
        if row["awaited"] != late[sku]:
            yield Violation("I2", sku, f"{row['awaited']} awaited, {late[sku]} by orders")


def _money(books: SystemState) -> Iterator[Violation]:
    """I3: an order's ledger is the provider's; called off, nothing is kept; kept is what is due."""
    for order in books.orders:
        paid = order.payment
        mine = {kind: paid.total_of(kind) for kind in ("authorised", "captured", "refunded")}
        if not mine["refunded"] <= mine["captured"] <= order.total:
            yield Violation("I3", order.id, f"more came back or was taken than was due: {mine}")
        for charge in books.charges.get(order.id, ()):
            theirs = {kind: getattr(charge, kind) for kind in mine}
            if mine != theirs or paid.status.value != charge.status:
                yield Violation(
                    "I3",
                    order.id,
                    f"the book says {paid.status} {mine}, the provider {charge.status} {theirs}",
                )
            if order.status in TERMINATED and charge.held:
                yield Violation("I3", order.id, f"{order.status}, but {charge.held} is kept")
            if charge.captured and charge.held != order.due:
                yield Violation("I3", order.id, f"{charge.held} is kept, {order.due} is due")


def _once(books: SystemState) -> Iterator[Violation]:
    """I4: one order for each key, one living order for each checkout, one charge for each order."""
    placed = Counter(order.checkout_id for order in books.orders)
    alive = Counter(o.checkout_id for o in books.orders if o.status is not OrderStatus.CANCELLED)
    for checkout_id, number in placed.items():
        if number > books.keys.get(checkout_id, number):
            yield Violation(
                "I4", checkout_id, f"{number} orders for {books.keys[checkout_id]} key(s)"
            )
        if alive[checkout_id] > 1:
            yield Violation("I4", checkout_id, f"{alive[checkout_id]} living orders")
    known = {order.id: order for order in books.orders}
    for order_id, charges in books.charges.items():
        order = known.get(order_id)
        if order is None:
            yield Violation("I4", order_id, f"{len(charges)} charge(s) for no order")
            continue
        if len(charges) > 1:
            yield Violation("I4", order_id, f"{len(charges)} charges")
        for charge in charges:
            if charge.amount != order.total:
                yield Violation("I4", order_id, f"charged {charge.amount} for {order.total}")


def _goods(books: SystemState) -> Iterator[Violation]:
    """I5: who paid has the goods held or sent; who was called off, or is served, holds nothing."""
    for order in books.orders:
        if order.status in (OrderStatus.PLACING, OrderStatus.PLACED):
            yield Violation("I5", order.id, "unpaid, long past its deadline")
        elif order.status is OrderStatus.CONFIRMED:
            if not order.paid:
                yield Violation("I5", order.id, f"confirmed, but the payment is {order.payment}")
            wanted: Counter[str] = Counter()
            for line in order.lines:
                wanted.update(line.units_by_sku(line.quantity_to_ship - line.shipped))
            held: Counter[str] = Counter()
            for hold in order.reservations:
                held[hold.sku] += hold.quantity
            if +wanted != +held:
                yield Violation("I5", order.id, f"{dict(wanted)} to be sent, {dict(held)} held")
        elif order.reservations:
            yield Violation("I5", order.id, f"{order.status}, and still holds {order.reservations}")


def _told(books: SystemState) -> Iterator[Violation]:
    """I6: versions follow one another; each change of state is told by one event of its own."""
    for order in books.orders:
        images = books.history.get(order.id)
        if images is None:
            if books.history:
                yield Violation("I6", order.id, "the stream knows nothing of it")
            continue
        if [image.version for image in images] != list(range(1, len(images) + 1)):
            yield Violation("I6", order.id, f"versions {[image.version for image in images]}")
        if images[-1].version != order.version:
            yield Violation("I6", order.id, "the last change was not streamed")
        ids = Counter(id_ for image in images for id_, _ in image.told)
        twice = [id_ for id_, number in ids.items() if number > 1]
        if twice:
            yield Violation("I6", order.id, f"told twice: {twice}")
        before: str | None = None
        for image in images:
            kinds = [kind for _, kind in image.told]
            silent = image.status in (before, OrderStatus.PLACING) or (
                (before, image.status) == (OrderStatus.PLACING, OrderStatus.CANCELLED)
            )
            if kinds.count(TELLS.get(image.status, "")) != (0 if silent else 1):
                yield Violation("I6", order.id, f"{before} became {image.status}, told as {kinds}")
            before = image.status


def _uses(books: SystemState) -> Iterator[Violation]:
    """I7: what is counted of a coupon or sale is what living orders use, and within its limit."""
    used: Counter[str] = Counter()
    for order in books.orders:
        for count in order.usage:
            name = f"{TALLIES[count.kind]}#{count.name}"
            used[name] += count.units
            if count.limit is not None and used[name] > count.limit:
                yield Violation("I7", name, f"{used[name]} of {count.limit} used")
        if order.status is OrderStatus.CANCELLED and order.usage:
            yield Violation("I7", order.id, f"called off, and still uses {order.usage}")
    for name, row in books.tallies.items():
        if min(row.values()) < 0:
            yield Violation("I7", name, f"below zero: {row}")
        if row["used"] != used[name]:
            yield Violation("I7", name, f"{row['used']} counted, {used[name]} used by orders")
    for name in set(used) - set(books.tallies):
        yield Violation("I7", name, f"{used[name]} used by orders, never counted")


def told_truly(order: Order | None, status: str, codes: Iterable[str]) -> str | None:
    """What is wrong with what a buyer was told, if anything: ``completed`` is said for good."""
    if status == "completed" and (order is None or order.payment.status.value in AWAITED):
        return f"told completed, but the order is {order and order.payment.status}"
    if (
        "payment_failed" in set(codes)
        and order is not None
        and order.status is OrderStatus.CONFIRMED
    ):
        return "told that the payment failed, but the order is confirmed"
    return None


def _items(table: str) -> Iterator[dict[str, Any]]:
    client = boto3.client("dynamodb")
    pages = client.get_paginator("scan").paginate(TableName=ENVIRONMENT[table], ConsistentRead=True)
    for page in pages:
        for item in page["Items"]:
            yield {name: from_dynamodb_value(value) for name, value in item.items()}


def stream_of_orders() -> tuple[Any, str]:
    """A client, and an iterator at the beginning of the orders' stream, one shard here."""
    client: Any = boto3.client("dynamodbstreams")
    table = ENVIRONMENT["TABLE_ORDERS"]
    (stream,) = client.list_streams(TableName=table)["Streams"]
    arn = stream["StreamArn"]
    (shard,) = client.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]
    where = client.get_shard_iterator(
        StreamArn=arn, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
    )
    return client, where["ShardIterator"]


def changes_since(
    client: Any, iterator: str
) -> tuple[str, Sequence[tuple[dict[str, Any] | None, dict[str, Any] | None]]]:
    """Old and new images since the iterator, as plain values, and the iterator behind them."""
    changes: list[tuple[dict[str, Any] | None, dict[str, Any] | None]] = []
    while True:
        page = client.get_records(ShardIterator=iterator)
        iterator = page["NextShardIterator"]
        if not page["Records"]:
            return iterator, changes
        for record in page["Records"]:
            images = record["dynamodb"]
            changes.append((_image(images.get("OldImage")), _image(images.get("NewImage"))))


def _image(raw: Mapping[str, Any] | None) -> dict[str, Any] | None:
    return (
        None if raw is None else {name: from_dynamodb_value(value) for name, value in raw.items()}
    )


def _history() -> dict[str, list[Image]]:
    client, iterator = stream_of_orders()
    _, changes = changes_since(client, iterator)
    history: dict[str, list[Image]] = defaultdict(list)
    for old, new in changes:
        if new is None or not new["SK"].startswith("HEAD#"):
            continue
        told = tuple((event.id, event.type) for event in new_events(old, new))
        if old is None and len(told) != len(decode_events(new.get("events"))):
            told = ()
        history[new["PK"].removeprefix("ORDER#")].append(
            Image(new["status"], int(new["version"]), told)
        )
    return dict(history)
