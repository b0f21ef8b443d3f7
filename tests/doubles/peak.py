"""The peak's stores in memory."""

from dataclasses import dataclass, field

from shop.kernel.errors import Stale
from shop.kernel.paging import Page, from_cursor, to_cursor
from shop.kernel.switches import Board
from shop.peak.model.flips import Flip


@dataclass
class MemorySwitches:
    now: Board = field(default_factory=Board)
    book: list[Flip] = field(default_factory=list)

    def board(self) -> Board:
        return self.now

    def turn(self, before: Board, after: Board, flip: Flip) -> Board:
        if self.now.version != before.version:
            raise Stale("somebody else was faster")
        self.now = after
        self.book.append(flip)
        return after

    def flips(self, *, cursor: str | None, limit: int) -> Page[Flip]:
        before = (from_cursor(cursor) or {"before": 10**9})["before"]
        rest = [flip for flip in reversed(self.book) if flip.number < before]
        part = tuple(rest[:limit])
        more = to_cursor({"before": part[-1].number}) if len(rest) > limit else None
        return Page(part, more)
