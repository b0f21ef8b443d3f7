"""Buying together: a group fills in time, or everyone is made whole."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from shop.kernel.errors import Conflict, Invalid, Stale
from shop.kernel.events import Event
from shop.pricing.actions.group_buys import (
    close_due_groups,
    join_group,
    leave_group,
    open_group,
)
from shop.pricing.model.group_buy import MAY_BECOME, GroupBuy, GroupStatus, Seat, Then
from tests.doubles.pricing import MemoryGroupBuys

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def seat(name: str, at: datetime = NOW) -> Seat:
    return Seat(name, f"order-{name}", at)


def opened(size: int = 3) -> MemoryGroupBuys:
    groups = MemoryGroupBuys()
    open_group("g", "tuan", size=size, lasts=HOUR, seat=seat("ann"), group_buys=groups)
    return groups


def test_the_last_seat_makes_the_group_succeed_for_everyone() -> None:
    groups = opened()
    assert join_group("g", seat("bob"), group_buys=groups).consequences() == ()
    group = join_group("g", seat("cho"), group_buys=groups)
    assert group.status is GroupStatus.SUCCEEDED
    assert [(s.customer_id, then) for s, then in group.consequences()] == [
        ("ann", Then.PROCEED),
        ("bob", Then.PROCEED),
        ("cho", Then.PROCEED),
    ]
    assert [event.type for event in groups.events] == [
        "GroupBuyOpened",
        "GroupBuyJoined",
        "GroupBuySucceeded",
    ]
    assert len({event.id for event in groups.events}) == 3
    with pytest.raises(Conflict, match="full"):
        join_group("g", seat("dan"), group_buys=groups)


def test_a_group_whose_deadline_passes_releases_everyone() -> None:
    groups = opened()
    join_group("g", seat("bob"), group_buys=groups)
    assert close_due_groups(group_buys=groups, at=NOW + HOUR - timedelta(seconds=1)) == []
    (group,) = close_due_groups(group_buys=groups, at=NOW + HOUR)
    assert {then for _, then in group.consequences()} == {Then.RELEASE}
    assert len(group.consequences()) == 2
    assert close_due_groups(group_buys=groups, at=NOW + HOUR) == []


def test_nobody_joins_after_the_deadline_even_before_the_group_is_closed() -> None:
    groups = opened()
    with pytest.raises(Conflict) as refusal:
        join_group("g", seat("bob", NOW + HOUR), group_buys=groups)
    assert refusal.value.code == "group_over"


def test_a_customer_sits_once() -> None:
    groups = opened()
    assert join_group("g", seat("ann"), group_buys=groups).version == 1
    with pytest.raises(Conflict) as refusal:
        join_group("g", Seat("ann", "another-order", NOW), group_buys=groups)
    assert refusal.value.code == "already_member"


def test_a_member_leaves_while_the_group_forms_and_not_after() -> None:
    groups = opened(size=2)
    leave_group("g", "ann", group_buys=groups, at=NOW)
    assert groups.of("g").seats == ()
    join_group("g", seat("bob"), group_buys=groups)
    join_group("g", seat("cho"), group_buys=groups)
    with pytest.raises(Conflict):
        leave_group("g", "bob", group_buys=groups, at=NOW)


def test_a_group_of_one_is_no_group() -> None:
    with pytest.raises(Invalid):
        opened(size=1)


class OneQuicker(MemoryGroupBuys):
    """Somebody else always takes a seat between the reading and the writing."""

    def save(self, before: GroupBuy | None, after: GroupBuy, events: Sequence[Event]) -> GroupBuy:
        if before is not None and len(before.seats) < 2:
            self.rows["g"] = before.join(seat("quick"))
            raise Stale("somebody else changed it")
        return super().save(before, after, events)


def test_of_two_who_take_the_last_seat_one_is_told_that_it_is_gone() -> None:
    groups = OneQuicker(rows=opened(size=2).rows)
    with pytest.raises(Conflict) as refusal:
        join_group("g", seat("bob"), group_buys=groups)
    assert refusal.value.code == "group_full"
    assert [s.customer_id for s in groups.of("g").seats] == ["ann", "quick"]


def test_what_is_decided_stays_decided() -> None:
    assert MAY_BECOME[GroupStatus.SUCCEEDED] == MAY_BECOME[GroupStatus.FAILED] == frozenset()
    groups = opened(size=2)
    done = join_group("g", seat("bob"), group_buys=groups)
    assert done.closed(NOW + 2 * HOUR) is done
