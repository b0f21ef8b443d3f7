"""A crowd of buyers in a process of its own, over a real endpoint: run by test_crowds.py.

``python -m tests.unit.inventory.concurrent_buyers <sku> <buyers> <threads> <seed> [careless]`` prints a JSON
object: the holds that were bought, and how many buyers were told that it is sold out, or to try
again. A careless crowd writes without a condition: the test must notice it.
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
from shop.inventory.model.shards import ShardUpdate, reserve_update
from shop.inventory.store import DynamoStockRepository
from shop.inventory.store import stock as inside
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
    if sys.argv[5:] == ["careless"]:
        vars(inside)["reserving"] = _careless
    stock = DynamoStockRepository(chance=random.Random(seed))
    ledger = DynamoUnitOfWork(connection())
    told: Counter[str] = Counter()
    bought: list[list[Any]] = []

    def buy(quantity: int) -> None:
        for _ in range(8):
            holds = stock.pick_shards([Demand(sku, quantity)])
            try:
                ledger.commit(_placing(holds), _taking(stock, holds))
            except ConditionFailed as clash:
                if stock.shortages_from(clash, [Demand(sku, quantity)]):
                    told["sold out"] += 1
                    return
            except Unavailable:
                break
            else:
                bought.append([[h.sku, h.quantity, h.location, h.shard] for h in holds])
                return
        told["try again"] += 1

    chance = random.Random(seed)
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(buy, [chance.choice((1, 1, 1, 2)) for _ in range(buyers)]))
    print(json.dumps({"bought": bought, "told": told}))


def _careless(reservation: Reservation) -> ShardUpdate:
    return replace(reserve_update(reservation), minimums={})


def _placing(reservations: tuple[Reservation, ...]) -> Any:
    row = OrderRow(f"ORDER#{new_id('ord')}", "HEAD", units=sum(h.quantity for h in reservations))
    return lambda writes: writes.save(row, OrderRow.pk.does_not_exist())


def _taking(stock: DynamoStockRepository, reservations: tuple[Reservation, ...]) -> Any:
    return lambda writes: stock.reserve(writes, reservations)


if __name__ == "__main__":
    main()
