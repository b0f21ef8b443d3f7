"""Kill switches: turned by staff, with a reason, and obeyed from memory."""

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


def turned(
    switches: SwitchRepository,
    switch: str,
    *,
    on: bool,
    why: str = "payments stuck",
    at: datetime = NOW,
) -> SwitchStates:
    return set_switch(
        switch, on=on, actor="ada", reason=why, retry_after=90, switches=switches, at=at
    )


def test_every_switch_that_a_manifest_may_name_has_its_words() -> None:
    assert set(SWITCH_MESSAGES) == {switch.value for switch in Switch}


def test_what_is_switched_off_is_refused_with_its_own_code_and_time(
    switches: SwitchRepository,
) -> None:
    board = turned(switches, "checkout", on=False)
    board.raise_if_disabled(["cart", "shop"])
    with pytest.raises(FeatureDisabled) as refused:
        board.raise_if_disabled(["cart", "checkout"])
    assert (refused.value.code, refused.value.retry_after) == ("checkout_paused", 90)
    assert "payments stuck" not in refused.value.detail
    assert switches.states() == board


def test_a_switch_turned_on_again_is_obeyed_no_more(switches: SwitchRepository) -> None:
    turned(switches, "shop", on=False)
    turned(switches, "cart", on=False)
    turned(switches, "shop", on=True)
    assert set(switches.states().disabled) == {"cart"}


def test_who_turned_what_when_and_why_is_in_the_book(switches: SwitchRepository) -> None:
    for minute in range(5):
        turned(switches, "cart", on=minute % 2 == 1, at=NOW + timedelta(minutes=minute))
    page = switches.list_changes(cursor=None, limit=3)
    rest = switches.list_changes(cursor=page.cursor, limit=3)
    assert [flip.number for flip in (*page.items, *rest.items)] == [5, 4, 3, 2, 1]
    assert rest.cursor is None
    newest = page.items[0]
    assert (newest.switch, newest.on, newest.actor, newest.reason) == (
        "cart",
        False,
        "ada",
        "payments stuck",
    )
    assert newest.at == NOW + timedelta(minutes=4)


def test_turned_to_where_it_stands_nothing_is_written(switches: SwitchRepository) -> None:
    turned(switches, "cart", on=True)
    turned(switches, "shop", on=False)
    turned(switches, "shop", on=False, at=NOW + timedelta(hours=1))
    assert len(switches.list_changes(cursor=None, limit=10).items) == 1
    turned(switches, "shop", on=False, why="longer than we thought")
    assert len(switches.list_changes(cursor=None, limit=10).items) == 2


def test_two_who_turn_at_once_do_not_undo_each_other(switches: SwitchRepository) -> None:
    seen = switches.states()
    turned(switches, "cart", on=False)

    class Slow:
        """Somebody whose look at the board is from before."""

        def states(self) -> SwitchStates:
            return seen

        save = staticmethod(switches.save)
        list_changes = staticmethod(switches.list_changes)

    with pytest.raises(VersionConflict):
        turned(Slow(), "shop", on=False)
    assert set(switches.states().disabled) == {"cart"}


def test_an_unknown_switch_and_a_missing_reason_are_refused(switches: SwitchRepository) -> None:
    with pytest.raises(NotFound):
        turned(switches, "everything", on=False)
    with pytest.raises(InvalidRequest):
        turned(switches, "shop", on=False, why="  ")


# ------------------------------------------------------------------------------ in memory


class Reading:
    """A table that counts its reads, and a clock that is turned by hand."""

    def __init__(self) -> None:
        self.board, self.reads, self.now = SwitchStates(), 0, 100.0
        self.broken = False

    def read(self) -> SwitchStates:
        self.reads += 1
        if self.broken:
            raise EndpointConnectionError(endpoint_url="http://nowhere")
        return self.board

    def clock(self) -> float:
        return self.now


def test_requests_read_nothing_and_a_change_is_heard_within_three_seconds() -> None:
    table = Reading()
    board = SwitchCache(table.read, table.clock)
    for _ in range(1000):
        board.states()
        table.now += SWITCH_CACHE_SECONDS / 1001
    assert table.reads == 1
    table.board = SwitchStates({"shop": DisabledSwitch(NOW, "ada", "fire")}, 1)
    table.now += SWITCH_CACHE_SECONDS
    assert set(board.states().disabled) == {"shop"}
    assert table.reads == 2


def test_where_the_board_cannot_be_read_what_was_known_holds_on() -> None:
    table = Reading()
    board = SwitchCache(table.read, table.clock)
    table.broken = True
    board.states().raise_if_disabled(["shop"])  # nothing is known: everything is on
    table.broken, table.board = False, SwitchStates({"shop": DisabledSwitch(NOW, "ada", "fire")}, 1)
    table.now += SWITCH_CACHE_SECONDS
    with pytest.raises(FeatureDisabled):
        board.states().raise_if_disabled(["shop"])
    table.broken = True
    table.now += 3600
    with pytest.raises(FeatureDisabled):
        board.states().raise_if_disabled(["shop"])
    reads = table.reads
    board.states()
    assert table.reads == reads  # nor does it ask again at once
