"""Kill switches: turned by staff, with a reason, and obeyed from memory."""

from datetime import UTC, datetime, timedelta

import pytest
from botocore.exceptions import EndpointConnectionError

from functions.manifest import Switch
from shop.kernel.errors import Invalid, NotFound, Stale
from shop.kernel.switches import SHOWN, Board, Off, SwitchedOff
from shop.peak.actions.switches import turn
from shop.peak.ports import Switches
from shop.storage.switchboard import KEPT, Switchboard

NOW = datetime(2026, 11, 27, 9, tzinfo=UTC)


def turned(
    switches: Switches, switch: str, *, on: bool, why: str = "payments stuck", at: datetime = NOW
) -> Board:
    return turn(switch, on=on, who="ada", why=why, retry_after=90, switches=switches, at=at)


def test_every_switch_that_a_manifest_may_name_has_its_words() -> None:
    assert set(SHOWN) == {switch.value for switch in Switch}


def test_what_is_switched_off_is_refused_with_its_own_code_and_time(switches: Switches) -> None:
    board = turned(switches, "checkout", on=False)
    board.obey(["cart", "shop"])
    with pytest.raises(SwitchedOff) as refused:
        board.obey(["cart", "checkout"])
    assert (refused.value.code, refused.value.retry_after) == ("checkout_paused", 90)
    assert "payments stuck" not in refused.value.detail
    assert switches.board() == board


def test_a_switch_turned_on_again_is_obeyed_no_more(switches: Switches) -> None:
    turned(switches, "shop", on=False)
    turned(switches, "cart", on=False)
    turned(switches, "shop", on=True)
    assert set(switches.board().off) == {"cart"}


def test_who_turned_what_when_and_why_is_in_the_book(switches: Switches) -> None:
    for minute in range(5):
        turned(switches, "cart", on=minute % 2 == 1, at=NOW + timedelta(minutes=minute))
    page = switches.flips(cursor=None, limit=3)
    rest = switches.flips(cursor=page.cursor, limit=3)
    assert [flip.number for flip in (*page.items, *rest.items)] == [5, 4, 3, 2, 1]
    assert rest.cursor is None
    newest = page.items[0]
    assert (newest.switch, newest.on, newest.who, newest.why) == (
        "cart",
        False,
        "ada",
        "payments stuck",
    )
    assert newest.at == NOW + timedelta(minutes=4)


def test_turned_to_where_it_stands_nothing_is_written(switches: Switches) -> None:
    turned(switches, "cart", on=True)
    turned(switches, "shop", on=False)
    turned(switches, "shop", on=False, at=NOW + timedelta(hours=1))
    assert len(switches.flips(cursor=None, limit=10).items) == 1
    turned(switches, "shop", on=False, why="longer than we thought")
    assert len(switches.flips(cursor=None, limit=10).items) == 2


def test_two_who_turn_at_once_do_not_undo_each_other(switches: Switches) -> None:
    seen = switches.board()
    turned(switches, "cart", on=False)

    class Slow:
        """Somebody whose look at the board is from before."""

        def board(self) -> Board:
            return seen

        turn = staticmethod(switches.turn)
        flips = staticmethod(switches.flips)

    with pytest.raises(Stale):
        turned(Slow(), "shop", on=False)
    assert set(switches.board().off) == {"cart"}


def test_an_unknown_switch_and_a_missing_reason_are_refused(switches: Switches) -> None:
    with pytest.raises(NotFound):
        turned(switches, "everything", on=False)
    with pytest.raises(Invalid):
        turned(switches, "shop", on=False, why="  ")


# ------------------------------------------------------------------------------ in memory


class Reading:
    """A table that counts its reads, and a clock that is turned by hand."""

    def __init__(self) -> None:
        self.board, self.reads, self.now = Board(), 0, 100.0
        self.broken = False

    def read(self) -> Board:
        self.reads += 1
        if self.broken:
            raise EndpointConnectionError(endpoint_url="http://nowhere")
        return self.board

    def clock(self) -> float:
        return self.now


def test_requests_read_nothing_and_a_change_is_heard_within_three_seconds() -> None:
    table = Reading()
    board = Switchboard(table.read, table.clock)
    for _ in range(1000):
        board.board()
        table.now += KEPT / 1001
    assert table.reads == 1
    table.board = Board({"shop": Off(NOW, "ada", "fire")}, 1)
    table.now += KEPT
    assert set(board.board().off) == {"shop"}
    assert table.reads == 2


def test_where_the_board_cannot_be_read_what_was_known_holds_on() -> None:
    table = Reading()
    board = Switchboard(table.read, table.clock)
    table.broken = True
    board.board().obey(["shop"])  # nothing is known: everything is on
    table.broken, table.board = False, Board({"shop": Off(NOW, "ada", "fire")}, 1)
    table.now += KEPT
    with pytest.raises(SwitchedOff):
        board.board().obey(["shop"])
    table.broken = True
    table.now += 3600
    with pytest.raises(SwitchedOff):
        board.board().obey(["shop"])
    reads = table.reads
    board.board()
    assert table.reads == reads  # nor does it ask again at once
