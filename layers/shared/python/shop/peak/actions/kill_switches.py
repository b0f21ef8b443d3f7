"""Kill switches: disable a part of the shop, and enable it again."""

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
    """Set a kill switch and return the states; every warm Lambda applies it within five seconds.

    Setting the same state again changes nothing, unless the reason or ``retry_after`` (seconds) of
    a disabled switch differs. Raises NotFound for an unknown switch, InvalidRequest without a
    reason, and VersionConflict if another change was made at the same time.
    """
    if switch not in SWITCH_MESSAGES:
        raise NotFound(f"There is no switch {switch!r}. Switches: {', '.join(SWITCH_MESSAGES)}.")
    if not reason.strip():
        raise InvalidRequest("Reason must not be empty.", path="$.reason")
    if not 1 <= retry_after <= MAX_RETRY_AFTER_SECONDS:
        raise InvalidRequest(
            f"Retry after must be from 1 to {MAX_RETRY_AFTER_SECONDS} seconds.",
            path="$.retry_after",
        )
    before = switches.states()
    current = before.disabled.get(switch)
    if on:
        unchanged = current is None
    else:
        unchanged = current is not None and (current.reason, current.retry_after) == (
            reason,
            retry_after,
        )
    if unchanged:
        return before
    disabled = {name: state for name, state in before.disabled.items() if name != switch}
    if not on:
        disabled[switch] = DisabledSwitch(at, actor, reason, retry_after)
    after = SwitchStates(disabled, before.version + 1)
    # The change is numbered by the version, so the log has no gaps.
    change = SwitchChange(after.version, switch, on, actor, reason, at, None if on else retry_after)
    return switches.save(before, after, change)
