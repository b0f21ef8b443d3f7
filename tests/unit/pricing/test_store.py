"""Promotions, the rule book, coupons and counts in their table."""

import secrets
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from moto import mock_aws

from shop.inventory.store import count_bins, recent_counts
from shop.kernel.counts import Count
from shop.kernel.errors import Conflict, Invalid, KeyReused, NotFound, Stale
from shop.kernel.money import Money, Rounding
from shop.kernel.transactions import Clash
from shop.pricing.actions.coupons import issue_codes, make_coupon
from shop.pricing.actions.policy import change_policy
from shop.pricing.actions.price_lists import make_price_list
from shop.pricing.actions.promotions import (
    change_promotion,
    draft_promotion,
    end_promotion,
    publish_promotion,
)
from shop.pricing.model.basket import Basket, BasketLine
from shop.pricing.model.choice import Selection
from shop.pricing.model.counts import counts_of
from shop.pricing.model.coupons import Coupon, normal
from shop.pricing.model.effects import FlashSale, LimitedPrice, OrderPercent
from shop.pricing.model.policy import PricingPolicy
from shop.pricing.model.price_lists import PriceEntry, PriceList
from shop.pricing.model.promotions import Mode, Promotion, Stacking, StackingGroup
from shop.pricing.model.quote import Use
from shop.pricing.model.rounding import RoundingPolicy
from shop.pricing.store import book as book_store
from shop.pricing.store import calendar as calendar_store
from shop.pricing.store.book import DynamoRuleBook
from shop.pricing.store.calendar import DynamoPromotions
from shop.pricing.store.coupons import DynamoCoupons
from shop.pricing.store.ledgers import DynamoLedgers
from shop.pricing.store.policies import DynamoPricingPolicies
from shop.pricing.store.price_lists import DynamoPriceBook
from shop.pricing.store.tallies import DynamoStandings, DynamoTallies
from shop.storage.transactions import DynamoLedger
from tests.doubles.pricing import MemoryAssortment
from tests.kit.calls import counted
from tests.kit.shop import create_tables

pytestmark = pytest.mark.slow

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
SALE = Promotion("sale", "Sale", OrderPercent(1000))
FLASH = Promotion("flash", "Flash", FlashSale(basis_points=5000, quota=3, per_customer=2))


@pytest.fixture(autouse=True)
def _tables() -> Iterator[None]:
    with mock_aws():
        create_tables()
        yield


all_lists, known = DynamoPriceBook.all, calendar_store._known


def publish(promotion: Promotion) -> Promotion:
    calendar = DynamoPromotions()
    draft_promotion(promotion, promotions=calendar, assortment=MemoryAssortment(), at=NOW)
    return publish_promotion(promotion.id, promotions=calendar, at=NOW)


def names(book: DynamoRuleBook, after: float) -> list[str]:
    return [p.id for p in book.rules(NOW + timedelta(seconds=after)).promotions]


def basket(*codes: str) -> Basket:
    line = BasketLine("li_1", "mug", "mug.1", "MUG", "Mug", Money(1000, "USD"), 1)
    return Basket((line,), "USD", codes=codes)


def coupon(**more: object) -> Coupon:
    calendar = DynamoPromotions()
    opened = replace(SALE, id="with-code", code_required=True)
    publish(opened)
    made = replace(Coupon("ten", "with-code", code="SAVE-10"), **more)  # type: ignore[arg-type]
    return make_coupon(made, coupons=DynamoCoupons(), promotions=calendar, at=NOW)


def test_a_promotion_is_found_as_it_was_written() -> None:
    calendar = DynamoPromotions()
    after = publish(SALE)
    assert calendar.of("sale") == after
    assert (after.version, after.published) == (2, True)
    with pytest.raises(NotFound):
        calendar.of("nothing")


def test_an_id_is_given_once() -> None:
    publish(SALE)
    with pytest.raises(Conflict, match="that id"):
        draft_promotion(SALE, promotions=DynamoPromotions(), assortment=MemoryAssortment(), at=NOW)


def test_of_two_who_change_a_promotion_one_is_told() -> None:
    calendar = DynamoPromotions()
    before = draft_promotion(SALE, promotions=calendar, assortment=MemoryAssortment(), at=NOW)
    change_promotion(
        "sale",
        replace(SALE, title="Big sale"),
        promotions=calendar,
        assortment=MemoryAssortment(),
        at=NOW,
    )
    with pytest.raises(Stale):
        calendar.save(before, replace(before, version=2), [])


class Meanwhile:
    """Somebody else is quicker: right after the first look at what there is, ``act`` happens."""

    def __init__(self, look: Callable[[], Any], act: Callable[[], Any]) -> None:
        self.look, self.act, self.met = look, act, False

    def __call__(self, *_: Any) -> Any:
        seen = self.look()
        if not self.met:
            self.met = True
            self.act()
        return seen


