"""Concurrent buyers in a process of their own; run by test_concurrent_buyers.py.

``python -m tests.unit.inventory.concurrent_buyers <sku> <buyers> <threads> <seed> [unconditional]``
prints a JSON object: the reservations that were bought (``bought``), and the numbers of buyers
that were sold out or had to try again (``outcomes``). ``unconditional`` buyers write without a
condition and must oversell, which the test has to notice.
"""

import json
import random
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

from pynamodb.attributes import NumberAttribute, UnicodeAttribute

from shop.inventory.model import Demand, Reservation
from shop.inventory.model.shard_writes import reserve_update
from shop.inventory.model.shards import ShardUpdate
from shop.inventory.store import DynamoStockRepository
from shop.inventory.store import reservations as reservation_module
from shop.kernel.errors import Unavailable
from shop.kernel.ids import new_id
from shop.kernel.unit_of_work import ConditionFailed
from shop.storage.connection import Row, connection
from shop.storage.transactions import DynamoUnitOfWork


class OrderRow(Row):
    """Stands for the order, whose row is part of the transaction."""

    class Meta:
        table_name = "inventory"

    pk = UnicodeAttribute(hash_key=True, attr_name="PK")
    sk = UnicodeAttribute(range_key=True, attr_name="SK")
    units = NumberAttribute()


def main() -> None:
    sku, buyers, threads, seed = sys.argv[1], *map(int, sys.argv[2:5])
    if sys.argv[5:] == ["unconditional"]:
        assert "reserve_update" in vars(reservation_module)
        vars(reservation_module)["reserve_update"] = _unconditional_update
    stock = DynamoStockRepository(chance=random.Random(seed))
    uow = DynamoUnitOfWork(connection())
    outcomes: Counter[str] = Counter()
    bought: list[list[Any]] = []

    def buy(quantity: int) -> None:
        for _ in range(8):
            reservations = stock.pick_shards([Demand(sku, quantity)])
            try:
                uow.commit(_order_op(reservations), _reserve_op(stock, reservations))
            except ConditionFailed as failure:
                if stock.shortages_from(failure, [Demand(sku, quantity)]):
                    outcomes["sold out"] += 1
                    return
            except Unavailable:
                break
            else:
                bought.append([[r.sku, r.quantity, r.location, r.shard] for r in reservations])
                return
        outcomes["try again"] += 1

    chance = random.Random(seed)
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(buy, [chance.choice((1, 1, 1, 2)) for _ in range(buyers)]))
    print(json.dumps({"bought": bought, "outcomes": outcomes}))


def _unconditional_update(reservation: Reservation) -> ShardUpdate:
    return replace(reserve_update(reservation), minimums={})


def _order_op(reservations: tuple[Reservation, ...]) -> Any:
    units = sum(reservation.quantity for reservation in reservations)
    row = OrderRow(f"ORDER#{new_id('ord')}", "HEAD", units=units)
    return lambda transaction: transaction.save(row, OrderRow.pk.does_not_exist())


def _reserve_op(stock: DynamoStockRepository, reservations: tuple[Reservation, ...]) -> Any:
    return lambda transaction: stock.reserve(transaction, reservations)


if __name__ == "__main__":
    main()
