"""Turning a part of the shop off, and on again."""

from datetime import datetime

from shop.kernel.errors import Invalid, NotFound
from shop.kernel.switches import LONGEST_PAUSE, SHOWN, Board, Off
from shop.peak.model.flips import Flip
from shop.peak.ports import Switches


def turn(
    switch: str,
    *,
    on: bool,
    who: str,
    why: str,
    retry_after: int,
    switches: Switches,
    at: datetime,
) -> Board:
    """Turn a switch; every warm Lambda obeys within five seconds. Returns the board as it is then.

    Turned to where it stands already it changes nothing, unless the words or the time to come back
    are new. Raises NotFound for a switch there is not, Invalid without a reason, Stale where
    somebody else turned one at the same moment.
    """
    if switch not in SHOWN:
        raise NotFound(f"there is no switch {switch!r}; there are {', '.join(SHOWN)}")
    if not why.strip():
        raise Invalid("say why: whoever comes after you will ask", path="$.why")
    if not 1 <= retry_after <= LONGEST_PAUSE:
        raise Invalid(f"1 to {LONGEST_PAUSE} seconds", path="$.retry_after")
    before = switches.board()
    is_off = before.off.get(switch)
    if (on and is_off is None) or (
        not on and is_off is not None and (is_off.why, is_off.retry_after) == (why, retry_after)
    ):
        return before
    off = {name: state for name, state in before.off.items() if name != switch}
    if not on:
        off[switch] = Off(at, who, why, retry_after)
    after = Board(off, before.version + 1)
    flip = Flip(after.version, switch, on, who, why, at, None if on else retry_after)
    return switches.turn(before, after, flip)