def test_of_two_lists_made_at_once_that_do_not_agree_one_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    book, everything = DynamoPriceBook(), MemoryAssortment()

    def make(id_: str, price: int) -> None:
        made = PriceList(id_, "USD", (PriceEntry("mug.1", price),))
        make_price_list(made, book=book, assortment=everything, at=NOW)

    monkeypatch.setattr(
        DynamoPriceBook, "all", Meanwhile(lambda: all_lists(book), lambda: make("a", 900))
    )
    with pytest.raises(Invalid) as refused:
        make("b", 800)
    assert refused.value.code == "price_overlaps"
    assert [found.id for found in all_lists(book)] == ["a"]


def test_of_two_prices_published_at_once_one_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    calendar = DynamoPromotions()
    for id_, price in (("a", 900), ("b", 800)):
        one = Promotion(
            id_, id_, LimitedPrice((Money(price, "USD"),)), goods=Selection(variants=("mug.1",))
        )
        draft_promotion(one, promotions=calendar, assortment=MemoryAssortment(), at=NOW)
    monkeypatch.setattr(
        "shop.pricing.store.calendar._known",
        Meanwhile(known, lambda: publish_promotion("a", promotions=calendar, at=NOW)),
    )
    with pytest.raises(Invalid) as refused:
        publish_promotion("b", promotions=calendar, at=NOW)
    assert refused.value.code == "price_overlaps"
    assert [found.id for found in calendar.published()] == ["a"]


def test_the_calendar_is_read_page_by_page() -> None:
    for number in range(5):
        publish(replace(SALE, id=f"p{number}"))
    first = DynamoPromotions().listed(cursor=None, limit=3)
    second = DynamoPromotions().listed(cursor=first.cursor, limit=3)
    assert [p.id for p in (*first.items, *second.items)] == ["p0", "p1", "p2", "p3", "p4"]
    assert second.cursor is None


def test_what_is_published_is_in_force_within_three_seconds_and_not_read_for_before() -> None:
    book = DynamoRuleBook()
    assert names(book, 0) == []
    publish(SALE)
    with counted() as calls:
        assert names(book, 2.9) == []
    assert calls.names == []
    with counted() as calls:
        assert names(book, 3.0) == ["sale"]
    assert calls.names == [
        "dynamodb.GetItem pricing",  # the version
        "dynamodb.Query pricing",  # price lists
        "dynamodb.Query pricing",  # promotions and the policy
        "dynamodb.Query pricing",  # tax rates
    ]
    assert [call.parameters.get("ConsistentRead", False) for call in calls.made] == [
        False,
        True,
        True,
        True,
    ]
    end_promotion("sale", promotions=DynamoPromotions(), at=NOW)
    assert names(book, 5.9) == ["sale"]
    assert names(book, 6.0) == []


def test_an_unchanged_book_costs_one_small_read_in_three_seconds_and_stays_the_same_object() -> (
    None
):
    book = DynamoRuleBook()
    publish(SALE)
    first = book.rules(NOW)
    with counted() as calls:
        for tenth in range(300):
            assert book.rules(NOW + timedelta(seconds=tenth / 10)) is first
    assert calls.names == ["dynamodb.GetItem pricing"] * 9


def set_policy(*groups: StackingGroup, rounding: Rounding, at: datetime) -> PricingPolicy:
    policies = DynamoPricingPolicies()
    return change_policy(
        groups,
        RoundingPolicy(rounding),
        expected_version=policies.now().version,
        who="ann",
        policies=policies,
        at=at,
    )


def test_a_policy_is_in_force_with_the_next_book_and_the_one_before_is_known() -> None:
    book, later = DynamoRuleBook(), NOW + timedelta(seconds=1)
    assert names(book, 0) == []
    both = StackingGroup("g", Mode.ALL)
    set_policy(both, rounding=Rounding.HALF_UP, at=NOW)
    set_policy(both, rounding=Rounding.HALF_DOWN, at=later)
    assert book.rules(NOW + timedelta(seconds=2)).groups == ()
    rules = book.rules(NOW + timedelta(seconds=3))
    assert (rules.groups, rules.rounding.mode) == ((both,), Rounding.HALF_DOWN)
    modes = [
        rules.under_the_policy_of(at).rounding.mode.value
        for at in (NOW - timedelta(seconds=1), NOW, later)
    ]
    assert modes == ["half_even", "half_up", "half_down"]


