"""Switches: what staff turned off, why, and what is said to whoever comes meanwhile."""

from collections.abc import Iterable, Mapping
from dataclasses import field
from datetime import datetime

from shop.kernel.errors import Unavailable
from shop.kernel.frozen import frozen

SHOP_SWITCH = "shop"
"""The switch that makes the whole shop read-only."""

SWITCH_MESSAGES = {
    SHOP_SWITCH: ("read_only", "the shop takes no changes for the moment; looking around works"),
    "catalog": ("catalog_off", "searching is switched off for the moment"),
    "cart": ("cart_paused", "carts take no changes for the moment"),
    "checkout": ("checkout_paused", "checkout is paused for the moment; your cart is kept"),
    "orders": ("orders_off", "orders cannot be looked at or changed for the moment"),
    "waiting_room": ("waiting_room_off", "waiting rooms take nobody in for the moment"),
    "agents": ("agents_off", "the door for agents is closed for the moment"),
}
"""Every switch, with the code and the words that shoppers hear while it is off. Why it is off is
for staff alone."""

MAX_RETRY_AFTER_SECONDS = 24 * 3600
"""Seconds that ``retry_after`` may say."""


class FeatureDisabled(Unavailable):
    """What was asked for is switched off for the moment."""

    code = "switched_off"
    retry_after = 60
    """Seconds."""


@frozen
class DisabledSwitch:
    """A switch that is off: since when, by whom and why, and when to come back (in seconds)."""

    since: datetime
    actor: str
    reason: str
    retry_after: int = 60


@frozen
class SwitchStates:
    """The switches that are off; every other one is on. ``version`` rises with each change."""

    disabled: Mapping[str, DisabledSwitch] = field(default_factory=dict)
    version: int = 0

    def raise_if_disabled(self, switches: Iterable[str]) -> None:
        """Raise :class:`SwitchedOff` for the first of these that is off."""
        for name in switches:
            state = self.disabled.get(name)
            if state is not None:
                code, said = SWITCH_MESSAGES[name]
                refusal = FeatureDisabled(said, code=code)
                refusal.retry_after = state.retry_after
                raise refusal
