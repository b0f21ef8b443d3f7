"""What the ports' suite is given: a stock book, and what commits the parts it adds."""

from dataclasses import dataclass
from typing import Any

from shop.inventory.model import Demand, Hold, Shortage
from shop.kernel.transactions import Clash, Ledger


@dataclass(frozen=True)
class Room:
    """A stock book and the ledger of its world. ``stock`` serves both ports of the floor."""

    stock: Any
    ledger: Ledger

    def hold(self, *wanted: Demand) -> tuple[Hold, ...]:
        holds: tuple[Hold, ...] = self.stock.draw(wanted)
        self.ledger.commit(lambda writes: self.stock.reserve(writes, holds))
        return holds

    def buy(self, *wanted: Demand, tries: int = 8) -> tuple[Any, ...]:
        """Hold as the checkout does: draw again while stock does not explain the refusal.

        Returns holds or shortages.
        """
        for _ in range(tries):
            try:
                return self.hold(*wanted)
            except Clash as clash:
                short: tuple[Shortage, ...] = self.stock.shortages_after(clash, wanted)
                if short:
                    return short
        raise AssertionError(f"neither sold nor sold out: {wanted}")

    def release(self, *args: Any) -> None:
        self.ledger.commit(lambda writes: self.stock.release(writes, *args))

    def commit(self, *args: Any) -> None:
        self.ledger.commit(lambda writes: self.stock.commit(writes, *args))

    def uncommit(self, *args: Any) -> None:
        self.ledger.commit(lambda writes: self.stock.uncommit(writes, *args))

    def ship(self, *args: Any, **more: Any) -> None:
        self.ledger.commit(lambda writes: self.stock.ship(writes, *args, **more))
