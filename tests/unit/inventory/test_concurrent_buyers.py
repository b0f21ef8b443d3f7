"""Many processes at once, on MiniStack: its DynamoDB locks, moto's does not and proves nothing."""

import json
import os
import random
import socket
import subprocess
import sys
import threading
import time
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

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
NOW = datetime(2026, 11, 27, 8, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A MiniStack of this module's own, on the loopback interface."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    home = tmp_path_factory.mktemp("ministack")
    server = subprocess.Popen(
        [sys.executable, "-m", "ministack"],
        env={
            **os.environ,
            "BIND_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(port),
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
            "PERSIST_STATE": "0",
            "TMPDIR": str(home),
            "STATE_DIR": str(home / "state"),
            "S3_DATA_DIR": str(home / "s3"),
        },
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        for _ in range(150):
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                time.sleep(0.2)
        else:
            pytest.fail("MiniStack did not start")
        yield url
    finally:
        server.terminate()
        try:
            server.wait(10)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


@pytest.fixture(scope="module")
def stock(endpoint: str) -> Iterator[DynamoStockRepository]:
    """The stock book over that endpoint, its table made."""
    patch = pytest.MonkeyPatch()
    patch.setenv("AWS_ENDPOINT_URL", endpoint)
    patch.setattr(connection._Connection, "shared", None)
    patch.setattr(ShardRow, "_connection", None)
    for model in (ShardSnapshotRow, MovementRow):
        patch.setattr(model, "_connection", None)
    ShardRow.create_table(billing_mode="PAY_PER_REQUEST", wait=True)
    yield DynamoStockRepository()
    patch.undo()


def crowd(
    endpoint: str, sku: str, *, buyers: int, processes: int = 4, careless: bool = False
) -> dict[str, Any]:
    """Let buyers loose in several processes; what they bought and were told, added up."""
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
                *(["careless"] if careless else []),
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
    answers = [json.loads(one.communicate(timeout=240)[0]) for one in running]
    assert [one.returncode for one in running] == [0] * processes
    told = [answer["told"] for answer in answers]
    return {
        "holds": [[Reservation(*hold) for hold in holds] for a in answers for holds in a["bought"]],
        "sold out": sum(one.get("sold out", 0) for one in told),
        "try again": sum(one.get("try again", 0) for one in told),
    }


def assert_sold_exactly(
    stock: DynamoStockRepository, sku: str, units: int, seen: dict[str, Any]
) -> None:
    bins = read_all_shards(sku, "main", consistent=True)
    level = stock.level(sku)
    sold = sum(hold.quantity for holds in seen["holds"] for hold in holds)
    assert all(one.adds_up for one in bins)
    assert (level.on_hand, level.reserved) == (units, sold)
    assert seen["try again"] == 0 or level.available == 0
    # A buyer of two may be refused the last one; nobody who wants one is.
    assert level.available <= (0 if seen["sold out"] else units)


def test_a_crowd_buys_exactly_what_there_is(endpoint: str, stock: DynamoStockRepository) -> None:
    stock.create_levels({"PLAIN": 60}, actor="w", reason="opening", at=NOW)
    seen = crowd(endpoint, "PLAIN", buyers=160)
    assert seen["sold out"] + seen["try again"] + len(seen["holds"]) == 160
    assert_sold_exactly(stock, "PLAIN", 60, seen)


def test_a_crowd_that_asks_for_no_condition_oversells_and_is_noticed(
    endpoint: str, stock: DynamoStockRepository
) -> None:
    stock.create_levels({"CARELESS": 10}, actor="w", reason="opening", at=NOW)
    seen = crowd(endpoint, "CARELESS", buyers=40, careless=True)
    assert sum(hold.quantity for holds in seen["holds"] for hold in holds) > 10
    with pytest.raises(ValueError, match="more is promised than there is"):
        assert_sold_exactly(stock, "CARELESS", 10, seen)


def test_a_crowd_buys_exactly_what_there_is_while_it_is_shared_out_and_merged(
    endpoint: str, stock: DynamoStockRepository
) -> None:
    """One shares out and merges, one counts, all the others buy."""
    stock.create_levels({"HOT": 150}, actor="w", reason="opening", at=NOW)
    stock.reshard("HOT", 12)
    done = threading.Event()
    faults: list[BaseException] = []
    counted = [0]

    def until_done(work: Any) -> threading.Thread:
        def run() -> None:
            try:
                while not done.is_set():
                    work()
            except BaseException as fault:
                faults.append(fault)
                raise

        thread = threading.Thread(target=run)
        thread.start()
        return thread

    chance = random.Random(5)
    ledger = DynamoUnitOfWork(connection.connection())

    def share_out() -> None:
        try:
            stock.reshard("HOT", chance.choice((3, 8, 12, 20)))
        except Unavailable:
            return

    def count() -> None:
        at = datetime.now(UTC)
        by = chance.choice((-2, 2))
        try:
            stock.write_movement(
                StockMovement("HOT", MovementType.ADJUSTED, at, "w", "count", on_hand=by),
                stock.level("HOT"),
            )
        except (Conflict, Unavailable):
            return
        counted[0] += by

    helpers = [until_done(share_out), until_done(count)]
    try:
        seen = crowd(endpoint, "HOT", buyers=240)
    finally:
        done.set()
        for helper in helpers:
            helper.join(60)
    assert not faults
    level = stock.level("HOT")
    sold = sum(hold.quantity for holds in seen["holds"] for hold in holds)
    bins = read_all_shards("HOT", "main", consistent=True)
    assert all(one.adds_up for one in bins)
    assert (level.on_hand, level.reserved) == (150 + counted[0], sold)
    journal = stock.list_movements("HOT", limit=1000).items
    assert sum(movement.on_hand for movement in journal) == level.on_hand
    for holds in seen["holds"]:
        ledger.commit(
            lambda writes, holds=holds: stock.release(writes, holds, ReservationState.RESERVED)  # type: ignore[misc]
        )
    assert stock.reshard("HOT", 1) == 1
    level = stock.level("HOT")
    assert (level.available, level.reserved, level.shard_count) == (150 + counted[0], 0, 1)
