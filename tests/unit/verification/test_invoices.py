"""The invoices of the replay: goods only, as they are in the file."""

import csv
from datetime import UTC, datetime
from pathlib import Path
from unittest.mock import Mock, patch

import pytest

from shop.inventory.model import MovementType, StockMovement
from shop.inventory.store import reservations, rows
from verification.invoice_dataset import LARGE, STOCK_CODE, read, scarce_stock
from verification.order_mutants import ORDER_MUTANTS, order_mutant
from verification.replay import MUTANTS

EXCERPT = Path(__file__).resolve().parents[2] / "data" / "invoices.csv"


def test_cancellations_postage_and_free_items_are_left_out() -> None:
    file = read(str(EXCERPT))
    with EXCERPT.open() as lines:
        raw = list(csv.DictReader(lines))
    assert any(row["InvoiceNo"].startswith("C") for row in raw)
    assert any(row["StockCode"] == "POST" for row in raw)
    goods = [
        row
        for row in raw
        if not row["InvoiceNo"].startswith("C") and STOCK_CODE.fullmatch(row["StockCode"].upper())
    ]
    read_lines = [(invoice.number, *line) for invoice in file.invoices for line in invoice.lines]
    assert len(read_lines) <= len(goods)
    assert all(quantity > 0 for _, _, quantity in read_lines)
    assert set(file.articles) == {code for _, code, _ in read_lines}


def test_excerpt_has_large_invoices_and_repeated_articles() -> None:
    file = read(str(EXCERPT))
    assert sum(invoice.is_large for invoice in file.invoices) >= 3
    repeating = [i for i in file.invoices if len(i.requested) < len(i.lines)]
    assert len(repeating) >= 5
    (first, *_) = repeating
    assert first.requested.total() == sum(quantity for _, quantity in first.lines)


def test_selection_contains_the_longest_invoices() -> None:
    whole, part = read(str(EXCERPT)), read(str(EXCERPT), 12)
    assert 10 <= len(part.invoices) < len(whole.invoices)
    longest = max(whole.invoices, key=lambda invoice: len(invoice.lines))
    assert longest.number in {invoice.number for invoice in part.invoices}


def test_scarce_stock_runs_out_at_the_last_articles_of_every_large_order() -> None:
    file = read(str(EXCERPT))
    opening = scarce_stock(file)
    assert min(opening.values()) >= 0
    large = [list(i.requested.items()) for i in file.invoices if i.is_large]
    assert all(opening[code] < pieces for order in large for code, pieces in order[-2:])
    assert any(all(opening[code] >= n for code, n in order[:LARGE]) for order in large)


@pytest.mark.parametrize("name", MUTANTS)
def test_every_mutant_can_be_applied_and_removed(name: str) -> None:
    assert set(MUTANTS) == set(ORDER_MUTANTS)
    before = vars(reservations)["add_movement"]
    with order_mutant(name):
        pass
    assert vars(reservations)["add_movement"] is before


def test_shipments_without_movement_leave_other_movements_in_the_journal() -> None:
    writes = Mock()
    with (
        order_mutant("shipment without movement"),
        patch.object(rows.MovementRow, "serialize", lambda _: {}),
    ):
        for kind in (MovementType.RECEIVED, MovementType.SHIPPED):
            movement = StockMovement("A", kind, datetime(2026, 11, 1, tzinfo=UTC), "ann", on_hand=1)
            # The store passes its tables as a third argument.
            reservations.add_movement(writes, movement, rows.STOCK_TABLES)  # type: ignore[attr-defined]
    assert len(writes.mock_calls) == 1