def test_a_promotion_published_meanwhile_keeps_its_group(monkeypatch: pytest.MonkeyPatch) -> None:
    set_policy(StackingGroup("g", Mode.ALL), rounding=Rounding.HALF_EVEN, at=NOW)
    grouped = replace(SALE, stacking=Stacking("g"))
    monkeypatch.setattr(
        "shop.pricing.store.book.in_the_book",
        Meanwhile(book_store.in_the_book, lambda: publish(grouped)),
    )
    with pytest.raises(Conflict) as refused:
        set_policy(rounding=Rounding.HALF_EVEN, at=NOW)
    assert refused.value.code == "group_in_use"
    assert DynamoPricingPolicies().now().version == 1


def test_of_two_who_change_the_policy_one_is_told() -> None:
    policies = DynamoPricingPolicies()
    before = set_policy(rounding=Rounding.HALF_UP, at=NOW)
    set_policy(rounding=Rounding.HALF_DOWN, at=NOW)
    late = before.changed((), before.rounding, at=NOW, who="bob")
    with pytest.raises(Stale):
        policies.save(late, [], lambda promotions: None)


def test_drafts_are_nobodys_business() -> None:
    draft_promotion(SALE, promotions=DynamoPromotions(), assortment=MemoryAssortment(), at=NOW)
    assert names(DynamoRuleBook(), 0) == []


def test_a_batch_of_codes_is_unguessable_and_can_be_downloaded() -> None:
    coupon(code=None)
    issued = issue(1_500)
    pages, cursor = [], None
    while True:
        page = DynamoCoupons().codes("ten", cursor=cursor)
        pages.append(page.items)
        if (cursor := page.cursor) is None:
            break
    assert sorted(len(page) for page in pages) == [500, 1_000]
    assert sorted(code for page in pages for code in page) == sorted(issued)
    assert DynamoCoupons().look_up([normal(issued[7])], None)[normal(issued[7])].uses_left == 1


def issue(count: int, key: str = "key", seconds: float = 0) -> tuple[str, ...]:
    at = NOW + timedelta(seconds=seconds)
    return issue_codes(
        "ten", count, key=key, draw=secrets.token_bytes, coupons=DynamoCoupons(), at=at
    )


def downloaded() -> list[str]:
    return sorted(DynamoCoupons().codes("ten", cursor=None).items)


def test_a_batch_asked_for_again_is_the_same_and_what_was_used_stays_used() -> None:
    coupon(code=None)
    first = issue(60)
    book = DynamoRuleBook()
    taken = counts_of(
        [Use("with-code", code=first[0])],
        book.rules(NOW),
        DynamoStandings(recent_counts()).standing(basket(first[0]), book.rules(NOW), None),
        None,
    )
    DynamoLedger().commit(DynamoTallies(count_bins()).taking(taken))
    assert issue(60) == first
    assert downloaded() == sorted(first)
    facts = DynamoCoupons().look_up([normal(code) for code in first[:2]], None)
    assert [facts[normal(code)].uses_left for code in first[:2]] == [0, 1]
    with pytest.raises(KeyReused):
        issue(61)
    assert not set(first) & set(issue(60, key="other"))


