"""Real invoices as orders: read from a file, and bought through the shop's doors.

The file is a CSV of invoice lines (xz-compressed or not) with the columns InvoiceNo, StockCode,
Description, Quantity, UnitPrice and Country, as the Online Retail data set has them. Goods only:
cancellations, postage, discounts and the like are left out, and what cost nothing.
"""

import csv
import lzma
import re
import threading
import time
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from unittest.mock import patch

from botocore.client import BaseClient

from functions.checkout import complete_checkout, create_checkout
from shop.catalog.model import Variant
from shop.catalog.store import DynamoProductCatalog
from shop.inventory.store import DynamoStockRepository
from shop.kernel.errors import ShopError
from shop.kernel.money import Money
from shop.orders.actions.order_writes import OrderStockWrites
from shop.orders.actions.shipments import create_shipment
from shop.orders.model import OrderStatus
from shop.orders.store import DynamoOrderRepository
from shop.storage.connection import connection
from shop.storage.transactions import DynamoUnitOfWork
from tests.kit.invariants import read_system_state, violations
from tests.kit.products import ADDRESS, checkout_body, mug, payment_body
from tests.kit.shop import ApiResponse, call
from verification.emulator import furnish
from verification.order_mutants import careless
from verification.worker_pool import Tell
from verification.worker_result import WorkerResult

GOODS = re.compile(r"\d{5}[A-Za-z]*")
"""Stock codes of goods; POST, DOT, M, C2, D, BANK CHARGES and such are not."""
IN_A_PRODUCT = 50
"""Articles that are put on sale as the variants of one product."""
LARGE = 90
"""Articles beyond which an order is placed in batches."""
ONE_IN = 250
"""Of one article in so many there is but half of what is asked for, so that shelves run empty."""
DECLINED = 20
"""One buyer in so many pays with a card that is declined first, so that all is given back."""


@dataclass
class Invoice:
    """What somebody bought at once: stock code and pieces of each line, in its order."""

    number: str
    lines: list[tuple[str, int]] = field(default_factory=list)

    @property
    def wanted(self) -> Counter[str]:
        """Pieces by stock code: a code may stand on several lines."""
        pieces: Counter[str] = Counter()
        for code, quantity in self.lines:
            pieces[code] += quantity
        return pieces


@dataclass
class InvoiceFile:
    """The invoices of a file, and the goods they are about: title, and price in pence."""

    invoices: list[Invoice]
    goods: dict[str, tuple[str, int]]


