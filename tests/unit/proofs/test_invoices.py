"""The invoices that the replay buys: goods only, as they stand in the file."""

import csv
from pathlib import Path

from proofs.invoices import GOODS, LARGE, read

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
