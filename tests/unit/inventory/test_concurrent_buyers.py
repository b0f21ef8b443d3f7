"""Concurrent processes on MiniStack, whose DynamoDB locks items like AWS; moto locks none."""

import json
import os
import random
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from shop.inventory.model import MovementType, Reservation, ReservationState, StockMovement
from shop.inventory.store import DynamoStockRepository
from shop.inventory.store.rows import MovementRow, ShardRow, ShardSnapshotRow
from shop.inventory.store.shard_cache import read_all_shards
from shop.kernel.errors import Conflict, Unavailable
from shop.storage import connection
from shop.storage.transactions import DynamoUnitOfWork
from tests.kit.ministack import ministack

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
NOW = datetime(2026, 11, 27, 8, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Start a MiniStack for this module."""
    with ministack(tmp_path_factory.mktemp("ministack")) as url:
        yield url


@pytest.fixture(scope="module")
def stock(endpoint: str) -> Iterator[DynamoStockRepository]:
    """The stock repository over that endpoint, with its table."""
    patch = pytest.MonkeyPatch()
    patch.setenv("AWS_ENDPOINT_URL", endpoint)
    patch.setattr(connection._Connection, "shared", None)
    patch.setattr(ShardRow, "_connection", None)
    for model in (ShardSnapshotRow, MovementRow):
        patch.setattr(model, "_connection", None)
    ShardRow.create_table(billing_mode="PAY_PER_REQUEST", wait=True)
    yield DynamoStockRepository()
    patch.undo()


def run_buyers(
    endpoint: str, sku: str, *, buyers: int, processes: int = 4, unconditional: bool = False
) -> dict[str, Any]:
    """Run buyers in several processes; return their reservations and outcomes, added up."""
    running = [
        subprocess.Popen(
            [
                sys.executable,
                "-m",
                "tests.unit.inventory.concurrent_buyers",
                sku,
                str(buyers // processes),
                "4",
                str(seed),
                *(["unconditional"] if unconditional else []),
            ],
            cwd=ROOT,
            env={
                **os.environ,
                "AWS_ENDPOINT_URL": endpoint,
                "PYTHONPATH": f"{ROOT}:{ROOT / 'layers/shared/python'}",
            },
            stdout=subprocess.PIPE,
            text=True,
        )
        for seed in range(processes)
    ]
    # The timeout is a guard against a hanging process only.
    results = [json.loads(process.communicate(timeout=600)[0]) for process in running]
    assert [process.returncode for process in running] == [0] * processes
    outcomes = [result["outcomes"] for result in results]
    return {
        "reservations": [
            [Reservation(*values) for values in reservations]
            for result in results
            for reservations in result["bought"]
        ],
        "sold out": sum(one.get("sold out", 0) for one in outcomes),
        "try again": sum(one.get("try again", 0) for one in outcomes),
    }


def assert_sold_exactly(
    stock: DynamoStockRepository, sku: str, units: int, result: dict[str, Any]
) -> None:
    shards = read_all_shards(sku, "main", consistent=True)
    level = stock.level(sku)
    sold = sum(one.quantity for reservations in result["reservations"] for one in reservations)
    assert all(one.is_consistent for one in shards)
    assert (level.on_hand, level.reserved) == (units, sold)
    assert result["try again"] == 0 or level.available == 0
    # A buyer of two units may miss the last one; a buyer of one may not.
    assert level.available <= (0 if result["sold out"] else units)


def test_concurrent_buyers_buy_exactly_the_stock(
    endpoint: str, stock: DynamoStockRepository
) -> None:
    stock.create_levels({"PLAIN": 60}, actor="w", reason="opening", at=NOW)
    result = run_buyers(endpoint, "PLAIN", buyers=160)
    assert result["sold out"] + result["try again"] + len(result["reservations"]) == 160
    assert_sold_exactly(stock, "PLAIN", 60, result)


def test_buyers_without_a_condition_oversell_and_are_detected(
    endpoint: str, stock: DynamoStockRepository
) -> None:
    stock.create_levels({"UNCONDITIONAL": 10}, actor="w", reason="opening", at=NOW)
    result = run_buyers(endpoint, "UNCONDITIONAL", buyers=40, unconditional=True)
    assert sum(one.quantity for reservations in result["reservations"] for one in reservations) > 10
    with pytest.raises(ValueError, match="more units promised than on hand"):
        assert_sold_exactly(stock, "UNCONDITIONAL", 10, result)


def test_concurrent_buyers_buy_exactly_the_stock_during_resharding(
    endpoint: str, stock: DynamoStockRepository
) -> None:
    """One thread splits and merges shards, one adjusts the stock, and processes buy."""
    # Given a sharded SKU
    stock.create_levels({"HOT": 150}, actor="w", reason="opening", at=NOW)
    stock.reshard("HOT", 12)
    buyers_finished = threading.Event()
    errors: list[BaseException] = []
    adjusted = [0]

    def repeat(operation: Any) -> threading.Thread:
        def run() -> None:
            try:
                while not buyers_finished.is_set():
                    operation()
            except BaseException as error:
                errors.append(error)
                raise

        thread = threading.Thread(target=run)
        thread.start()
        return thread

    chance = random.Random(5)
    uow = DynamoUnitOfWork(connection.connection())

    def reshard_randomly() -> None:
        try:
            stock.reshard("HOT", chance.choice((3, 8, 12, 20)))
        except Unavailable:
            return

    def adjust_stock() -> None:
        at = datetime.now(UTC)
        delta = chance.choice((-2, 2))
        try:
            stock.write_movement(
                StockMovement("HOT", MovementType.ADJUSTED, at, "w", "count", on_hand=delta),
                stock.level("HOT"),
            )
        except (Conflict, Unavailable):
            return
        adjusted[0] += delta

    # When buyers in several processes compete with resharding and adjustments
    threads = [repeat(reshard_randomly), repeat(adjust_stock)]
    try:
        result = run_buyers(endpoint, "HOT", buyers=240)
    finally:
        buyers_finished.set()
        for thread in threads:
            thread.join(600)
    # Then shards, orders and journal agree
    assert not errors
    level = stock.level("HOT")
    sold = sum(one.quantity for reservations in result["reservations"] for one in reservations)
    shards = read_all_shards("HOT", "main", consistent=True)
    assert all(one.is_consistent for one in shards)
    assert (level.on_hand, level.reserved) == (150 + adjusted[0], sold)
    journal = stock.list_movements("HOT", limit=1000).items
    assert sum(movement.on_hand for movement in journal) == level.on_hand
    # And every reservation can be released from the shard it names
    for reservations in result["reservations"]:
        uow.commit(
            lambda transaction, reservations=reservations: stock.release(
                transaction, reservations, ReservationState.RESERVED
            )  # type: ignore[misc]
        )
    assert stock.reshard("HOT", 1) == 1
    level = stock.level("HOT")
    assert (level.available, level.reserved, level.shard_count) == (150 + adjusted[0], 0, 1)
