"""What preparing for a rush needs from the world."""

from typing import Protocol

from shop.kernel.paging import Page
from shop.kernel.switches import Board
from shop.peak.model.flips import Flip


class Switches(Protocol):
    """The shop's switches, and the book of who turned them."""

    def board(self) -> Board:
        """The switches as they stand now."""

    def turn(self, before: Board, after: Board, flip: Flip) -> Board:
        """Write the new board and who did it, in one. Raises Stale where somebody was faster."""

    def flips(self, *, cursor: str | None, limit: int) -> Page[Flip]:
        """Who turned what, newest first."""
