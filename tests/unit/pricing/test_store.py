"""Promotions, the rule book, coupons and counts in their table."""

import secrets
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from moto import mock_aws

from shop.credits.store.repository import DynamoCreditAccountRepository
from shop.customers.store import DynamoCustomerSegmentRepository
from shop.inventory.store import counter_level_cache, counter_shards
from shop.kernel.codes import normalize_code
from shop.kernel.errors import (
    Conflict,
    IdempotencyKeyReused,
    InvalidRequest,
    NotFound,
    VersionConflict,
)
from shop.kernel.money import Money, Rounding
from shop.kernel.unit_of_work import ConditionFailed
from shop.kernel.usage import UsageReservation
from shop.pricing.actions.coupons import create_codes, create_coupon
from shop.pricing.actions.policy import update_policy
from shop.pricing.actions.price_lists import create_price_list
from shop.pricing.actions.promotions import (
    create_promotion,
    end_promotion,
    publish_promotion,
    update_promotion,
)
from shop.pricing.model.basket import Basket, BasketLine
from shop.pricing.model.coupons import Coupon
from shop.pricing.model.effects import FlashSale, LimitedPrice, OrderPercent
from shop.pricing.model.policy import PricingPolicy
from shop.pricing.model.price_lists import PriceEntry, PriceList
from shop.pricing.model.promotions import Promotion, Stacking, StackingGroup, StackingMode
from shop.pricing.model.quote import LimitUsage
from shop.pricing.model.rounding import RoundingPolicy
from shop.pricing.model.targeting import Selection
from shop.pricing.model.usage import usage_of_quote
from shop.pricing.store import promotions as calendar_store
from shop.pricing.store import rule_set_cache as book_store
from shop.pricing.store.coupons import DynamoCouponRepository
from shop.pricing.store.policies import DynamoPricingPolicyRepository
from shop.pricing.store.price_lists import DynamoPriceListRepository
from shop.pricing.store.promotions import DynamoPromotionRepository
from shop.pricing.store.rule_set_cache import RuleSetCache
from shop.pricing.store.usage_counters import DynamoUsageCounters, DynamoUsageLimitReader
from shop.storage.transactions import DynamoUnitOfWork
from shop.tax.store.cache import TaxTableCache
from tests.doubles.pricing import MemoryReferenceChecker
from tests.kit.aws_call_counter import count_calls
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


all_lists, known = DynamoPriceListRepository.list_all, calendar_store._known


def publish(promotion: Promotion) -> Promotion:
    calendar = DynamoPromotionRepository()
    create_promotion(promotion, promotions=calendar, assortment=MemoryReferenceChecker(), at=NOW)
    return publish_promotion(promotion.id, promotions=calendar, at=NOW)


def names(book: RuleSetCache, after: float) -> list[str]:
    return [p.id for p in book.rules(NOW + timedelta(seconds=after)).promotions]


def basket(*codes: str) -> Basket:
    line = BasketLine("li_1", "mug", "mug.1", "MUG", "Mug", Money(1000, "USD"), 1)
    return Basket((line,), "USD", codes=codes)


def coupon(**more: object) -> Coupon:
    calendar = DynamoPromotionRepository()
    opened = replace(SALE, id="with-code", code_required=True)
    publish(opened)
    made = replace(Coupon("ten", "with-code", code="SAVE-10"), **more)  # type: ignore[arg-type]
    return create_coupon(made, coupons=DynamoCouponRepository(), promotions=calendar, at=NOW)


def test_a_promotion_is_found_as_it_was_written() -> None:
    calendar = DynamoPromotionRepository()
    after = publish(SALE)
    assert calendar.get("sale") == after
    assert (after.version, after.published) == (2, True)
    with pytest.raises(NotFound):
        calendar.get("nothing")


def test_an_id_is_given_once() -> None:
    publish(SALE)
    with pytest.raises(Conflict, match="that id"):
        create_promotion(
            SALE,
            promotions=DynamoPromotionRepository(),
            assortment=MemoryReferenceChecker(),
            at=NOW,
        )


def test_of_two_who_change_a_promotion_one_is_told() -> None:
    calendar = DynamoPromotionRepository()
    before = create_promotion(
        SALE, promotions=calendar, assortment=MemoryReferenceChecker(), at=NOW
    )
    update_promotion(
        "sale",
        replace(SALE, title="Big sale"),
        promotions=calendar,
        assortment=MemoryReferenceChecker(),
        at=NOW,
    )
    with pytest.raises(VersionConflict):
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
    book, everything = DynamoPriceListRepository(), MemoryReferenceChecker()

    def make(id_: str, price: int) -> None:
        made = PriceList(id_, "USD", (PriceEntry("mug.1", price),))
        create_price_list(made, repository=book, assortment=everything, at=NOW)

    monkeypatch.setattr(
        DynamoPriceListRepository, "all", Meanwhile(lambda: all_lists(book), lambda: make("a", 900))
    )
    with pytest.raises(InvalidRequest) as refused:
        make("b", 800)
    assert refused.value.code == "price_overlaps"
    assert [found.id for found in all_lists(book)] == ["a"]


