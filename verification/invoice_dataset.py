"""Real invoices as orders: read from a file, and bought through the shop's handlers.

The file is a CSV of invoice lines, optionally xz-compressed, with the columns InvoiceNo, StockCode,
Description, Quantity, UnitPrice and Country, as in the *Online Retail* data set. Only goods are
read: cancellations, postage, discounts and free items are left out.
"""

import csv
import lzma
import re
import threading
import time
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
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
from shop.inventory.model import MAIN_LOCATION
from shop.inventory.store import DynamoStockRepository
from shop.kernel.errors import ShopError
from shop.kernel.money import Money
from shop.orders.actions.order_writes import OrderStockWrites
from shop.orders.actions.shipments import create_shipment
from shop.orders.model import OrderStatus, ShipmentInput
from shop.orders.store import DynamoOrderRepository
from shop.storage.connection import connection
from shop.storage.transactions import DynamoUnitOfWork
from tests.kit.invariants import read_system_state, violations
from tests.kit.products import ADDRESS, checkout_body, mug, payment_body
from tests.kit.shop import ApiResponse, call
from verification.emulator import create_shop_tables
from verification.order_mutants import order_mutant
from verification.worker_pool import ProgressReporter
from verification.worker_result import WorkerResult

STOCK_CODE = re.compile(r"\d{5}[A-Za-z]*")
"""Stock codes of goods; POST, DOT, M, C2, D, BANK CHARGES and others are services."""
VARIANTS_PER_PRODUCT = 50
LARGE = 90
"""Articles above which an order is placed in batches."""
LONGEST = 10
"""Longest invoices, which every selection contains."""
SCARCE = 250
"""One article in so many has half of the demand in stock."""
MUTANT_SCARCE = 12
AMPLE = 1_000_000
"""As a share of scarce articles: none."""
DECLINED = 20
"""One buyer in so many pays with a declined card first, so that everything is released."""
MUTANT_DECLINED = 3
MAX_ATTEMPTS = 20
MAX_FINDINGS = 20


@dataclass
class Invoice:
    """One invoice: stock code and quantity of each line, in the order of the file."""

    number: str
    lines: list[tuple[str, int]] = field(default_factory=list)

    @property
    def requested(self) -> Counter[str]:
        """Quantity by stock code: a code may be on several lines."""
        pieces: Counter[str] = Counter()
        for code, quantity in self.lines:
            pieces[code] += quantity
        return pieces

    @property
    def is_large(self) -> bool:
        return len(self.requested) > LARGE


@dataclass
class InvoiceFile:
    """The invoices of a file, and their articles: title and price in pence by stock code."""

    invoices: list[Invoice]
    articles: dict[str, tuple[str, int]]


def read(path: str, max_invoices: int | None = None) -> InvoiceFile:
    """Read the invoices, or a selection spread over the file that contains the longest ones."""
    raw = Path(path).read_bytes()
    text = (lzma.decompress(raw) if path.endswith(".xz") else raw).decode()
    found: dict[str, Invoice] = {}
    articles: dict[str, tuple[str, int]] = {}
    for row in csv.DictReader(text.splitlines()):
        number, code = row["InvoiceNo"], row["StockCode"].upper()
        quantity, price = int(row["Quantity"]), Decimal(row["UnitPrice"])
        pence = int((price * 100).to_integral_value())
        cancelled = number.startswith("C")
        if cancelled or quantity < 1 or pence < 1 or not STOCK_CODE.fullmatch(code):
            continue
        articles.setdefault(code, (row["Description"].strip() or code, pence))
        found.setdefault(number, Invoice(number)).lines.append((code, quantity))
    invoices = list(found.values())
    if max_invoices is not None and max_invoices < len(invoices):
        invoices = _select(invoices, max_invoices)
    sold = {code for invoice in invoices for code, _ in invoice.lines}
    return InvoiceFile(invoices, {code: articles[code] for code in articles if code in sold})


