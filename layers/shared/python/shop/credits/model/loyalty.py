"""The loyalty program: the points that goods earn, and the value of a point."""

from collections.abc import Mapping
from datetime import timedelta

from shop.kernel.frozen import frozen
from shop.kernel.money import Money

PROGRAM = "dev.doorbuster.points"
"""The program's name in UCP's loyalty extension."""


@frozen
class EarnRule:
    """``points`` for every full ``per`` of goods, after reductions and without shipping."""

    per: Money
    points: int = 1

    def earned(self, goods: Money) -> int:
        """Return the points for goods of that amount; none in another currency."""
        if goods.currency != self.per.currency:
            return 0
        return goods.minor // self.per.minor * self.points


EARN_RULES: Mapping[str, EarnRule] = {
    "USD": EarnRule(Money(100, "USD")),
    "EUR": EarnRule(Money(100, "EUR")),
    "GBP": EarnRule(Money(100, "GBP")),
    "CNY": EarnRule(Money(700, "CNY")),
    "JPY": EarnRule(Money(100, "JPY")),
}
"""The rule of each currency in which points are earned."""
POINT_VALUE: Mapping[str, int] = {"USD": 1, "EUR": 1, "GBP": 1, "CNY": 7, "JPY": 1}
"""Minor units that a point pays."""
POINTS_VALIDITY = timedelta(days=365)


def earned_points(goods: int, currency: str) -> int:
    """Return the points for goods in minor units; none in a currency without a rule."""
    rule = EARN_RULES.get(currency)
    return 0 if rule is None or goods <= 0 else rule.earned(Money(goods, currency))
