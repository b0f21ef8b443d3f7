"""Use case of kill switches: disable or enable a part of the shop."""

from datetime import datetime

from shop.kernel.errors import InvalidRequest, NotFound
from shop.kernel.kill_switches import (
    MAX_RETRY_AFTER_SECONDS,
    SWITCH_MESSAGES,
    DisabledSwitch,
    SwitchStates,
)
from shop.kernel.text_folding import is_blank
from shop.peak.model.switch_changes import SwitchChange
from shop.peak.ports import SwitchRepository


def set_switch(
    switch: str,
    *,
    on: bool,
    actor: str,
    reason: str,
    retry_after_seconds: int,
    switches: SwitchRepository,
    at: datetime,
) -> SwitchStates:
    """Set a kill switch and return the states; every warm Lambda applies it within five seconds.

    Setting the same state again changes nothing, unless the reason or the retry delay of a disabled
    switch differs. Raises NotFound for an unknown switch, InvalidRequest for a blank reason or a
    delay out of range, and VersionConflict after a concurrent change.
    """
    if switch not in SWITCH_MESSAGES:
        raise NotFound(
            f"Switch {switch!r} does not exist. Use one of {', '.join(SWITCH_MESSAGES)}."
        )
    if is_blank(reason):
        raise InvalidRequest("The reason must not be blank.", code="text_invalid", path="$.reason")
    if not 1 <= retry_after_seconds <= MAX_RETRY_AFTER_SECONDS:
        raise InvalidRequest(
            f"The retry delay must be from 1 to {MAX_RETRY_AFTER_SECONDS} seconds.",
            code="out_of_range",
            path="$.retry_after_seconds",
        )
    before = switches.states()
    current = before.disabled.get(switch)
    if on:
        unchanged = current is None
    else:
        unchanged = current is not None and (current.reason, current.retry_after_seconds) == (
            reason,
            retry_after_seconds,
        )
    if unchanged:
        return before
    disabled = {name: state for name, state in before.disabled.items() if name != switch}
    if not on:
        disabled[switch] = DisabledSwitch(at, actor, reason, retry_after_seconds)
    after = SwitchStates(disabled, before.version + 1)
    # The change is numbered by the version, so the log has no gaps.
    change = SwitchChange(
        after.version, switch, on, actor, reason, at, None if on else retry_after_seconds
    )
    return switches.save(before, after, change)
