"""The fixture of the ports' test suite: a stock repository and the unit of work it commits with."""

from dataclasses import dataclass
from typing import Any

from shop.inventory.model import Demand, Reservation, Shortage
from shop.kernel.unit_of_work import ConditionFailed, UnitOfWork


@dataclass(frozen=True)
class StockFixture:
    """``stock`` implements StockRepository and StockReservations, in memory or on DynamoDB."""

    stock: Any
    uow: UnitOfWork

    def reserve(self, *demands: Demand) -> tuple[Reservation, ...]:
        reservations: tuple[Reservation, ...] = self.stock.pick_shards(demands)
        self.uow.commit(lambda transaction: self.stock.reserve(transaction, reservations))
        return reservations

    def buy(self, *demands: Demand, max_attempts: int = 8) -> tuple[Any, ...]:
        """Reserve as the checkout does; return reservations or shortages.

        Shards are picked again while stock does not explain the failed condition.
        """
        for _ in range(max_attempts):
            try:
                return self.reserve(*demands)
            except ConditionFailed as failure:
                shortages: tuple[Shortage, ...] = self.stock.shortages_from(failure, demands)
                if shortages:
                    return shortages
        raise AssertionError(f"neither sold nor sold out: {demands}")

    def release(self, *args: Any) -> None:
        self.uow.commit(lambda transaction: self.stock.release(transaction, *args))

    def commit(self, *args: Any) -> None:
        self.uow.commit(lambda transaction: self.stock.commit(transaction, *args))

    def revert_commit(self, *args: Any) -> None:
        self.uow.commit(lambda transaction: self.stock.revert_commit(transaction, *args))

    def ship(self, *args: Any, **options: Any) -> None:
        self.uow.commit(lambda transaction: self.stock.ship(transaction, *args, **options))

    def restock(self, *returned: Reservation, **options: Any) -> None:
        self.uow.commit(self.stock.restock_op(returned, **options))
