"""Group buys: a group fills in time, or it releases all its members."""

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


def open_group(size: int = 3, *members: str) -> MemoryGroupBuys:
    groups = MemoryGroupBuys()
    promotion = Promotion(
        "tuan",
        "Together",
        GroupPrice((Money(500, "CNY"),), size, 1),
        code_required=True,
        published=True,
    )
    change = create_group_buy(promotion, group_id="g", code="GRP-1", at=NOW, group_buys=groups)
    for write in change.writes:
        write(None)
    for name in members or ("ann",):
        join_group_buy("g", seat(name), group_buys=groups)
    return groups


def close(groups: MemoryGroupBuys, at: datetime) -> GroupBuy:
    return close_group_buy(groups.get("g"), group_buys=groups, at=at)


def test_last_seat_makes_the_group_succeed_for_all_members() -> None:
    groups = open_group()
    assert join_group_buy("g", seat("bob"), group_buys=groups).consequences() == ()
    group = join_group_buy("g", seat("cho"), group_buys=groups)
    assert group.status is GroupStatus.SUCCEEDED
    assert [(s.customer_id, consequence) for s, consequence in group.consequences()] == [
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


def test_group_past_its_deadline_releases_all_members() -> None:
    groups = open_group()
    join_group_buy("g", seat("bob"), group_buys=groups)
    just_before = NOW + HOUR + PAYMENT_GRACE - timedelta(seconds=1)
    assert close(groups, just_before).status is GroupStatus.FORMING
    group = close(groups, NOW + HOUR + PAYMENT_GRACE)
    assert {consequence for _, consequence in group.consequences()} == {GroupBuyConsequence.RELEASE}
    assert len(group.consequences()) == 2
    assert close(groups, NOW + 2 * HOUR) is group


def test_payment_before_the_deadline_gets_a_seat_within_the_grace_period() -> None:
    groups = open_group(2)
    close(groups, NOW + HOUR + PAYMENT_GRACE / 2)
    group = join_group_buy("g", seat("bob", NOW + HOUR - timedelta(seconds=1)), group_buys=groups)
    assert group.status is GroupStatus.SUCCEEDED


def test_group_is_due_until_its_orders_are_settled() -> None:
    groups = open_group(2, "ann", "bob")
    (group,) = groups.list_due(NOW + HOUR, 10)
    groups.mark_settled(group)
    groups.mark_settled(group)
    assert list(groups.list_due(NOW + HOUR, 10)) == []


def test_seat_after_the_deadline_is_rejected_before_the_group_is_closed() -> None:
    groups = open_group()
    with pytest.raises(Conflict) as error:
        join_group_buy("g", seat("bob", NOW + HOUR), group_buys=groups)
    assert error.value.code == "group_expired"


def test_customer_has_one_seat_in_a_group() -> None:
    groups = open_group()
    assert join_group_buy("g", seat("ann"), group_buys=groups).version == 2
    with pytest.raises(Conflict) as error:
        join_group_buy("g", Seat("ann", "another-order", NOW), group_buys=groups)
    assert error.value.code == "already_member"


def test_member_leaves_only_while_the_group_is_forming() -> None:
    groups = open_group(size=2)
    leave_group_buy("g", "order-ann", group_buys=groups, at=NOW)
    assert groups.get("g").seats == ()
    assert leave_group_buy("g", "order-ann", group_buys=groups, at=NOW) == groups.get("g")
    join_group_buy("g", seat("bob"), group_buys=groups)
    succeeded = join_group_buy("g", seat("cho"), group_buys=groups)
    assert leave_group_buy("g", "order-bob", group_buys=groups, at=NOW) == succeeded


def test_group_requires_a_running_group_price() -> None:
    groups = MemoryGroupBuys()
    effect = GroupPrice((Money(500, "CNY"),))
    draft = Promotion("p", "P", effect, code_required=True)
    ended = replace(draft, published=True, ended_at=NOW)
    other = Promotion("p", "P", OrderPercent(100_000), published=True)
    for promotion, code in (
        (draft, "not_running"),
        (ended, "not_running"),
        (other, "no_group_buy"),
    ):
        with pytest.raises(Conflict) as error:
            create_group_buy(promotion, group_id="g", code="GRP-1", at=NOW, group_buys=groups)
        assert error.value.code == code


def test_group_deadline_is_at_most_the_end_of_its_promotion() -> None:
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
    ("effect", "fields", "code"),
    [
        (GroupPrice((Money(500, "CNY"),), size=1), {}, "out_of_range"),
        (GroupPrice((Money(500, "CNY"),), size=101), {}, "out_of_range"),
        (GroupPrice((Money(500, "CNY"),), hours=0), {}, "out_of_range"),
        (GroupPrice((Money(500, "CNY"),), hours=73), {}, "out_of_range"),
        (GroupPrice((Money(500, "CNY"),)), {"code_required": False}, "code_required"),
        (GroupPrice(()), {}, "missing"),
    ],
)
def test_invalid_group_price_is_rejected(effect: GroupPrice, fields: Any, code: str) -> None:
    promotion = Promotion("p", "P", effect, **{"code_required": True, **fields})
    assert [problem.code for problem in validate_promotion(promotion)] == [code]


class GroupBuysWithFasterMember(MemoryGroupBuys):
    """Another member takes a seat between each read and write."""

    def save(self, before: GroupBuy, after: GroupBuy, events: Sequence[Event]) -> GroupBuy:
        if len(before.seats) < 2:
            self.rows["g"] = before.join(seat("fast"))
            raise VersionConflict("It has changed since you read it.")
        return super().save(before, after, events)


def test_of_two_members_for_the_last_seat_the_second_is_rejected() -> None:
    groups = GroupBuysWithFasterMember(rows=open_group(size=2).rows)
    with pytest.raises(Conflict) as error:
        join_group_buy("g", seat("bob"), group_buys=groups)
    assert error.value.code == "group_full"
    assert [s.customer_id for s in groups.get("g").seats] == ["ann", "fast"]


def test_decided_group_stays_decided() -> None:
    assert MAY_BECOME[GroupStatus.SUCCEEDED] == MAY_BECOME[GroupStatus.FAILED] == frozenset()
    groups = open_group(size=2)
    succeeded = join_group_buy("g", seat("bob"), group_buys=groups)
    assert succeeded.close(NOW + 2 * HOUR) is succeeded