def read(path: str, most: int | None = None) -> InvoiceFile:
    """The invoices of a file; at most so many, spread over it, its ten longest among them."""
    raw = Path(path).read_bytes()
    text = (lzma.decompress(raw) if path.endswith(".xz") else raw).decode()
    found: dict[str, Invoice] = {}
    goods: dict[str, tuple[str, int]] = {}
    for row in csv.DictReader(text.splitlines()):
        number, code = row["InvoiceNo"], row["StockCode"].upper()
        quantity, price = int(row["Quantity"]), Decimal(row["UnitPrice"])
        pence = int((price * 100).to_integral_value())
        if number.startswith("C") or quantity < 1 or pence < 1 or not GOODS.fullmatch(code):
            continue
        goods.setdefault(code, (row["Description"].strip() or code, pence))
        found.setdefault(number, Invoice(number)).lines.append((code, quantity))
    invoices = list(found.values())
    if most is not None and most < len(invoices):
        longest = sorted(invoices, key=lambda i: -len(i.lines))[: min(10, most)]
        chosen = {i.number for i in longest}
        chosen |= {i.number for i in invoices[:: -(-len(invoices) // max(1, most - len(longest)))]}
        invoices = [invoice for invoice in invoices if invoice.number in chosen]
    asked = {code for invoice in invoices for code, _ in invoice.lines}
    return InvoiceFile(invoices, {code: goods[code] for code in goods if code in asked})


def variant_of(place: int) -> str:
    """The variant that the so-manieth article is."""
    return f"goods{place // IN_A_PRODUCT}.{place % IN_A_PRODUCT + 1}"


def stock_up(tell: Tell, *, path: str, most: int | None, meager: bool = False) -> int:
    """Put everything that the invoices ask for on sale, nearly as much of it as they ask for."""
    furnish()
    ledger = read(path, most)
    opened = _meager(ledger) if meager else _ample(ledger, ONE_IN)
    stock, now = DynamoStockRepository(), datetime.now(UTC)
    codes = list(ledger.goods)
    for start in range(0, len(codes), IN_A_PRODUCT):
        batch = codes[start : start + IN_A_PRODUCT]
        stock.create_levels({c: opened[c] for c in batch}, actor="replay", reason="opening", at=now)
        variants = tuple(
            Variant(
                id=variant_of(start + place),
                sku=code,
                title=ledger.goods[code][0],
                price=Money(ledger.goods[code][1], "GBP"),
                weight_g=1,
            )
            for place, code in enumerate(batch)
        )
        name = f"goods{start // IN_A_PRODUCT}"
        product = replace(mug(name), title="Goods", variants=variants)
        DynamoProductCatalog().save(product, expected_version=product.version)
        tell(len(batch))
    return sum(opened.values())


def _ample(uow: InvoiceFile, one_in: int) -> Counter[str]:
    asked: Counter[str] = Counter()
    for invoice in uow.invoices:
        asked.update(invoice.wanted)
    for code, pieces in asked.items():
        if zlib.crc32(code.encode()) % one_in == 0:
            asked[code] = pieces - pieces // 2
    return asked


def _meager(uow: InvoiceFile) -> Counter[str]:
    """So little that careless shops show: no large order can be served, and of what large orders
    do not ask for there is too little of one article in twelve.

    A large order lacks a piece of each of its last two articles, so it turns out when the batches
    before are taken.
    """
    opened, scarce = _ample(uow, 1_000_000), _ample(uow, 12)
    large = [invoice.wanted for invoice in uow.invoices if len(invoice.wanted) > LARGE]
    theirs = {code for wanted in large for code in wanted}
    opened.update({code: scarce[code] - opened[code] for code in opened if code not in theirs})
    for wanted in large:
        for code in list(wanted)[-2:]:
            opened[code] = min(opened[code], wanted[code] - 1)
    return opened


class _Counting(threading.local):
    """What this thread asked of DynamoDB, while this is entered."""

    on = False
    made = 0

    def __enter__(self) -> None:
        self.on = True

    def __exit__(self, *_: object) -> None:
        self.on = False


@contextmanager
def _calls() -> Iterator[_Counting]:
    """Count this process's calls of DynamoDB, in threads that say so."""
    counting = _Counting()
    send = BaseClient._make_api_call  # type: ignore[attr-defined]

    def counted(client: Any, operation: str, parameters: dict[str, Any]) -> Any:
        if counting.on and client.meta.service_model.service_name == "dynamodb":
            counting.made += 1
        return send(client, operation, parameters)

    with patch.object(BaseClient, "_make_api_call", counted):
        yield counting


def buy(
    tell: Tell,
    *,
    path: str,
    most: int | None,
    share: int,
    shares: int,
    threads: int,
    seconds: float,
    declined: int = DECLINED,
    flaw: str | None = None,
) -> WorkerResult:
    """Buy this share of the invoices, one after the other in each thread, until time is up.

    One buyer in ``declined`` pays with a card that is declined first; ``flaw`` is one of
    :data:`verification.order_mutants.CARELESS`.
    """
    ledger = read(path, most)
    places = {code: variant_of(place) for place, code in enumerate(ledger.goods)}
    until = time.monotonic() + seconds
    tally, lock = WorkerResult(), threading.Lock()
    with careless(flaw), _calls() as counting, ThreadPoolExecutor(threads) as crowd:

        def replay(invoice: Invoice) -> None:
            if time.monotonic() > until:
                return
            counting.made = 0
            refused_first = zlib.crc32(invoice.number.encode()) % declined == 0
            try:
                said, wrong = _bought(invoice, places, counting, refused_first)
            except ValueError as error:  # what stands in the books cannot be
                said, wrong = "broke down", [f"the shop broke down: {error}"]
            with lock:
                large = " large" if len(invoice.wanted) > LARGE else ""
                tally.counted[f"{said}{large}"] += 1
                tally.counted[f"calls{large}"] += counting.made
                tally.counted["lines"] += len(invoice.lines)
                tally.counted["repeated"] += len(invoice.wanted) < len(invoice.lines)
                if said == "placed":
                    tally.counted["units"] += sum(invoice.wanted.values())
                tally.findings += tuple(f"invoice {invoice.number}: {each}" for each in wrong)
            tell(1)

        mine = ledger.invoices[share::shares]
        tally.possible = len(mine)
        list(crowd.map(replay, mine))
    return tally


def _bought(
    invoice: Invoice, places: Mapping[str, str], counting: _Counting, refused_first: bool
) -> tuple[str, list[str]]:
    wanted = invoice.wanted
    lines = [(places[code], quantity) for code, quantity in invoice.lines]
    body = checkout_body(*lines)
    address = {**ADDRESS, "address_country": "GB", "postal_code": "SW1A 1AA"}
    body["fulfillment"]["methods"][0]["destinations"] = [address]
    before, wrong = _left(wanted), []
    with counting:
        answer = _insisting("POST /checkout-sessions", create_checkout.handler, body)
    if answer.status != 201:
        return "not for sale", []
    session, key = answer.json["id"], f"invoice-{invoice.number}-0123456789"
    if refused_first:
        answer = _paid(session, "tok_declined", f"declined-{key}")
        if answer.json.get("status") == "completed":
            wrong.append("bought with a card that was declined")
    with counting:
        answer = _paid(session, "tok_success", key)
    said = answer.json
    if said.get("status") == "completed":
        return "placed", wrong + _whole(said["order"]["id"], wanted, invoice.number)
    short = {
        invoice.lines[int(message["path"].split("[")[1].split("]")[0])][0]
        for message in said.get("messages", ())
        if message["code"] == "out_of_stock"
    }
    missed = sorted(code for code in wanted if before[code] < wanted[code] and code not in short)
    if missed:
        wrong.append(f"was short of {', '.join(missed)} and not told so")
    if not short:
        wrong.append(f"neither placed nor told why not: {answer.status} {answer.text[:300]}")
    return "refused", wrong


def _paid(session: str, token: str, key: str) -> ApiResponse:
    route = "POST /checkout-sessions/{id}/complete"
    return _insisting(route, complete_checkout.handler, payment_body(token), key=key, id=session)


def _left(codes: Iterable[str]) -> dict[str, int]:
    """Pieces for sale as last written. Nobody gives back here, so there will never be more."""
    levels = DynamoStockRepository().current_levels_by_location(list(codes))
    return {code: sum(level.available for level in levels[code]) for code in codes}


def _insisting(route: str, door: Any, body: Any, **more: Any) -> ApiResponse:
    answer = call(door, route, body, **more)
    for _ in range(20):
        if answer.status not in (429, 503):
            break
        answer = call(door, route, body, **more)
    return answer


def _whole(order_id: str, wanted: Counter[str], number: str) -> list[str]:
    """What is not as it should be of an order that was placed; it is shipped then."""
    orders = DynamoOrderRepository()
    order = orders.get_by_id(order_id)
    held: Counter[str] = Counter()
    for hold in order.reservations:
        held[hold.sku] += hold.quantity
    sold: Counter[str] = Counter()
    for line in order.lines:
        sold[line.sku] += line.quantity
    wrong = (
        [] if held == sold == wanted else [f"sold {sum(sold.values())}, held {sum(held.values())}"]
    )
    try:
        order = create_shipment(
            order_id,
            carrier="acme",
            tracking_number=f"INV-{number}",
            tracking_url=None,
            lines=None,
            at=datetime.now(UTC),
            actor="replay",
            writes=OrderStockWrites(
                orders=orders,
                stock=DynamoStockRepository(),
                uow=DynamoUnitOfWork(connection()),
            ),
        )
    except ShopError as refusal:
        return [*wrong, f"placed, and not shipped: {refusal}"]
    if not order.shipped or order.status is not OrderStatus.CONFIRMED:
        wrong.append(f"is {order.status} and not shipped whole")
    return wrong


def judge(tell: Tell, *, opened: int) -> WorkerResult:
    """Read the books: what came and left by the journal, and what is there, to the last unit."""
    books = read_system_state(history=False)
    found = violations(books)
    tally = WorkerResult(violations=len(found), findings=tuple(str(each) for each in found[:20]))
    shipped = sum(books.shipped.values())
    there = sum(row["on_hand"] for row in books.stock.values())
    tally.counted.update({"shipped": shipped, "there": there, "missing": opened - shipped - there})
    tally.counted["reserved"] = sum(row["reserved"] for row in books.stock.values())
    tally.counted["orders"] = len(_sold(books.orders))
    return tally


def _sold(orders: Sequence[Any]) -> list[Any]:
    return [order for order in orders if order.status is not OrderStatus.CANCELLED]