def test_of_two_prices_published_at_once_one_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    calendar = DynamoPromotionRepository()
    for id_, price in (("a", 900), ("b", 800)):
        one = Promotion(
            id_, id_, LimitedPrice((Money(price, "USD"),)), goods=Selection(variants=("mug.1",))
        )
        create_promotion(one, promotions=calendar, assortment=MemoryReferenceChecker(), at=NOW)
    monkeypatch.setattr(
        "shop.pricing.store.promotions._known",
        Meanwhile(known, lambda: publish_promotion("a", promotions=calendar, at=NOW)),
    )
    with pytest.raises(InvalidRequest) as refused:
        publish_promotion("b", promotions=calendar, at=NOW)
    assert refused.value.code == "price_overlaps"
    assert [found.id for found in calendar.list_published()] == ["a"]


def test_the_calendar_is_read_page_by_page() -> None:
    for number in range(5):
        publish(replace(SALE, id=f"p{number}"))
    first = DynamoPromotionRepository().list_all(cursor=None, limit=3)
    second = DynamoPromotionRepository().list_all(cursor=first.cursor, limit=3)
    assert [p.id for p in (*first.items, *second.items)] == ["p0", "p1", "p2", "p3", "p4"]
    assert second.cursor is None


def test_what_is_published_is_in_force_within_three_seconds_and_not_read_for_before() -> None:
    book = RuleSetCache(TaxTableCache())
    assert names(book, 0) == []
    publish(SALE)
    with count_calls() as calls:
        assert names(book, 2.9) == []
    assert calls.names == []
    with count_calls() as calls:
        assert names(book, 3.0) == ["sale"]
    assert calls.names == [
        "dynamodb.BatchGetItem pricing+tax",  # both versions
        "dynamodb.Query pricing",  # price lists
        "dynamodb.Query pricing",  # promotions and the policy
    ]
    versions, *rules = calls.made
    by_table = versions.parameters["RequestItems"]
    assert [len(by_table[name]["Keys"]) for name in ("pricing", "tax")] == [1, 1]
    assert not any(table.get("ConsistentRead") for table in by_table.values())
    assert all(call.parameters["ConsistentRead"] for call in rules)
    end_promotion("sale", promotions=DynamoPromotionRepository(), at=NOW)
    assert names(book, 5.9) == ["sale"]
    assert names(book, 6.0) == []


def test_an_unchanged_book_costs_one_small_read_in_three_seconds_and_stays_the_same_object() -> (
    None
):
    book = RuleSetCache(TaxTableCache())
    publish(SALE)
    first = book.rules(NOW)
    with count_calls() as calls:
        for tenth in range(300):
            assert book.rules(NOW + timedelta(seconds=tenth / 10)) is first
    assert calls.names == ["dynamodb.BatchGetItem pricing+tax"] * 9


def set_policy(*groups: StackingGroup, rounding: Rounding, at: datetime) -> PricingPolicy:
    policies = DynamoPricingPolicyRepository()
    return update_policy(
        groups,
        RoundingPolicy(rounding),
        expected_version=policies.get().version,
        actor="ann",
        policies=policies,
        at=at,
    )


def test_a_policy_is_in_force_with_the_next_book_and_the_one_before_is_known() -> None:
    book, later = RuleSetCache(TaxTableCache()), NOW + timedelta(seconds=1)
    assert names(book, 0) == []
    both = StackingGroup("g", StackingMode.ALL)
    set_policy(both, rounding=Rounding.HALF_UP, at=NOW)
    set_policy(both, rounding=Rounding.HALF_DOWN, at=later)
    assert book.rules(NOW + timedelta(seconds=2)).groups == ()
    rules = book.rules(NOW + timedelta(seconds=3))
    assert (rules.groups, rules.rounding.mode) == ((both,), Rounding.HALF_DOWN)
    modes = [
        rules.as_of_policy(at).rounding.mode.value
        for at in (NOW - timedelta(seconds=1), NOW, later)
    ]
    assert modes == ["half_even", "half_up", "half_down"]


def test_a_promotion_published_meanwhile_keeps_its_group(monkeypatch: pytest.MonkeyPatch) -> None:
    set_policy(StackingGroup("g", StackingMode.ALL), rounding=Rounding.HALF_EVEN, at=NOW)
    grouped = replace(SALE, stacking=Stacking("g"))
    monkeypatch.setattr(
        "shop.pricing.store.rule_set_cache.list_published",
        Meanwhile(book_store.list_published, lambda: publish(grouped)),
    )
    with pytest.raises(Conflict) as refused:
        set_policy(rounding=Rounding.HALF_EVEN, at=NOW)
    assert refused.value.code == "group_in_use"
    assert DynamoPricingPolicyRepository().get().version == 1


