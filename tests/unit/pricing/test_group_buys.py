"""Buying together: a group fills in time, or everyone is made whole."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shop.kernel.errors import Conflict, VersionConflict
from shop.kernel.events import Event
from shop.kernel.money import Money
from shop.pricing.actions.group_buys import (
    PAYMENT_GRACE,
    close_group_buy,
    create_group_buy,
    join_group_buy,
    leave_group_buy,
)
from shop.pricing.model.effects import GroupPrice, OrderPercent
from shop.pricing.model.group_buy import (
    MAY_BECOME,
    GroupBuy,
    GroupBuyConsequence,
    GroupStatus,
    Seat,
)
from shop.pricing.model.promotions import Promotion
from shop.pricing.model.targeting import Conditions, Window
from shop.pricing.model.validation import validate_promotion
from tests.doubles.pricing import MemoryGroupBuys

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def seat(name: str, at: datetime = NOW) -> Seat:
    return Seat(name, f"order-{name}", at)


def opened(size: int = 3, *members: str) -> MemoryGroupBuys:
    groups = MemoryGroupBuys()
    promotion = Promotion(
        "tuan",
        "Together",
        GroupPrice((Money(500, "CNY"),), size, 1),
        code_required=True,
        published=True,
    )
    change = create_group_buy(promotion, group_id="g", code="GRP-1", at=NOW, group_buys=groups)
    for part in change.parts:
        part(None)
    for name in members or ("ann",):
        join_group_buy("g", seat(name), group_buys=groups)
    return groups


def close(groups: MemoryGroupBuys, at: datetime) -> GroupBuy:
    return close_group_buy(groups.get("g"), group_buys=groups, at=at)


def test_the_last_seat_makes_the_group_succeed_for_everyone() -> None:
    groups = opened()
    assert join_group_buy("g", seat("bob"), group_buys=groups).consequences() == ()
    group = join_group_buy("g", seat("cho"), group_buys=groups)
    assert group.status is GroupStatus.SUCCEEDED
    assert [(s.customer_id, then) for s, then in group.consequences()] == [
        ("ann", GroupBuyConsequence.PROCEED),
        ("bob", GroupBuyConsequence.PROCEED),
        ("cho", GroupBuyConsequence.PROCEED),
    ]
    assert [event.type for event in groups.events] == [
        "GroupBuyOpened",
        "GroupBuyJoined",
        "GroupBuyJoined",
        "GroupBuySucceeded",
    ]
    assert len({event.id for event in groups.events}) == 4
    with pytest.raises(Conflict, match="full"):
        join_group_buy("g", seat("dan"), group_buys=groups)


def test_a_group_whose_deadline_passes_releases_everyone() -> None:
    groups = opened()
    join_group_buy("g", seat("bob"), group_buys=groups)
    almost = NOW + HOUR + PAYMENT_GRACE - timedelta(seconds=1)
    assert close(groups, almost).status is GroupStatus.FORMING
    group = close(groups, NOW + HOUR + PAYMENT_GRACE)
    assert {then for _, then in group.consequences()} == {GroupBuyConsequence.RELEASE}
    assert len(group.consequences()) == 2
    assert close(groups, NOW + 2 * HOUR) is group


def test_who_paid_in_time_has_a_seat_though_it_is_heard_of_a_little_later() -> None:
    groups = opened(2)
    close(groups, NOW + HOUR + PAYMENT_GRACE / 2)
    group = join_group_buy("g", seat("bob", NOW + HOUR - timedelta(seconds=1)), group_buys=groups)
    assert group.status is GroupStatus.SUCCEEDED


def test_a_group_is_due_until_its_orders_are_settled() -> None:
    groups = opened(2, "ann", "bob")
    (group,) = groups.list_due(NOW + HOUR, 10)
    groups.mark_settled(group)
    groups.mark_settled(group)
    assert list(groups.list_due(NOW + HOUR, 10)) == []


def test_nobody_joins_after_the_deadline_even_before_the_group_is_closed() -> None:
    groups = opened()
    with pytest.raises(Conflict) as refusal:
        join_group_buy("g", seat("bob", NOW + HOUR), group_buys=groups)
    assert refusal.value.code == "group_expired"


def test_a_customer_sits_once() -> None:
    groups = opened()
    assert join_group_buy("g", seat("ann"), group_buys=groups).version == 2
    with pytest.raises(Conflict) as refusal:
        join_group_buy("g", Seat("ann", "another-order", NOW), group_buys=groups)
    assert refusal.value.code == "already_member"


def test_a_member_leaves_while_the_group_forms_and_not_after() -> None:
    groups = opened(size=2)
    leave_group_buy("g", "order-ann", group_buys=groups, at=NOW)
    assert groups.get("g").seats == ()
    assert leave_group_buy("g", "order-ann", group_buys=groups, at=NOW) == groups.get("g")
    join_group_buy("g", seat("bob"), group_buys=groups)
    done = join_group_buy("g", seat("cho"), group_buys=groups)
    assert leave_group_buy("g", "order-bob", group_buys=groups, at=NOW) == done


def test_a_group_is_opened_for_a_promotion_of_its_kind_that_is_running() -> None:
    groups = MemoryGroupBuys()
    one = GroupPrice((Money(500, "CNY"),))
    draft = Promotion("p", "P", one, code_required=True)
    over = replace(draft, published=True, ended_at=NOW)
    other = Promotion("p", "P", OrderPercent(1000), published=True)
    for promotion, code in ((draft, "not_running"), (over, "not_running"), (other, "no_group_buy")):
        with pytest.raises(Conflict) as refusal:
            create_group_buy(promotion, group_id="g", code="GRP-1", at=NOW, group_buys=groups)
        assert refusal.value.code == code


def test_a_group_does_not_outlast_its_promotion() -> None:
    ends = NOW + timedelta(minutes=20)
    promotion = Promotion(
        "p",
        "P",
        GroupPrice((Money(500, "CNY"),), hours=24),
        conditions=Conditions(window=Window(ends=ends)),
        code_required=True,
        published=True,
    )
    change = create_group_buy(
        promotion, group_id="g", code="GRP-1", at=NOW, group_buys=MemoryGroupBuys()
    )
    assert change.value.deadline == ends


@pytest.mark.parametrize(
    ("effect", "more", "code"),
    [
        (GroupPrice((Money(500, "CNY"),), size=1), {}, "size_invalid"),
        (GroupPrice((Money(500, "CNY"),), size=101), {}, "size_invalid"),
        (GroupPrice((Money(500, "CNY"),), hours=0), {}, "hours_invalid"),
        (GroupPrice((Money(500, "CNY"),), hours=73), {}, "hours_invalid"),
        (GroupPrice((Money(500, "CNY"),)), {"code_required": False}, "code_required"),
        (GroupPrice(()), {}, "amount_missing"),
    ],
)
def test_what_no_group_can_be_is_said(effect: GroupPrice, more: Any, code: str) -> None:
    promotion = Promotion("p", "P", effect, **{"code_required": True, **more})
    assert [problem.code for problem in validate_promotion(promotion)] == [code]


class OneQuicker(MemoryGroupBuys):
    """Somebody else always takes a seat between the reading and the writing."""

    def save(self, before: GroupBuy, after: GroupBuy, events: Sequence[Event]) -> GroupBuy:
        if len(before.seats) < 2:
            self.rows["g"] = before.join(seat("quick"))
            raise VersionConflict("somebody else changed it")
        return super().save(before, after, events)


def test_of_two_who_take_the_last_seat_one_is_told_that_it_is_gone() -> None:
    groups = OneQuicker(rows=opened(size=2).rows)
    with pytest.raises(Conflict) as refusal:
        join_group_buy("g", seat("bob"), group_buys=groups)
    assert refusal.value.code == "group_full"
    assert [s.customer_id for s in groups.get("g").seats] == ["ann", "quick"]


def test_what_is_decided_stays_decided() -> None:
    assert MAY_BECOME[GroupStatus.SUCCEEDED] == MAY_BECOME[GroupStatus.FAILED] == frozenset()
    groups = opened(size=2)
    done = join_group_buy("g", seat("bob"), group_buys=groups)
    assert done.close(NOW + 2 * HOUR) is done
