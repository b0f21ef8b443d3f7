"""Sums that other shops get wrong: how they reckon, and what this shop does instead."""

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


def priced(effect: Effect, *lines: tuple[int, int]) -> Quote:
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


def test_the_last_line_does_not_take_what_is_left_over() -> None:
    # Saleor rounds each line's share and gives the last line the rest: here 2 off a line of 1.
    prices, off = [100, 100, 100, 100, 1], 2
    theirs = [round(Fraction(off * price, sum(prices))) for price in prices[:-1]]
    assert off - sum(theirs) > prices[-1]

    q = priced(OrderAmount((Money(off, "USD"),)), *((price, 1) for price in prices))
    assert sum(line.discount.minor for line in q.lines) == off
    assert all(line.discount <= line.subtotal for line in q.lines)
    assert all(line.total.minor >= 0 for line in q.lines)


def test_shares_are_whole_minor_units_that_can_be_paid_back() -> None:
    # Medusa keeps shares of 20 digits: three thirds of 20.00, paid back one by one, are 19.98 or
    # 20.01.
    each = Fraction(2000, 3)
    assert 3 * int(each) != 2000
    assert 3 * round(each) != 2000

    q = priced(OrderAmount((Money(1000, "USD"),)), (1000, 3))
    (line,) = q.lines
    assert sum(line.refund([unit]).minor for unit in range(3)) == q.total.minor == 2000


def test_units_that_were_bought_are_not_got() -> None:
    # Medusa let one unit count as both: two units of "buy two, get one" paid for themselves.
    q = priced(BuyGet(2, 1), (3000, 2))
    assert q.total.minor == 6000
    q = priced(BuyGet(2, 1), (3000, 3))
    assert q.total.minor == 6000
    q = priced(BuyGet(2, 1), (3000, 5))
    assert q.total.minor == 12_000


def test_a_discount_never_exceeds_what_it_reduces() -> None:
    q = priced(OrderAmount((Money(10_000, "USD"),)), (3000, 1), (1, 1))
    assert (q.total.minor, q.discount.minor) == (0, 3001)