def test_a_batch_that_was_cut_off_is_finished_by_the_next_call(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    coupon(code=None)

    def cut_off(*args: object) -> None:
        raise TimeoutError

    with monkeypatch.context() as patch:
        patch.setattr(DynamoCoupons, "finish", cut_off)
        with pytest.raises(TimeoutError):
            issue(30)
    half = downloaded()
    rules = DynamoRuleBook().rules(NOW)
    standing = DynamoStandings(recent_counts()).standing(basket(half[0]), rules, None)
    used = counts_of([Use("with-code", code=half[0])], rules, standing, None)
    DynamoLedger().commit(DynamoTallies(count_bins()).taking(used))
    with pytest.raises(Conflict) as refused:
        issue(30, seconds=29)
    assert refused.value.code == "batch_in_progress"
    assert sorted(issue(30, seconds=30)) == half == downloaded()
    facts = DynamoCoupons().look_up([normal(code) for code in half[:2]], None)
    assert [facts[normal(code)].uses_left for code in half[:2]] == [0, 1]


def test_a_code_belongs_to_one_coupon() -> None:
    made = coupon()
    with pytest.raises(Conflict) as refused:
        DynamoCoupons().save(replace(made, id="other", code="save 1o"), [])
    assert refused.value.code == "code_taken"


def test_a_basket_without_codes_and_limits_reads_nothing() -> None:
    publish(SALE)
    rules = DynamoRuleBook().rules(NOW)
    with counted() as calls:
        DynamoStandings(recent_counts()).standing(basket(), rules, "ann")
    assert calls.names == []


def test_a_code_is_counted_up_to_its_quantity_and_given_back() -> None:
    coupon(quantity=2, per_customer=1)
    rules = DynamoRuleBook().rules(NOW)

    def counts(who: str) -> tuple[Count, ...]:
        standing = DynamoStandings(recent_counts()).standing(basket("save-10"), rules, who)
        return counts_of([Use("with-code", code="save-10")], rules, standing, who)

    ledger, tallies = DynamoLedger(), DynamoTallies(count_bins())
    ann, bob, cho = counts("ann"), counts("bob"), counts("cho")
    ledger.commit(tallies.taking(ann))
    with pytest.raises(Clash) as clash:
        ledger.commit(tallies.taking(ann))
    assert [count.sort for count in tallies.spent(clash.value, ann)] == ["customer"]
    ledger.commit(tallies.taking(bob))
    with pytest.raises(Clash) as clash:
        ledger.commit(tallies.taking(cho))
    assert [count.sort for count in tallies.spent(clash.value, cho)] == ["code"]
    ledger.commit(tallies.giving(ann))
    left = (
        DynamoStandings(recent_counts()).standing(basket("save-10"), rules, "ann").codes["SAVE10"]
    )
    assert (left.uses_left, left.customer_uses_left) == (1, 1)
    ledger.commit(tallies.taking(cho))


def test_what_was_never_taken_cannot_be_given_back() -> None:
    coupon(quantity=2)
    rules = DynamoRuleBook().rules(NOW)
    counts = counts_of(
        [Use("with-code", code="SAVE10")],
        rules,
        DynamoStandings(recent_counts()).standing(basket("SAVE10"), rules, None),
        None,
    )
    with pytest.raises(Clash):
        DynamoLedger().commit(DynamoTallies(count_bins()).giving(counts))


def test_a_flash_sale_counts_units_in_all_and_for_each_customer() -> None:
    publish(FLASH)
    rules = DynamoRuleBook().rules(NOW)
    standings, tallies, ledger = (
        DynamoStandings(recent_counts()),
        DynamoTallies(count_bins()),
        DynamoLedger(),
    )

    def take(who: str, units: int) -> None:
        use = Use("flash", units=units)
        ledger.commit(
            tallies.taking(counts_of([use], rules, standings.standing(basket(), rules, who), who))
        )

    take("ann", 2)
    standing = standings.standing(basket(), rules, "ann")
    assert (standing.quota_left, standing.customer_had) == ({"flash": 1}, {"flash": 2})
    with pytest.raises(Clash):
        take("bob", 2)
    with pytest.raises(Clash):
        take("ann", 1)
    take("bob", 1)
    assert standings.standing(basket(), rules, "bob").quota_left == {"flash": 0}


def test_an_account_is_written_command_by_command_and_by_one_at_a_time() -> None:
    ledgers, ledger = DynamoLedgers(), DynamoLedger()
    empty = ledgers.of("points/ann")
    first = empty.grant("g", 100, NOW, expires=NOW + timedelta(days=1), reference="gift")
    ledger.commit(ledgers.posting(empty, first))
    assert ledgers.of("points/ann") == first
    one = first.spend("a", 60, NOW, reference="order-a")
    other = first.spend("b", 60, NOW, reference="order-b")
    ledger.commit(ledgers.posting(first, one))
    with pytest.raises(Clash):
        ledger.commit(ledgers.posting(first, other))
    assert ledgers.of("points/ann") == one
    assert ledgers.expiring(NOW, 10) == []
    assert ledgers.expiring(NOW + timedelta(days=2), 10) == ["points/ann"]
    ledgers.swept("points/ann", NOW + timedelta(days=1))
    assert ledgers.expiring(NOW + timedelta(days=2), 10) == ["points/ann"]
    ledgers.swept("points/ann", NOW + timedelta(days=2))
    assert ledgers.expiring(NOW + timedelta(days=2), 10) == []


def test_what_an_order_is_paid_with_is_taken_once_and_given_back_once() -> None:
    ledgers, ledger = DynamoLedgers(), DynamoLedger()
    tallies = DynamoTallies(count_bins(), clock=lambda: NOW)
    book = ledgers.of("card/USD/x")
    ledger.commit(ledgers.posting(book, book.grant("g", 100, NOW)))
    counts = [Count("credit", "card/USD/x|order", 70, None, "")]
    more = [Count("credit", "card/USD/x|other", 31, None, "")]
    ledger.commit(tallies.taking(counts))
    with pytest.raises(Clash) as clash:
        ledger.commit(tallies.taking(more))
    assert tallies.spent(clash.value, more) == more
    ledger.commit(tallies.giving(counts))
    assert ledgers.of("card/USD/x").available(NOW) == 100
    assert ledgers.of("card/USD/x").balances() == {"shop": -100, "card/USD/x": 100, "orders": 0}
