"""Switches as staff turn and read them."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from shop.kernel.kill_switches import SWITCH_MESSAGES, SwitchStates
from shop.kernel.pagination import Page
from shop.peak.model.switch_changes import SwitchChange


class SwitchBody(BaseModel):
    """The new state of a feature switch."""

    model_config = ConfigDict(extra="forbid", strict=True, defer_build=True)

    on: bool
    """Whether the feature is enabled.
    Example: false"""
    reason: Annotated[str, StringConstraints(min_length=1, max_length=500)]
    """Reason for the change, 1 to 500 characters.
    Example: Payment provider is down"""
    retry_after: Annotated[int, Field(ge=1, le=24 * 3600)] = 60
    """Seconds after which shoppers are asked to try again, up to a day.
    Example: 300"""


class SwitchView(BaseModel):
    """A feature switch and its state."""

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
    retry_after: int | None = None
    """Seconds after which shoppers are asked to try again; absent if enabled."""

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
            retry_after=off.retry_after,
        )


class SwitchesView(BaseModel):
    """All feature switches."""

    switches: list[SwitchView]
    """Switches and their states."""

    @classmethod
    def of(cls, states: SwitchStates) -> "SwitchesView":
        return cls(switches=[SwitchView.of(states, name) for name in SWITCH_MESSAGES])


class SwitchChangeView(BaseModel):
    """A change of a feature switch."""

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
    retry_after: int | None = None
    """Seconds after which shoppers are asked to try again; absent if enabled."""


class SwitchChangeListView(BaseModel):
    """A page of changes of feature switches, newest first."""

    changes: list[SwitchChangeView]
    """Changes, newest first."""
    cursor: str | None = None
    """Cursor of the next page; absent on the last page."""

    @classmethod
    def of(cls, page: Page[SwitchChange]) -> "SwitchChangeListView":
        changes = [
            SwitchChangeView(
                number=f.number,
                switch=f.switch,
                on=f.on,
                actor=f.actor,
                reason=f.reason,
                at=f.at,
                retry_after=f.retry_after,
            )
            for f in page.items
        ]
        return cls(changes=changes, cursor=page.cursor)
