"""Kill switches: set by staff with a reason, and read from a cache."""

from datetime import UTC, datetime, timedelta

import pytest
from botocore.exceptions import EndpointConnectionError

from functions.manifest import Switch
from shop.kernel.errors import InvalidRequest, NotFound, VersionConflict
from shop.kernel.kill_switches import SWITCH_MESSAGES, DisabledSwitch, FeatureDisabled, SwitchStates
from shop.peak.actions.kill_switches import set_switch
from shop.peak.ports import SwitchRepository
from shop.storage.kill_switches import SWITCH_CACHE_SECONDS, SwitchCache

NOW = datetime(2026, 11, 27, 9, tzinfo=UTC)


def set_to(
    switches: SwitchRepository,
    switch: str,
    *,
    on: bool,
    reason: str = "payments stuck",
    at: datetime = NOW,
) -> SwitchStates:
    return set_switch(
        switch, on=on, actor="ada", reason=reason, retry_after_seconds=90, switches=switches, at=at
    )


def test_every_switch_of_a_manifest_has_a_message() -> None:
    assert set(SWITCH_MESSAGES) == {switch.value for switch in Switch}


def test_disabled_switch_raises_its_code_and_retry_after(
    switches: SwitchRepository,
) -> None:
    states = set_to(switches, "checkout", on=False)
    states.raise_if_disabled(["cart", "shop"])
    with pytest.raises(FeatureDisabled) as error:
        states.raise_if_disabled(["cart", "checkout"])
    assert (error.value.code, error.value.retry_after_seconds) == ("checkout_paused", 90)
    assert "payments stuck" not in error.value.detail
    assert switches.states() == states


def test_enabled_switch_no_longer_raises(switches: SwitchRepository) -> None:
    set_to(switches, "shop", on=False)
    set_to(switches, "cart", on=False)
    set_to(switches, "shop", on=True)
    assert set(switches.states().disabled) == {"cart"}


def test_switch_changes_are_logged_with_actor_and_reason(switches: SwitchRepository) -> None:
    for minute in range(5):
        set_to(switches, "cart", on=minute % 2 == 1, at=NOW + timedelta(minutes=minute))
    page = switches.list_changes(cursor=None, limit=3)
    rest = switches.list_changes(cursor=page.cursor, limit=3)
    assert [change.number for change in (*page.items, *rest.items)] == [5, 4, 3, 2, 1]
    assert rest.cursor is None
    newest = page.items[0]
    assert (newest.switch, newest.on, newest.actor, newest.reason) == (
        "cart",
        False,
        "ada",
        "payments stuck",
    )
    assert newest.at == NOW + timedelta(minutes=4)


def test_setting_the_same_state_writes_nothing(switches: SwitchRepository) -> None:
    set_to(switches, "cart", on=True)
    set_to(switches, "shop", on=False)
    set_to(switches, "shop", on=False, at=NOW + timedelta(hours=1))
    assert len(switches.list_changes(cursor=None, limit=10).items) == 1
    set_to(switches, "shop", on=False, reason="takes longer")
    assert len(switches.list_changes(cursor=None, limit=10).items) == 2


def test_concurrent_switch_changes_do_not_overwrite_each_other(switches: SwitchRepository) -> None:
    read_before = switches.states()
    set_to(switches, "cart", on=False)

    class StaleRepository:
        """A repository whose read is older than the other change."""

        def states(self) -> SwitchStates:
            return read_before

        save = staticmethod(switches.save)
        list_changes = staticmethod(switches.list_changes)

    with pytest.raises(VersionConflict):
        set_to(StaleRepository(), "shop", on=False)
    assert set(switches.states().disabled) == {"cart"}


def test_unknown_switch_and_empty_reason_are_rejected(switches: SwitchRepository) -> None:
    with pytest.raises(NotFound):
        set_to(switches, "everything", on=False)
    with pytest.raises(InvalidRequest):
        set_to(switches, "shop", on=False, reason="  ")


# The cache


class CountingTable:
    """A table that counts its reads, and a clock that tests set."""

    def __init__(self) -> None:
        self.stored, self.reads, self.now = SwitchStates(), 0, 100.0
        self.unreachable = False

    def read(self) -> SwitchStates:
        self.reads += 1
        if self.unreachable:
            raise EndpointConnectionError(endpoint_url="http://nowhere")
        return self.stored

    def clock(self) -> float:
        return self.now


def test_switch_cache_reads_once_per_three_seconds() -> None:
    table = CountingTable()
    cache = SwitchCache(table.read, table.clock)
    for _ in range(1000):
        cache.states()
        table.now += SWITCH_CACHE_SECONDS / 1001
    assert table.reads == 1
    table.stored = SwitchStates({"shop": DisabledSwitch(NOW, "ada", "fire")}, 1)
    table.now += SWITCH_CACHE_SECONDS
    assert set(cache.states().disabled) == {"shop"}
    assert table.reads == 2


def test_switch_cache_keeps_last_states_during_an_outage() -> None:
    table = CountingTable()
    cache = SwitchCache(table.read, table.clock)
    table.unreachable = True
    cache.states().raise_if_disabled(["shop"])  # never read: every switch is on
    table.unreachable, table.stored = (
        False,
        SwitchStates({"shop": DisabledSwitch(NOW, "ada", "fire")}, 1),
    )
    table.now += SWITCH_CACHE_SECONDS
    with pytest.raises(FeatureDisabled):
        cache.states().raise_if_disabled(["shop"])
    table.unreachable = True
    table.now += 3600
    with pytest.raises(FeatureDisabled):
        cache.states().raise_if_disabled(["shop"])
    reads = table.reads
    cache.states()
    assert table.reads == reads  # and it does not read again at once
