"""Switches as staff turn and read them."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from shop.kernel.kill_switches import SWITCH_MESSAGES, SwitchStates
from shop.kernel.pagination import Page
from shop.peak.model.switch_changes import SwitchChange


class SwitchBody(BaseModel):
    """``on``: false closes that part of the shop. ``retry_after``: seconds shoppers are told."""

    model_config = ConfigDict(extra="forbid", strict=True, defer_build=True)

    on: bool
    reason: Annotated[str, StringConstraints(min_length=1, max_length=500)]
    retry_after: Annotated[int, Field(ge=1, le=24 * 3600)] = 60


class SwitchView(BaseModel):
    switch: str
    on: bool
    message: str
    """What shoppers hear while it is off."""
    since: datetime | None = None
    actor: str | None = None
    reason: str | None = None
    retry_after: int | None = None

    @classmethod
    def of(cls, states: SwitchStates, switch: str) -> "SwitchView":
        off = states.disabled.get(switch)
        said = SWITCH_MESSAGES[switch][1]
        if off is None:
            return cls(switch=switch, on=True, message=said)
        return cls(
            switch=switch,
            on=False,
            message=said,
            since=off.since,
            actor=off.actor,
            reason=off.reason,
            retry_after=off.retry_after,
        )


class SwitchesView(BaseModel):
    switches: list[SwitchView]

    @classmethod
    def of(cls, states: SwitchStates) -> "SwitchesView":
        return cls(switches=[SwitchView.of(states, name) for name in SWITCH_MESSAGES])


class SwitchChangeView(BaseModel):
    number: int
    switch: str
    on: bool
    actor: str
    reason: str
    at: datetime
    retry_after: int | None = None


class SwitchChangeListView(BaseModel):
    changes: list[SwitchChangeView]
    cursor: str | None = None

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