def _select(invoices: list[Invoice], number: int) -> list[Invoice]:
    longest = sorted(invoices, key=lambda i: -len(i.lines))[: min(LONGEST, number)]
    step = -(-len(invoices) // max(1, number - len(longest)))
    chosen = {i.number for i in longest} | {i.number for i in invoices[::step]}
    return [invoice for invoice in invoices if invoice.number in chosen]


def variant_id(position: int) -> str:
    """Return the variant of the article at this position of the file."""
    number = position % VARIANTS_PER_PRODUCT + 1
    return f"goods{position // VARIANTS_PER_PRODUCT}.{number}"


# ---------------------------------------------------------------------- stock


def stock_articles(
    progress: ProgressReporter, *, path: str, max_invoices: int | None, scarce: bool = False
) -> int:
    """Put all articles on sale, with nearly as much stock as the invoices request.

    Returns the units in stock.
    """
    create_shop_tables()
    file = read(path, max_invoices)
    opening = scarce_stock(file) if scarce else _stock(file, SCARCE)
    stock, now = DynamoStockRepository(), datetime.now(UTC)
    codes = list(file.articles)
    for start in range(0, len(codes), VARIANTS_PER_PRODUCT):
        batch = codes[start : start + VARIANTS_PER_PRODUCT]
        levels = {code: opening[code] for code in batch}
        stock.create_levels(levels, actor="replay", reason="opening", at=now)
        variants = tuple(
            Variant(
                id=variant_id(start + position),
                sku=code,
                title=file.articles[code][0],
                price=Money(file.articles[code][1], "GBP"),
                weight_g=1,
            )
            for position, code in enumerate(batch)
        )
        name = f"goods{start // VARIANTS_PER_PRODUCT}"
        product = replace(mug(name), title="Goods", variants=variants)
        DynamoProductCatalog().save(product, expected_version=product.version)
        progress(len(batch))
    return sum(opening.values())


def _stock(file: InvoiceFile, scarce: int) -> Counter[str]:
    """Return the demand by stock code, and half of it for one code in so many."""
    demand: Counter[str] = Counter()
    for invoice in file.invoices:
        demand.update(invoice.requested)
    for code, pieces in demand.items():
        if zlib.crc32(code.encode()) % scarce == 0:
            demand[code] = pieces - pieces // 2
    return demand


def scarce_stock(file: InvoiceFile) -> Counter[str]:
    """Return so little stock that the mutants show.

    No large order can be placed: it lacks a piece of each of its last two articles, so the shortage
    shows only after the batches before them. Of the other articles one in twelve is scarce.
    """
    opening, reduced = _stock(file, AMPLE), _stock(file, MUTANT_SCARCE)
    large = [invoice.requested for invoice in file.invoices if invoice.is_large]
    in_large = {code for requested in large for code in requested}
    # Counter.update adds: the difference brings the others to the reduced stock.
    opening.update(
        {code: reduced[code] - opening[code] for code in opening if code not in in_large}
    )
    for requested in large:
        for code in list(requested)[-2:]:
            opening[code] = min(opening[code], requested[code] - 1)
    return opening


# ---------------------------------------------------------------------- purchases


class CallCounter(threading.local):
    """DynamoDB calls of the current thread while the context is entered."""

    active = False
    calls = 0

    def __enter__(self) -> None:
        self.active = True

    def __exit__(self, *_: object) -> None:
        self.active = False


@contextmanager
def _count_calls() -> Iterator[CallCounter]:
    counter = CallCounter()
    send = BaseClient._make_api_call  # type: ignore[attr-defined]

    def count(client: Any, operation: str, parameters: dict[str, Any]) -> Any:
        if counter.active and client.meta.service_model.service_name == "dynamodb":
            counter.calls += 1
        return send(client, operation, parameters)

    with patch.object(BaseClient, "_make_api_call", count):
        yield counter


def buy_invoices(
    progress: ProgressReporter,
    *,
    path: str,
    max_invoices: int | None,
    share: int,
    shares: int,
    threads: int,
    seconds: float,
    mutant: str | None = None,
) -> WorkerResult:
    """Buy this share of the invoices until time is up.

    ``mutant`` is a key of :data:`verification.order_mutants.ORDER_MUTANTS`.
    """
    declined = MUTANT_DECLINED if mutant else DECLINED
    file = read(path, max_invoices)
    variants = {code: variant_id(position) for position, code in enumerate(file.articles)}
    deadline = time.monotonic() + seconds
    result, lock = WorkerResult(), threading.Lock()
    with order_mutant(mutant), _count_calls() as counter, ThreadPoolExecutor(threads) as pool:

        def buy(invoice: Invoice) -> None:
            if time.monotonic() > deadline:
                return
            counter.calls = 0
            declined_first = zlib.crc32(invoice.number.encode()) % declined == 0
            try:
                outcome, problems = _buy(invoice, variants, counter, declined_first)
            except ValueError as error:  # a mutant stored something that cannot be read
                outcome, problems = "failed", [f"the shop failed: {error}"]
            with lock:
                _count(result.counts, invoice, outcome, counter.calls)
                result.findings += tuple(f"invoice {invoice.number}: {each}" for each in problems)
            progress(1)

        invoices = file.invoices[share::shares]
        result.possible = len(invoices)
        list(pool.map(buy, invoices))
    return result


def _count(counts: Counter[str], invoice: Invoice, outcome: str, calls: int) -> None:
    suffix = " large" if invoice.is_large else ""
    counts[f"{outcome}{suffix}"] += 1
    counts[f"calls{suffix}"] += calls
    counts["lines"] += len(invoice.lines)
    counts["repeated"] += len(invoice.requested) < len(invoice.lines)
    if outcome == "placed":
        counts["units"] += invoice.requested.total()


def _buy(
    invoice: Invoice, variants: Mapping[str, str], counter: CallCounter, declined_first: bool
) -> tuple[str, list[str]]:
    """Buy one invoice; return the outcome and what was wrong."""
    requested = invoice.requested
    body = checkout_body(*((variants[code], quantity) for code, quantity in invoice.lines))
    address = {**ADDRESS, "address_country": "GB", "postal_code": "SW1A 1AA"}
    body["fulfillment"]["methods"][0]["destinations"] = [address]
    before, problems = _available(requested), []
    with counter:
        answer = _retry_while_busy("POST /checkout-sessions", create_checkout.handler, body)
    if answer.status != 201:
        return "not for sale", []
    session, key = answer.json["id"], f"invoice-{invoice.number}-0123456789"
    if declined_first:
        answer = _pay(session, "tok_declined", f"declined-{key}")
        if answer.json.get("status") == "completed":
            problems.append("bought with a declined card")
    with counter:
        answer = _pay(session, "tok_success", key)
    if answer.json.get("status") == "completed":
        return "placed", problems + _ship(answer.json["order"]["id"], requested, invoice.number)
    short = {
        invoice.lines[int(message["path"].split("[")[1].split("]")[0])][0]
        for message in answer.json.get("messages", ())
        if message["code"] == "out_of_stock"
    }
    missed = sorted(
        code for code in requested if before[code] < requested[code] and code not in short
    )
    if missed:
        problems.append(f"{', '.join(missed)} were short and not reported")
    if not short:
        problems.append(f"rejected without a short line: {answer.status} {answer.text[:300]}")
    return "rejected", problems


def _pay(session: str, token: str, key: str) -> ApiResponse:
    route = "POST /checkout-sessions/{id}/complete"
    handler = complete_checkout.handler
    return _retry_while_busy(route, handler, payment_body(token), key=key, id=session)


def _available(codes: Iterable[str]) -> dict[str, int]:
    """Return the stored available quantities. No order is cancelled here, so they only decrease."""
    requested = list(codes)
    levels = DynamoStockRepository().get_levels_at([(code, MAIN_LOCATION) for code in requested])
    available = dict.fromkeys(requested, 0)
    return available | {level.sku: level.available for level in levels}


def _retry_while_busy(route: str, handler: Any, body: Any, **arguments: Any) -> ApiResponse:
    answer = call(handler, route, body, **arguments)
    for _ in range(MAX_ATTEMPTS):
        if answer.status not in (429, 503):
            break
        answer = call(handler, route, body, **arguments)
    return answer


def _ship(order_id: str, requested: Counter[str], number: str) -> list[str]:
    """Ship a placed order; return what is wrong with it."""
    orders = DynamoOrderRepository()
    order = orders.get_by_id(order_id)
    reserved: Counter[str] = Counter()
    for reservation in order.reservations:
        reserved[reservation.sku] += reservation.quantity
    sold: Counter[str] = Counter()
    for line in order.lines:
        sold[line.sku] += line.quantity
    problems = []
    if not reserved == sold == requested:
        problems.append(f"sold {sold.total()}, reserved {reserved.total()}")
    try:
        order = create_shipment(
            order_id,
            ShipmentInput("acme", f"INV-{number}"),
            at=datetime.now(UTC),
            actor="replay",
            writes=OrderStockWrites(
                orders=orders,
                stock=DynamoStockRepository(),
                uow=DynamoUnitOfWork(connection()),
            ),
        )
    except ShopError as error:
        return [*problems, f"placed, but not shipped: {error}"]
    if not order.shipped or order.status is not OrderStatus.CONFIRMED:
        problems.append(f"is {order.status} and not shipped in full")
    return problems


def check_state(progress: ProgressReporter, *, opening_stock: int) -> WorkerResult:
    """Check the invariants, and account for every unit of the opening stock."""
    state = read_system_state(history=False)
    found = violations(state)
    result = WorkerResult(
        violations=len(found), findings=tuple(str(each) for each in found[:MAX_FINDINGS])
    )
    shipped = state.journal_shipped.total()
    on_hand = sum(row["on_hand"] for row in state.stock.values())
    sold = [order for order in state.orders if order.status is not OrderStatus.CANCELLED]
    result.counts.update(
        {
            "shipped": shipped,
            "missing": opening_stock - shipped - on_hand,
            "reserved": sum(row["reserved"] for row in state.stock.values()),
            "orders": len(sold),
        }
    )
    return result
