"""Changes of kill switches, as the audit log records them."""

from datetime import datetime

from shop.kernel.frozen import frozen


@frozen
class SwitchChange:
    """One change. ``number`` counts from 1 without gaps; ``on`` is the state after the change."""

    number: int
    switch: str
    on: bool
    actor: str
    reason: str
    at: datetime
    retry_after_seconds: int | None = None
    """Seconds after which customers are asked to retry; ``None`` for a switch that is on."""
