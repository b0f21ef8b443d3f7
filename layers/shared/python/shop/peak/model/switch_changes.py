"""A switch that was turned: the line in the book."""

from datetime import datetime

from shop.kernel.frozen import frozen


@frozen
class SwitchChange:
    """``number`` counts from 1, without a gap; ``on`` is what the switch is since."""

    number: int
    switch: str
    on: bool
    actor: str
    reason: str
    at: datetime
    retry_after: int | None = None