def test_of_two_who_change_the_policy_one_is_told() -> None:
    policies = DynamoPricingPolicyRepository()
    before = set_policy(rounding=Rounding.HALF_UP, at=NOW)
    set_policy(rounding=Rounding.HALF_DOWN, at=NOW)
    late = before.update((), before.rounding, at=NOW, actor="bob")
    with pytest.raises(VersionConflict):
        policies.save(late, [], lambda promotions: None)


def test_drafts_are_nobodys_business() -> None:
    create_promotion(
        SALE, promotions=DynamoPromotionRepository(), assortment=MemoryReferenceChecker(), at=NOW
    )
    assert names(RuleSetCache(TaxTableCache()), 0) == []


def test_a_batch_of_codes_is_unguessable_and_can_be_downloaded() -> None:
    coupon(code=None)
    issued = issue(1_500)
    pages, cursor = [], None
    while True:
        page = DynamoCouponRepository().list_codes("ten", cursor=cursor)
        pages.append(page.items)
        if (cursor := page.cursor) is None:
            break
    assert sorted(len(page) for page in pages) == [500, 1_000]
    assert sorted(code for page in pages for code in page) == sorted(issued)
    assert (
        DynamoCouponRepository()
        .get_codes([normalize_code(issued[7])], None)[normalize_code(issued[7])]
        .uses_remaining
        == 1
    )


def issue(count: int, key: str = "key", seconds: float = 0) -> tuple[str, ...]:
    at = NOW + timedelta(seconds=seconds)
    return create_codes(
        "ten", count, key=key, draw=secrets.token_bytes, coupons=DynamoCouponRepository(), at=at
    )


def downloaded() -> list[str]:
    return sorted(DynamoCouponRepository().list_codes("ten", cursor=None).items)


def test_a_batch_asked_for_again_is_the_same_and_what_was_used_stays_used() -> None:
    coupon(code=None)
    first = issue(60)
    book = RuleSetCache(TaxTableCache())
    taken = usage_of_quote(
        [LimitUsage("with-code", code=first[0])],
        book.rules(NOW),
        DynamoUsageLimitReader(counter_level_cache(), DynamoCustomerSegmentRepository()).limits_for(
            basket(first[0]), book.rules(NOW), None
        ),
        None,
    )
    DynamoUnitOfWork().commit(
        DynamoUsageCounters(counter_shards(), DynamoCreditAccountRepository()).consume(taken)
    )
    assert issue(60) == first
    assert downloaded() == sorted(first)
    facts = DynamoCouponRepository().get_codes([normalize_code(code) for code in first[:2]], None)
    assert [facts[normalize_code(code)].uses_remaining for code in first[:2]] == [0, 1]
    with pytest.raises(IdempotencyKeyReused):
        issue(61)
    assert not set(first) & set(issue(60, key="other"))


