"""Switches as staff turn and read them."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from shop.kernel.paging import Page
from shop.kernel.switches import SHOWN, Board
from shop.peak.model.flips import Flip


class SwitchBody(BaseModel):
    """``on``: false closes that part of the shop. ``retry_after``: seconds shoppers are told."""

    model_config = ConfigDict(extra="forbid", strict=True, defer_build=True)

    on: bool
    why: Annotated[str, StringConstraints(min_length=1, max_length=500)]
    retry_after: Annotated[int, Field(ge=1, le=24 * 3600)] = 60


class SwitchView(BaseModel):
    switch: str
    on: bool
    said: str
    """What shoppers hear while it is off."""
    since: datetime | None = None
    who: str | None = None
    why: str | None = None
    retry_after: int | None = None

    @classmethod
    def of(cls, board: Board, switch: str) -> "SwitchView":
        off = board.off.get(switch)
        said = SHOWN[switch][1]
        if off is None:
            return cls(switch=switch, on=True, said=said)
        return cls(
            switch=switch,
            on=False,
            said=said,
            since=off.since,
            who=off.who,
            why=off.why,
            retry_after=off.retry_after,
        )


class SwitchesView(BaseModel):
    switches: list[SwitchView]

    @classmethod
    def of(cls, board: Board) -> "SwitchesView":
        return cls(switches=[SwitchView.of(board, name) for name in SHOWN])


class FlipView(BaseModel):
    number: int
    switch: str
    on: bool
    who: str
    why: str
    at: datetime
    retry_after: int | None = None


class FlipsView(BaseModel):
    changes: list[FlipView]
    cursor: str | None = None

    @classmethod
    def of(cls, page: Page[Flip]) -> "FlipsView":
        changes = [
            FlipView(
                number=f.number,
                switch=f.switch,
                on=f.on,
                who=f.who,
                why=f.why,
                at=f.at,
                retry_after=f.retry_after,
            )
            for f in page.items
        ]
        return cls(changes=changes, cursor=page.cursor)
