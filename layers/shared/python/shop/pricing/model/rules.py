"""The rules of a shop at one version: markets, price lists, promotions, tax. Compiled once, asked often."""

from dataclasses import dataclass
from datetime import date, datetime, timezone
from functools import cached_property
from zoneinfo import ZoneInfo

from shop.kernel.errors import Invalid
from shop.pricing.model.basket import Destination
from shop.pricing.model.quote import RoundingPolicy
from shop.pricing.model.tax import BUNDLED, TaxTable


@dataclass(frozen=True)
class Market:
    """Where the shop sells, and how prices are told there.

    ``tax`` is ``"included"`` in prices, ``"added"`` to them, or ``"none"``. ``home`` is where the
    seller is: until a destination is known, prices include the tax of there. ``zone`` decides which
    day it is for a dated rate.
    """

    id: str
    tax: str = "none"
    home: Destination | None = None
    zone: str = "UTC"

    def day(self, at: datetime) -> date:
        if self.zone == "UTC":
            return at.astimezone(timezone.utc).date()
        return at.astimezone(ZoneInfo(self.zone)).date()


MARKETS = (
    Market("US", tax="added", zone="America/New_York"),
    Market("EU", tax="included", home=Destination("DE"), zone="Europe/Berlin"),
    Market("CN", tax="included", home=Destination("CN"), zone="Asia/Shanghai"),
    Market("WORLD", tax="none"),
)


@dataclass(frozen=True)
class Rules:
    """Everything that decides a price beside the basket and the instant.

    ``version`` changes with every change of any of it; whoever keeps rules in memory compares it.
    """

    version: str = "0"
    markets: tuple[Market, ...] = MARKETS
    tax: TaxTable = BUNDLED
    rounding: RoundingPolicy = RoundingPolicy()

    @cached_property
    def _markets(self) -> dict[str, Market]:
        return {market.id: market for market in self.markets}

    def market(self, market_id: str) -> Market:
        """The market of that id. Raises :class:`Invalid` for one the shop does not sell in."""
        market = self._markets.get(market_id)
        if market is None:
            raise Invalid(
                f"{market_id!r} is not a market of this shop",
                code="market_unknown",
                path="$.market",
            )
        return market
