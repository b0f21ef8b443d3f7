"""A switch that was turned: the line in the book."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Flip:
    """``number`` counts from 1, without a gap; ``on`` is what the switch is since."""

    number: int
    switch: str
    on: bool
    who: str
    why: str
    at: datetime
    retry_after: int | None = None
