"""What the ports' suite is given: a stock book, and what commits the parts it adds."""

from dataclasses import dataclass
from typing import Any

from shop.inventory.model import Demand, Reservation, Shortage
from shop.kernel.unit_of_work import ConditionFailed, UnitOfWork


@dataclass(frozen=True)
class StockFixture:
    """A stock book and the ledger of its world. ``stock`` serves both ports of the floor."""

    stock: Any
    ledger: UnitOfWork

    def hold(self, *wanted: Demand) -> tuple[Reservation, ...]:
        holds: tuple[Reservation, ...] = self.stock.pick_shards(wanted)
        self.ledger.commit(lambda writes: self.stock.reserve(writes, holds))
        return holds

    def buy(self, *wanted: Demand, tries: int = 8) -> tuple[Any, ...]:
        """Hold as the checkout does: draw again while stock does not explain the refusal.

        Returns holds or shortages.
        """
        for _ in range(tries):
            try:
                return self.hold(*wanted)
            except ConditionFailed as clash:
                short: tuple[Shortage, ...] = self.stock.shortages_from(clash, wanted)
                if short:
                    return short
        raise AssertionError(f"neither sold nor sold out: {wanted}")

    def release(self, *args: Any) -> None:
        self.ledger.commit(lambda writes: self.stock.release(writes, *args))

    def commit(self, *args: Any) -> None:
        self.ledger.commit(lambda writes: self.stock.commit(writes, *args))

    def uncommit(self, *args: Any) -> None:
        self.ledger.commit(lambda writes: self.stock.revert_commit(writes, *args))

    def ship(self, *args: Any, **more: Any) -> None:
        self.ledger.commit(lambda writes: self.stock.ship(writes, *args, **more))
