"""The groups of a customer, read together with the usage counters of a basket."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from shop.customers.actions import set_customer_groups
from shop.customers.store import DynamoCustomerSegmentRepository
from shop.inventory.store import counter_level_cache
from shop.kernel.money import Money
from shop.pricing.model.basket import Basket, BasketLine, CustomerFacts
from shop.pricing.model.effects import OrderPercent
from shop.pricing.model.promotions import Promotion
from shop.pricing.model.rule_set import RuleSet
from shop.pricing.model.targeting import Conditions
from shop.pricing.store.usage_counters import DynamoUsageLimitReader
from tests.kit.aws_call_counter import count_calls
from tests.kit.shop import create_tables, mock_aws

pytestmark = pytest.mark.slow

ANN = "a2b9c1de-0000-4000-8000-00000000a001"
LINE = BasketLine("li_1", "mug", "mug.1", "MUG", "Mug", Money(1000, "USD"), 1)
BASKET = Basket((LINE,), "USD", customer=CustomerFacts(ANN))
GOLD_ONLY = RuleSet(
    "1",
    promotions=(
        Promotion("gold", "Gold", OrderPercent(100_000), conditions=Conditions(groups=("gold",))),
    ),
)


@pytest.fixture(autouse=True)
def _ann_is_in_gold() -> Iterator[None]:
    with mock_aws():
        create_tables()
        set_customer_groups(
            ANN,
            ["gold"],
            ["frequent"],
            customers=DynamoCustomerSegmentRepository(),
            at=datetime(2026, 11, 22, tzinfo=UTC),
            actor="staff-1",
        )
        yield


def reader() -> DynamoUsageLimitReader:
    return DynamoUsageLimitReader(counter_level_cache(), DynamoCustomerSegmentRepository())


@pytest.mark.parametrize(
    ("basket", "call"),
    [
        (BASKET, "dynamodb.BatchGetItem customers"),
        (replace(BASKET, codes=("SAVE",)), "dynamodb.BatchGetItem customers+pricing"),
    ],
    ids=["groups only", "with a code"],
)
def test_one_call_reads_groups_and_codes(basket: Basket, call: str) -> None:
    with count_calls() as calls:
        limits = reader().limits_for(basket, GOLD_ONLY, ANN)

    assert calls.names == [call]
    assert (limits.groups, limits.segments) == (("gold",), ("frequent",))


def test_groups_are_not_read_where_no_rule_requires_one() -> None:
    with count_calls() as calls:
        limits = reader().limits_for(BASKET, RuleSet("1"), ANN)

    assert calls.names == []
    assert limits.groups == ()
