"""The DynamoDB repositories of pricing: rule set, coupons, usage counters, credit accounts."""

import secrets
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shop.credits.store.repository import DynamoCreditAccountRepository
from shop.inventory.store import counter_level_cache, counter_shards
from shop.kernel.codes import normalize_code
from shop.kernel.errors import (
    Conflict,
    IdempotencyKeyReused,
    InvalidRequest,
    NotFound,
    Problem,
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
from shop.pricing.model.rule_set import RuleSet
from shop.pricing.model.targeting import Selection
from shop.pricing.model.usage import usage_of_quote
from shop.pricing.model.usage_limits import UsageLimits
from shop.pricing.store import promotions as promotion_store
from shop.pricing.store import rule_set_rows
from shop.pricing.store.coupons import DynamoCouponRepository, code_statuses
from shop.pricing.store.policies import DynamoPricingPolicyRepository
from shop.pricing.store.price_lists import DynamoPriceListRepository
from shop.pricing.store.promotions import DynamoPromotionRepository
from shop.pricing.store.rows import CODE, COUNT, PricingRow
from shop.pricing.store.rule_set_cache import RuleSetCache
from shop.pricing.store.usage_counters import DynamoUsageCounters, DynamoUsageLimitReader
from shop.storage.transactions import DynamoUnitOfWork
from shop.tax.store.cache import TaxTableCache
from tests.doubles.pricing import MemoryReferenceChecker
from tests.kit.aws_call_counter import count_calls
from tests.kit.shop import create_tables, mock_aws

pytestmark = pytest.mark.slow

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
SALE = Promotion("sale", "Sale", OrderPercent(100_000))
Reservations = tuple[UsageReservation, ...]
FLASH = Promotion("flash", "Flash", FlashSale(off_ppm=500_000, quota=3, per_customer=2))


@pytest.fixture(autouse=True)
def _tables() -> Iterator[None]:
    with mock_aws():
        create_tables()
        yield


def create_and_publish(promotion: Promotion) -> Promotion:
    repository = DynamoPromotionRepository()
    create_promotion(promotion, promotions=repository, assortment=MemoryReferenceChecker(), at=NOW)
    return publish_promotion(promotion.id, promotions=repository, at=NOW)


def promotion_ids(cache: RuleSetCache, after: float) -> list[str]:
    return [p.id for p in cache.rules(NOW + timedelta(seconds=after)).promotions]


def basket(*codes: str) -> Basket:
    line = BasketLine("li_1", "mug", "mug.1", "MUG", "Mug", Money(1000, "USD"), 1)
    return Basket((line,), "USD", codes=codes)


def stored_coupon(**fields: object) -> Coupon:
    repository = DynamoPromotionRepository()
    create_and_publish(replace(SALE, id="with-code", code_required=True))
    coupon = replace(Coupon("ten", "with-code", code="SAVE-10"), **fields)  # type: ignore[arg-type]
    return create_coupon(coupon, coupons=DynamoCouponRepository(), promotions=repository, at=NOW)


def limits_of(priced: Basket, rules: RuleSet, customer_key: str | None) -> UsageLimits:
    reader = DynamoUsageLimitReader(counter_level_cache())
    return reader.limits_for(priced, rules, customer_key)


def usage_of_code(code: str, rules: RuleSet, customer_key: str | None) -> Reservations:
    """What an order reserves that uses this code."""
    limits = limits_of(basket(code), rules, customer_key)
    return usage_of_quote([LimitUsage("with-code", code=code)], rules, limits, customer_key)


def test_saved_promotion_reads_back_unchanged() -> None:
    repository = DynamoPromotionRepository()
    saved = create_and_publish(SALE)
    assert repository.get("sale") == saved
    assert (saved.version, saved.published) == (2, True)
    with pytest.raises(NotFound):
        repository.get("nothing")


def test_promotion_id_is_unique() -> None:
    create_and_publish(SALE)
    with pytest.raises(Conflict, match="already exists"):
        create_promotion(
            SALE,
            promotions=DynamoPromotionRepository(),
            assortment=MemoryReferenceChecker(),
            at=NOW,
        )


def test_outdated_promotion_update_conflicts() -> None:
    repository = DynamoPromotionRepository()
    before = create_promotion(
        SALE, promotions=repository, assortment=MemoryReferenceChecker(), at=NOW
    )
    update_promotion(
        "sale",
        replace(SALE, title="Big sale"),
        promotions=repository,
        assortment=MemoryReferenceChecker(),
        at=NOW,
    )
    with pytest.raises(VersionConflict):
        repository.save(before, replace(before, version=2), [])


class InterleavedWrite:
    """A read after which another writer commits once: ``write`` runs after the first ``read``."""

    def __init__(self, read: Callable[[], Any], write: Callable[[], Any]) -> None:
        self.read, self.write, self.interleaved = read, write, False

    def __call__(self, *_: Any) -> Any:
        result = self.read()
        if not self.interleaved:
            self.interleaved = True
            self.write()
        return result


def test_of_two_simultaneous_price_lists_that_overlap_the_second_is_rejected(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    repository, assortment = DynamoPriceListRepository(), MemoryReferenceChecker()
    list_all = repository.list_all

    def create(id_: str, price: int) -> None:
        price_list = PriceList(id_, "USD", (PriceEntry("mug.1", price),))
        create_price_list(price_list, repository=repository, assortment=assortment, at=NOW)

    monkeypatch.setattr(
        repository, "list_all", InterleavedWrite(list_all, lambda: create("a", 900))
    )
    with pytest.raises(InvalidRequest) as error:
        create("b", 800)
    assert error.value.code == "price_overlaps"
    assert [price_list.id for price_list in list_all()] == ["a"]


def test_of_two_simultaneous_publications_that_overlap_the_second_is_rejected(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    repository = DynamoPromotionRepository()
    for id_, price in (("a", 900), ("b", 800)):
        promotion = Promotion(
            id_, id_, LimitedPrice((Money(price, "USD"),)), goods=Selection(variants=("mug.1",))
        )
        create_promotion(
            promotion, promotions=repository, assortment=MemoryReferenceChecker(), at=NOW
        )
    monkeypatch.setattr(
        promotion_store,
        "read_published",
        InterleavedWrite(
            promotion_store.read_published,
            lambda: publish_promotion("a", promotions=repository, at=NOW),
        ),
    )
    with pytest.raises(InvalidRequest) as error:
        publish_promotion("b", promotions=repository, at=NOW)
    assert error.value.code == "price_overlaps"
    assert [promotion.id for promotion in repository.list_published()] == ["a"]


def test_promotions_are_listed_page_by_page() -> None:
    for number in range(5):
        create_and_publish(replace(SALE, id=f"p{number}"))
    first = DynamoPromotionRepository().list_all(cursor=None, limit=3)
    second = DynamoPromotionRepository().list_all(cursor=first.cursor, limit=3)
    assert [p.id for p in (*first.items, *second.items)] == ["p0", "p1", "p2", "p3", "p4"]
    assert second.cursor is None


def test_published_rules_are_in_force_after_three_seconds_without_earlier_reads() -> None:
    # Given: a warm cache of an empty rule set
    cache = RuleSetCache(TaxTableCache())
    assert promotion_ids(cache, 0) == []

    # When: a promotion is published
    create_and_publish(SALE)

    # Then: nothing is read before the cache expires, and everything is read once afterwards
    with count_calls() as calls:
        assert promotion_ids(cache, 2.9) == []
    assert calls.names == []
    with count_calls() as calls:
        assert promotion_ids(cache, 3.0) == ["sale"]
    assert calls.names == [
        "dynamodb.BatchGetItem pricing+tax",  # both versions
        "dynamodb.Query pricing",  # price lists
        "dynamodb.Query pricing",  # promotions and the policy
    ]

    # When: staff end it, it stays in force until the cache expires again
    end_promotion("sale", promotions=DynamoPromotionRepository(), at=NOW)
    assert promotion_ids(cache, 5.9) == ["sale"]
    assert promotion_ids(cache, 6.0) == []


def test_unchanged_rule_set_costs_one_batch_of_heads_every_three_seconds() -> None:
    cache = RuleSetCache(TaxTableCache())
    create_and_publish(SALE)
    first = cache.rules(NOW)
    with count_calls() as calls:
        for tenth in range(300):
            assert cache.rules(NOW + timedelta(seconds=tenth / 10)) is first
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


def test_new_policy_is_in_force_and_earlier_ones_stay_known() -> None:
    cache, later = RuleSetCache(TaxTableCache()), NOW + timedelta(seconds=1)
    assert promotion_ids(cache, 0) == []
    group = StackingGroup("g", StackingMode.ALL)
    set_policy(group, rounding=Rounding.HALF_UP, at=NOW)
    set_policy(group, rounding=Rounding.HALF_DOWN, at=later)
    assert cache.rules(NOW + timedelta(seconds=2)).groups == ()
    rules = cache.rules(NOW + timedelta(seconds=3))
    assert (rules.groups, rules.rounding.mode) == ((group,), Rounding.HALF_DOWN)
    modes = [
        rules.with_policy_at(at).rounding.mode.value
        for at in (NOW - timedelta(seconds=1), NOW, later)
    ]
    assert modes == ["half_even", "half_up", "half_down"]


def test_group_of_a_promotion_published_meanwhile_cannot_be_removed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    set_policy(StackingGroup("g", StackingMode.ALL), rounding=Rounding.HALF_EVEN, at=NOW)
    grouped = replace(SALE, stacking=Stacking("g"))
    monkeypatch.setattr(
        rule_set_rows,
        "list_published",
        InterleavedWrite(rule_set_rows.list_published, lambda: create_and_publish(grouped)),
    )
    with pytest.raises(Conflict) as error:
        set_policy(rounding=Rounding.HALF_EVEN, at=NOW)
    assert error.value.code == "group_in_use"
    assert DynamoPricingPolicyRepository().get().version == 1


def test_outdated_policy_update_conflicts() -> None:
    policies = DynamoPricingPolicyRepository()
    before = set_policy(rounding=Rounding.HALF_UP, at=NOW)
    set_policy(rounding=Rounding.HALF_DOWN, at=NOW)
    outdated = before.update((), before.rounding, at=NOW, actor="bob")
    with pytest.raises(VersionConflict):
        policies.save(outdated, [], lambda promotions: None)


def test_drafts_are_not_in_the_rule_set() -> None:
    create_promotion(
        SALE, promotions=DynamoPromotionRepository(), assortment=MemoryReferenceChecker(), at=NOW
    )
    assert promotion_ids(RuleSetCache(TaxTableCache()), 0) == []


def issue(count: int, key: str = "key", seconds: float = 0) -> tuple[str, ...]:
    return create_codes(
        "ten",
        count,
        key=key,
        random_bytes=secrets.token_bytes,
        coupons=DynamoCouponRepository(),
        at=NOW + timedelta(seconds=seconds),
    )


def downloaded() -> list[str]:
    return sorted(DynamoCouponRepository().list_codes("ten", cursor=None).items)


def uses_remaining(*codes: str) -> list[int | None]:
    forms = [normalize_code(code) for code in codes]
    statuses = code_statuses(dict.fromkeys(forms), None)
    return [statuses[form].uses_remaining for form in forms]


def consume(counts: Reservations) -> None:
    DynamoUnitOfWork().commit(
        DynamoUsageCounters(counter_shards(), DynamoCreditAccountRepository()).consume(counts)
    )


def test_batch_of_codes_is_listed_page_by_page() -> None:
    stored_coupon(code=None)
    issued = issue(1_500)
    pages, cursor = [], None
    while True:
        page = DynamoCouponRepository().list_codes("ten", cursor=cursor)
        pages.append(page.items)
        if (cursor := page.cursor) is None:
            break
    assert sorted(len(page) for page in pages) == [500, 1_000]
    assert sorted(code for page in pages for code in page) == sorted(issued)
    assert uses_remaining(issued[7]) == [1]


def test_repeated_batch_returns_the_same_codes_and_keeps_used_ones_used() -> None:
    # Given: a batch of which one code has been used
    stored_coupon(code=None)
    first = issue(60)
    consume(usage_of_code(first[0], RuleSetCache(TaxTableCache()).rules(NOW), None))

    # When: the same call is repeated, Then: the codes are the same and the use stays
    assert issue(60) == first
    assert downloaded() == sorted(first)
    assert uses_remaining(*first[:2]) == [0, 1]

    # Then: the key is bound to its request, and another key issues other codes
    with pytest.raises(IdempotencyKeyReused):
        issue(61)
    assert not set(first) & set(issue(60, key="other"))


def test_interrupted_batch_is_completed_by_the_next_call(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Given: a call that stops before it completes its batch, and one code used since
    stored_coupon(code=None)

    def interrupt(*args: object) -> None:
        raise TimeoutError

    with monkeypatch.context() as patch:
        patch.setattr(DynamoCouponRepository, "complete_batch", interrupt)
        with pytest.raises(TimeoutError):
            issue(30)
    written = downloaded()
    consume(usage_of_code(written[0], RuleSetCache(TaxTableCache()).rules(NOW), None))

    # When: the lease is still held, Then: the next call is rejected
    with pytest.raises(Conflict) as error:
        issue(30, seconds=29)
    assert error.value.code == "batch_in_progress"

    # When: the lease has expired, Then: the next call completes the same batch
    assert sorted(issue(30, seconds=30)) == written == downloaded()
    assert uses_remaining(*written[:2]) == [0, 1]


def test_code_belongs_to_one_coupon() -> None:
    coupon = stored_coupon()
    with pytest.raises(Conflict) as error:
        DynamoCouponRepository().save(replace(coupon, id="other", code="save 1o"), [])
    assert error.value.code == "code_taken"
    assert error.value.detail == (
        f"Coupon {coupon.id!r} of promotion {coupon.promotion_id!r} has this code. Choose another"
        " code: a code stays with its coupon, also after the promotion has ended."
    )


def test_basket_without_codes_and_limits_reads_nothing() -> None:
    create_and_publish(SALE)
    rules = RuleSetCache(TaxTableCache()).rules(NOW)
    with count_calls() as calls:
        limits_of(basket(), rules, "ann")
    assert calls.names == []


def test_code_is_counted_up_to_its_quantity_and_released() -> None:
    # Given: a code with two uses, one for each customer
    stored_coupon(quantity=2, per_customer=1)
    rules = RuleSetCache(TaxTableCache()).rules(NOW)
    uow, counters = (
        DynamoUnitOfWork(),
        DynamoUsageCounters(counter_shards(), DynamoCreditAccountRepository()),
    )
    ann, bob, cho = (usage_of_code("save-10", rules, name) for name in ("ann", "bob", "cho"))

    # When: one customer uses it twice, Then: the customer's limit is exhausted
    uow.commit(counters.consume(ann))
    with pytest.raises(ConditionFailed) as error:
        uow.commit(counters.consume(ann))
    assert [count.kind for count in counters.exhausted(error.value, ann)] == ["customer"]

    # When: a third customer uses it, Then: the code itself is exhausted
    uow.commit(counters.consume(bob))
    with pytest.raises(ConditionFailed) as error:
        uow.commit(counters.consume(cho))
    assert [count.kind for count in counters.exhausted(error.value, cho)] == ["code"]

    # When: the first use is released, Then: it is available again
    uow.commit(counters.release(ann))
    status = limits_of(basket("save-10"), rules, "ann").codes["SAVE10"]
    assert (status.uses_remaining, status.customer_uses_remaining) == (1, 1)
    uow.commit(counters.consume(cho))


def test_remaining_uses_are_never_negative() -> None:
    # Given: more uses than the limits allow, as after a limit was lowered
    stored_coupon(quantity=5, per_customer=1)
    PricingRow("CODE#SAVE10", CODE).update([PricingRow.remaining.set(-2)])
    PricingRow("CUSTOMER_USES#ten#ann", COUNT, used=3).save()

    status = code_statuses({"SAVE10": None}, "ann")["SAVE10"]
    assert (status.uses_remaining, status.customer_uses_remaining) == (0, 0)


def test_unused_code_cannot_be_released() -> None:
    stored_coupon(quantity=2)
    counts = usage_of_code("SAVE10", RuleSetCache(TaxTableCache()).rules(NOW), None)
    with pytest.raises(ConditionFailed):
        DynamoUnitOfWork().commit(
            DynamoUsageCounters(counter_shards(), DynamoCreditAccountRepository()).release(counts)
        )


def test_flash_sale_counts_units_in_all_and_per_customer() -> None:
    create_and_publish(FLASH)
    rules = RuleSetCache(TaxTableCache()).rules(NOW)

    def buy(customer_key: str, units: int) -> None:
        use = LimitUsage("flash", units=units)
        limits = limits_of(basket(), rules, customer_key)
        consume(usage_of_quote([use], rules, limits, customer_key))

    buy("ann", 2)
    limits = limits_of(basket(), rules, "ann")
    assert (limits.quota_remaining, limits.customer_used) == ({"flash": 1}, {"flash": 2})
    with pytest.raises(ConditionFailed):
        buy("bob", 2)
    with pytest.raises(ConditionFailed):
        buy("ann", 1)
    buy("bob", 1)
    assert limits_of(basket(), rules, "bob").quota_remaining == {"flash": 0}


def test_credits_of_an_order_are_consumed_once_and_released_once() -> None:
    accounts, unit_of_work = DynamoCreditAccountRepository(), DynamoUnitOfWork()
    counters = DynamoUsageCounters(
        counter_shards(), DynamoCreditAccountRepository(), clock=lambda: NOW
    )
    empty = accounts.get("card/USD/x")
    unit_of_work.commit(accounts.append_op(empty, empty.grant("g", 100, NOW)))
    counts = [UsageReservation("credit", "card/USD/x|order", 70, None, "")]
    more = [UsageReservation("credit", "card/USD/x|other", 31, None, "")]
    unit_of_work.commit(counters.consume(counts))
    with pytest.raises(ConditionFailed) as error:
        unit_of_work.commit(counters.consume(more))
    assert counters.exhausted(error.value, more) == more
    unit_of_work.commit(counters.release(counts))
    assert accounts.get("card/USD/x").available(NOW) == 100
    assert accounts.get("card/USD/x").balances() == {"shop": -100, "card/USD/x": 100, "orders": 0}


def test_promotion_stored_in_basis_points_is_read_in_parts_per_million() -> None:
    stored = {**SALE.to_dict(), "effect": {"kind": "order_percent", "basis_points": 1000}}
    tiers = {
        "kind": "spend_save",
        "tiers": [{"spend": {"amount": 5000, "currency": "USD"}, "basis_points": 250}],
    }
    bonus = {"kind": "buy_get", "buy_quantity": 2, "get_quantity": 1, "basis_points": 5000}
    expected = ({"off_ppm": 100_000}, {"off_ppm": 25_000}, {"off_ppm": 500_000})
    for effect, values in zip((stored["effect"], tiers, bonus), expected, strict=True):
        problems: list[Problem] = []
        promotion = rule_set_rows.promotion_from({**stored, "effect": effect}, problems)
        assert promotion is not None, problems
        read = promotion.to_dict()["effect"]
        assert {name: (read.get("tiers") or [read])[0][name] for name in values} == values
