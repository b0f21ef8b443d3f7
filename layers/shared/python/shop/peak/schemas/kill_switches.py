"""Kill switches, as staff set and read them."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from shop.kernel.kill_switches import MAX_RETRY_AFTER_SECONDS, SWITCH_MESSAGES, SwitchStates
from shop.kernel.pagination import Page
from shop.peak.model.switch_changes import SwitchChange


class SwitchBody(BaseModel):
    """The new state of a kill switch."""

    model_config = ConfigDict(extra="forbid", strict=True, defer_build=True)

    on: bool
    """Whether the feature is enabled.
    Example: false"""
    reason: Annotated[str, StringConstraints(min_length=1, max_length=500)]
    """Reason for the change, 1 to 500 characters.
    Example: Payment provider is down"""
    retry_after_seconds: Annotated[int, Field(ge=1, le=MAX_RETRY_AFTER_SECONDS)] = 60
    """Seconds after which shoppers are asked to try again, up to a day.
    Example: 300"""


class SwitchView(BaseModel):
    """A kill switch and its state."""

    switch: str
    """Name of the switch."""
    on: bool
    """Whether the feature is enabled."""
    message: str
    """Message to shoppers while the feature is disabled."""
    since: datetime | None = None
    """Instant at which the feature was disabled; absent while it is enabled."""
    actor: str | None = None
    """Staff user who disabled the feature; absent while it is enabled."""
    reason: str | None = None
    """Reason for disabling it; absent while it is enabled."""
    retry_after_seconds: int | None = None
    """Seconds after which shoppers are asked to try again; absent while it is enabled."""

    @classmethod
    def of(cls, states: SwitchStates, switch: str) -> "SwitchView":
        off = states.disabled.get(switch)
        message = SWITCH_MESSAGES[switch][1]
        if off is None:
            return cls(switch=switch, on=True, message=message)
        return cls(
            switch=switch,
            on=False,
            message=message,
            since=off.since,
            actor=off.actor,
            reason=off.reason,
            retry_after_seconds=off.retry_after_seconds,
        )


class SwitchesView(BaseModel):
    """All kill switches."""

    switches: list[SwitchView]
    """Switches and their states."""

    @classmethod
    def of(cls, states: SwitchStates) -> "SwitchesView":
        return cls(switches=[SwitchView.of(states, name) for name in SWITCH_MESSAGES])


class SwitchChangeView(BaseModel):
    """A change of a kill switch."""

    number: int
    """Number of the change, from 1."""
    switch: str
    """Name of the switch."""
    on: bool
    """Whether the feature is enabled."""
    actor: str
    """Staff user who made the change."""
    reason: str
    """Reason for the change."""
    at: datetime
    """Instant of the change."""
    retry_after_seconds: int | None = None
    """Seconds after which shoppers are asked to try again; absent while it is enabled."""


class SwitchChangeListView(BaseModel):
    """A page of changes of kill switches, newest first."""

    changes: list[SwitchChangeView]
    """Changes, newest first."""
    cursor: str | None = None
    """Cursor of the next page; absent on the last page."""

    @classmethod
    def of(cls, page: Page[SwitchChange]) -> "SwitchChangeListView":
        changes = [
            SwitchChangeView(
                number=change.number,
                switch=change.switch,
                on=change.on,
                actor=change.actor,
                reason=change.reason,
                at=change.at,
                retry_after_seconds=change.retry_after_seconds,
            )
            for change in page.items
        ]
        return cls(changes=changes, cursor=page.cursor)
