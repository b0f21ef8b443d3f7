"""The switches in DynamoDB: the row that Lambdas read, and a row for each time one was turned."""

from datetime import datetime
from typing import Any

from shop.kernel.errors import Invalid, Stale
from shop.kernel.paging import Page, from_cursor, to_cursor
from shop.kernel.switches import Board
from shop.kernel.transactions import Clash
from shop.peak.model.flips import Flip
from shop.storage.switchboard import BOARD, NOW, SwitchRow, read_board
from shop.storage.transactions import DynamoLedger

FLIP = "FLIP#"


class DynamoSwitches:
    """See :class:`shop.peak.ports.Switches`."""

    def board(self) -> Board:
        return read_board(consistent=True)

    def turn(self, before: Board, after: Board, flip: Flip) -> Board:
        unchanged = (
            SwitchRow.version == before.version if before.version else SwitchRow.pk.does_not_exist()
        )
        now = SwitchRow(BOARD, NOW, version=after.version, doc=_told(after))
        line = SwitchRow(BOARD, _line(flip.number), version=flip.number, doc=_line_doc(flip))

        def write(writes: Any) -> None:
            writes.save(now, unchanged)
            writes.save(line, SwitchRow.pk.does_not_exist())

        try:
            DynamoLedger().commit(write)
        except Clash:
            raise Stale("somebody else turned a switch at this moment; look again") from None
        return after

    def flips(self, *, cursor: str | None, limit: int) -> Page[Flip]:
        upto = _line(10**9 if cursor is None else _before(cursor) - 1)
        found = list(
            SwitchRow.query(
                BOARD,
                SwitchRow.sk.between(_line(0), upto),
                scan_index_forward=False,
                limit=limit + 1,
            )
        )
        flips = tuple(_flip(row) for row in found[:limit])
        more = to_cursor({"before": flips[-1].number}) if len(found) > limit else None
        return Page(flips, more)


def _before(cursor: str) -> int:
    before = (from_cursor(cursor) or {}).get("before")
    if type(before) is not int or not 0 < before <= 10**9:
        raise Invalid("this cursor is not one of ours", code="cursor_invalid", path="cursor")
    return before


def _line(number: int) -> str:
    return f"{FLIP}{number:010d}"


def _told(board: Board) -> dict[str, Any]:
    return {
        name: {
            "since": off.since.isoformat(),
            "who": off.who,
            "why": off.why,
            "retry": off.retry_after,
        }
        for name, off in board.off.items()
    }


def _line_doc(flip: Flip) -> dict[str, Any]:
    return {
        "switch": flip.switch,
        "on": flip.on,
        "who": flip.who,
        "why": flip.why,
        "at": flip.at.isoformat(),
        "retry": flip.retry_after,
    }


def _flip(row: SwitchRow) -> Flip:
    told = row.doc
    return Flip(
        int(row.version),
        told["switch"],
        told["on"],
        told["who"],
        told["why"],
        datetime.fromisoformat(told["at"]),
        told["retry"],
    )
