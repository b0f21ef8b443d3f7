"""The invoices that the replay buys: goods only, as they stand in the file."""

import csv
from datetime import UTC, datetime
from pathlib import Path
from unittest.mock import Mock, patch

import pytest

from shop.inventory.model import MovementType, StockMovement
from shop.inventory.store import reservations, rows
from verification.invoice_dataset import GOODS, LARGE, _meager, read
from verification.order_mutants import CARELESS, careless
from verification.replay import FLAWS

EXCERPT = Path(__file__).resolve().parents[2] / "data" / "invoices.csv"


def test_cancellations_postage_and_what_cost_nothing_are_no_orders() -> None:
    ledger = read(str(EXCERPT))
    with EXCERPT.open() as file:
        rows = list(csv.DictReader(file))
    assert any(row["InvoiceNo"].startswith("C") for row in rows)
    assert any(row["StockCode"] == "POST" for row in rows)
    goods = [
        row
        for row in rows
        if not row["InvoiceNo"].startswith("C") and GOODS.fullmatch(row["StockCode"].upper())
    ]
    bought = [(invoice.number, *line) for invoice in ledger.invoices for line in invoice.lines]
    assert len(bought) <= len(goods)
    assert all(quantity > 0 for _, _, quantity in bought)
    assert set(ledger.goods) == {code for _, code, _ in bought}


def test_there_are_long_ones_and_such_that_repeat_an_article() -> None:
    ledger = read(str(EXCERPT))
    assert sum(len(invoice.wanted) > LARGE for invoice in ledger.invoices) >= 3
    repeating = [i for i in ledger.invoices if len(i.wanted) < len(i.lines)]
    assert len(repeating) >= 5
    (first, *_) = repeating
    assert sum(first.wanted.values()) == sum(quantity for _, quantity in first.lines)


def test_a_part_of_them_has_the_longest() -> None:
    whole, part = read(str(EXCERPT)), read(str(EXCERPT), 12)
    assert 10 <= len(part.invoices) < len(whole.invoices)
    longest = max(whole.invoices, key=lambda invoice: len(invoice.lines))
    assert longest.number in {invoice.number for invoice in part.invoices}


def test_where_goods_are_meager_every_large_order_turns_out_short_at_its_last_articles() -> None:
    ledger = read(str(EXCERPT))
    opened = _meager(ledger)
    assert min(opened.values()) >= 0
    large = [list(i.wanted.items()) for i in ledger.invoices if len(i.wanted) > LARGE]
    assert all(opened[code] < pieces for asked in large for code, pieces in asked[-2:])
    assert any(all(opened[code] >= n for code, n in asked[:LARGE]) for asked in large)


@pytest.mark.parametrize("name", FLAWS)
def test_every_careless_shop_can_be_had_and_is_gone_again(name: str) -> None:
    assert set(FLAWS) == set(CARELESS)
    with careless(name):
        pass


def test_who_forgets_to_write_what_is_shipped_writes_everything_else() -> None:
    """With the books it is written in, as the stockroom calls it."""
    written = Mock()
    with careless("shipped unwritten"), patch.object(rows.MovementRow, "serialize", lambda _: {}):
        for kind in (MovementType.RECEIVED, MovementType.SHIPPED):
            movement = StockMovement("A", kind, datetime(2026, 11, 1, tzinfo=UTC), "ann", on_hand=1)
            reservations.add_movement(written, movement, rows.STOCK_TABLES)  # type: ignore[attr-defined]
    assert len(written.mock_calls) == 1
