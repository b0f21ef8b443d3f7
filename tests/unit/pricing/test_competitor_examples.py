"""Calculations with known faults in other shops, and the results of this one."""

from datetime import UTC, datetime
from fractions import Fraction

from shop.kernel.money import Money
from shop.pricing.actions.quotes import quote
from shop.pricing.model.basket import Basket, BasketLine
from shop.pricing.model.effects import BuyGet, Effect, OrderAmount
from shop.pricing.model.promotions import Promotion
from shop.pricing.model.quote import Quote
from shop.pricing.model.rule_set import RuleSet

AT = datetime(2026, 11, 22, 12, tzinfo=UTC)


def quote_of(effect: Effect, *lines: tuple[int, int]) -> Quote:
    basket = Basket(
        tuple(
            BasketLine(f"l{n}", f"p{n}", f"p{n}.1", f"S{n}", "Thing", Money(price, "USD"), quantity)
            for n, (price, quantity) in enumerate(lines)
        ),
        "USD",
        market="WORLD",
    )
    promotion = Promotion("p", "P", effect, published=True)
    return quote(basket, rules=RuleSet("1", promotions=(promotion,)), at=AT)


def test_order_discount_remainder_does_not_go_to_the_last_line() -> None:
    # Saleor rounds the share of each line and gives the rest to the last line: here 2 off a line
    # that costs 1.
    prices, discount = [100, 100, 100, 100, 1], 2
    saleor_shares = [round(Fraction(discount * price, sum(prices))) for price in prices[:-1]]
    assert discount - sum(saleor_shares) > prices[-1]

    q = quote_of(OrderAmount((Money(discount, "USD"),)), *((price, 1) for price in prices))
    assert sum(line.discount.minor for line in q.lines) == discount
    assert all(line.discount <= line.subtotal for line in q.lines)
    assert all(line.total.minor >= 0 for line in q.lines)


def test_shares_are_whole_minor_units_that_refund_exactly() -> None:
    # Medusa stores shares of 20 digits: three thirds of 20.00, refunded one by one, are 19.98 or
    # 20.01.
    medusa_share = Fraction(2000, 3)
    assert 3 * int(medusa_share) != 2000
    assert 3 * round(medusa_share) != 2000

    q = quote_of(OrderAmount((Money(1000, "USD"),)), (1000, 3))
    (line,) = q.lines
    assert sum(line.refund([unit]).minor for unit in range(3)) == q.total.minor == 2000


def test_unit_bought_is_not_also_a_unit_got() -> None:
    # Medusa counted a unit as bought and as got: two units were enough for "buy two, get one".
    q = quote_of(BuyGet(2, 1), (3000, 2))
    assert q.total.minor == 6000
    q = quote_of(BuyGet(2, 1), (3000, 3))
    assert q.total.minor == 6000
    q = quote_of(BuyGet(2, 1), (3000, 5))
    assert q.total.minor == 12_000


def test_discount_never_exceeds_the_cost_it_reduces() -> None:
    q = quote_of(OrderAmount((Money(10_000, "USD"),)), (3000, 1), (1, 1))
    assert (q.total.minor, q.discount.minor) == (0, 3001)
