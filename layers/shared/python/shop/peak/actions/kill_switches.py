"""Turning a part of the shop off, and on again."""

from datetime import datetime

from shop.kernel.errors import InvalidRequest, NotFound
from shop.kernel.kill_switches import (
    MAX_RETRY_AFTER_SECONDS,
    SWITCH_MESSAGES,
    DisabledSwitch,
    SwitchStates,
)
from shop.peak.model.switch_changes import SwitchChange
from shop.peak.ports import SwitchRepository


def set_switch(
    switch: str,
    *,
    on: bool,
    actor: str,
    reason: str,
    retry_after: int,
    switches: SwitchRepository,
    at: datetime,
) -> SwitchStates:
    """Turn a switch; every warm Lambda obeys within five seconds. Returns the board as it is then.

    Turned to where it stands already it changes nothing, unless the words or the time to come back
    are new. Raises NotFound for a switch there is not, Invalid without a reason, Stale where
    somebody else turned one at the same moment.
    """
    if switch not in SWITCH_MESSAGES:
        raise NotFound(f"there is no switch {switch!r}; there are {', '.join(SWITCH_MESSAGES)}")
    if not reason.strip():
        raise InvalidRequest("say why: whoever comes after you will ask", path="$.reason")
    if not 1 <= retry_after <= MAX_RETRY_AFTER_SECONDS:
        raise InvalidRequest(f"1 to {MAX_RETRY_AFTER_SECONDS} seconds", path="$.retry_after")
    before = switches.states()
    is_off = before.disabled.get(switch)
    if (on and is_off is None) or (
        not on
        and is_off is not None
        and (is_off.reason, is_off.retry_after) == (reason, retry_after)
    ):
        return before
    off = {name: state for name, state in before.disabled.items() if name != switch}
    if not on:
        off[switch] = DisabledSwitch(at, actor, reason, retry_after)
    after = SwitchStates(off, before.version + 1)
    flip = SwitchChange(after.version, switch, on, actor, reason, at, None if on else retry_after)
    return switches.save(before, after, flip)