def test_a_batch_that_was_cut_off_is_finished_by_the_next_call(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    coupon(code=None)

    def cut_off(*args: object) -> None:
        raise TimeoutError

    with monkeypatch.context() as patch:
        patch.setattr(DynamoCouponRepository, "finish", cut_off)
        with pytest.raises(TimeoutError):
            issue(30)
    half = downloaded()
    rules = RuleSetCache(TaxTableCache()).rules(NOW)
    standing = DynamoUsageLimitReader(
        counter_level_cache(), DynamoCustomerSegmentRepository()
    ).limits_for(basket(half[0]), rules, None)
    used = usage_of_quote([LimitUsage("with-code", code=half[0])], rules, standing, None)
    DynamoUnitOfWork().commit(
        DynamoUsageCounters(counter_shards(), DynamoCreditAccountRepository()).consume(used)
    )
    with pytest.raises(Conflict) as refused:
        issue(30, seconds=29)
    assert refused.value.code == "batch_in_progress"
    assert sorted(issue(30, seconds=30)) == half == downloaded()
    facts = DynamoCouponRepository().get_codes([normalize_code(code) for code in half[:2]], None)
    assert [facts[normalize_code(code)].uses_remaining for code in half[:2]] == [0, 1]


def test_a_code_belongs_to_one_coupon() -> None:
    made = coupon()
    with pytest.raises(Conflict) as refused:
        DynamoCouponRepository().save(replace(made, id="other", code="save 1o"), [])
    assert refused.value.code == "code_taken"


def test_a_basket_without_codes_and_limits_reads_nothing() -> None:
    publish(SALE)
    rules = RuleSetCache(TaxTableCache()).rules(NOW)
    with count_calls() as calls:
        DynamoUsageLimitReader(counter_level_cache(), DynamoCustomerSegmentRepository()).limits_for(
            basket(), rules, "ann"
        )
    assert calls.names == []


def test_a_code_is_counted_up_to_its_quantity_and_given_back() -> None:
    coupon(quantity=2, per_customer=1)
    rules = RuleSetCache(TaxTableCache()).rules(NOW)

    def counts(who: str) -> tuple[UsageReservation, ...]:
        standing = DynamoUsageLimitReader(
            counter_level_cache(), DynamoCustomerSegmentRepository()
        ).limits_for(basket("save-10"), rules, who)
        return usage_of_quote([LimitUsage("with-code", code="save-10")], rules, standing, who)

    ledger, tallies = (
        DynamoUnitOfWork(),
        DynamoUsageCounters(counter_shards(), DynamoCreditAccountRepository()),
    )
    ann, bob, cho = counts("ann"), counts("bob"), counts("cho")
    ledger.commit(tallies.consume(ann))
    with pytest.raises(ConditionFailed) as clash:
        ledger.commit(tallies.consume(ann))
    assert [count.kind for count in tallies.exhausted(clash.value, ann)] == ["customer"]
    ledger.commit(tallies.consume(bob))
    with pytest.raises(ConditionFailed) as clash:
        ledger.commit(tallies.consume(cho))
    assert [count.kind for count in tallies.exhausted(clash.value, cho)] == ["code"]
    ledger.commit(tallies.release(ann))
    left = (
        DynamoUsageLimitReader(counter_level_cache(), DynamoCustomerSegmentRepository())
        .limits_for(basket("save-10"), rules, "ann")
        .codes["SAVE10"]
    )
    assert (left.uses_remaining, left.customer_uses_remaining) == (1, 1)
    ledger.commit(tallies.consume(cho))


def test_what_was_never_taken_cannot_be_given_back() -> None:
    coupon(quantity=2)
    rules = RuleSetCache(TaxTableCache()).rules(NOW)
    counts = usage_of_quote(
        [LimitUsage("with-code", code="SAVE10")],
        rules,
        DynamoUsageLimitReader(counter_level_cache(), DynamoCustomerSegmentRepository()).limits_for(
            basket("SAVE10"), rules, None
        ),
        None,
    )
    with pytest.raises(ConditionFailed):
        DynamoUnitOfWork().commit(
            DynamoUsageCounters(counter_shards(), DynamoCreditAccountRepository()).release(counts)
        )


def test_a_flash_sale_counts_units_in_all_and_for_each_customer() -> None:
    publish(FLASH)
    rules = RuleSetCache(TaxTableCache()).rules(NOW)
    standings, tallies, ledger = (
        DynamoUsageLimitReader(counter_level_cache(), DynamoCustomerSegmentRepository()),
        DynamoUsageCounters(counter_shards(), DynamoCreditAccountRepository()),
        DynamoUnitOfWork(),
    )

    def take(who: str, units: int) -> None:
        use = LimitUsage("flash", units=units)
        ledger.commit(
            tallies.consume(
                usage_of_quote([use], rules, standings.limits_for(basket(), rules, who), who)
            )
        )

    take("ann", 2)
    standing = standings.limits_for(basket(), rules, "ann")
    assert (standing.quota_remaining, standing.customer_used) == ({"flash": 1}, {"flash": 2})
    with pytest.raises(ConditionFailed):
        take("bob", 2)
    with pytest.raises(ConditionFailed):
        take("ann", 1)
    take("bob", 1)
    assert standings.limits_for(basket(), rules, "bob").quota_remaining == {"flash": 0}


def test_what_an_order_is_paid_with_is_taken_once_and_given_back_once() -> None:
    ledgers, ledger = DynamoCreditAccountRepository(), DynamoUnitOfWork()
    tallies = DynamoUsageCounters(
        counter_shards(), DynamoCreditAccountRepository(), clock=lambda: NOW
    )
    book = ledgers.get("card/USD/x")
    ledger.commit(ledgers.append_op(book, book.grant("g", 100, NOW)))
    counts = [UsageReservation("credit", "card/USD/x|order", 70, None, "")]
    more = [UsageReservation("credit", "card/USD/x|other", 31, None, "")]
    ledger.commit(tallies.consume(counts))
    with pytest.raises(ConditionFailed) as clash:
        ledger.commit(tallies.consume(more))
    assert tallies.exhausted(clash.value, more) == more
    ledger.commit(tallies.release(counts))
    assert ledgers.get("card/USD/x").available(NOW) == 100
    assert ledgers.get("card/USD/x").balances() == {"shop": -100, "card/USD/x": 100, "orders": 0}
