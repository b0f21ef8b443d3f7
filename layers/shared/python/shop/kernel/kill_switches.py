"""Kill switches: features that staff disable, and the error that customers then get."""

from collections.abc import Iterable, Mapping
from dataclasses import field
from datetime import datetime

from shop.kernel.errors import Unavailable
from shop.kernel.frozen import frozen

SHOP_SWITCH = "shop"
"""The switch that makes the whole shop read-only."""

SWITCH_MESSAGES = {
    SHOP_SWITCH: (
        "read_only",
        "The shop is read-only at the moment. Browsing works; please try changes again later.",
    ),
    "catalog": (
        "catalog_off",
        "The catalog is unavailable at the moment. Please try again later.",
    ),
    "cart": (
        "cart_paused",
        "Carts cannot be changed at the moment. Please try again later.",
    ),
    "checkout": (
        "checkout_paused",
        "Checkout is paused at the moment. Your cart is saved; please try again later.",
    ),
    "orders": (
        "orders_off",
        "Orders are unavailable at the moment. Please try again later.",
    ),
    "waiting_room": (
        "waiting_room_off",
        "Waiting rooms admit no new customers at the moment. Please try again later.",
    ),
    "agents": (
        "agents_off",
        "The agent interface is disabled at the moment. Please try again later.",
    ),
}
"""Every switch with the error code and message while it is off. The reason is for staff only."""

MAX_RETRY_AFTER_SECONDS = 24 * 3600
"""Upper limit of :attr:`DisabledSwitch.retry_after_seconds`."""


class FeatureDisabled(Unavailable):
    """The requested feature is disabled by a kill switch."""

    code = "switched_off"
    retry_after_seconds = 60


@frozen
class DisabledSwitch:
    """A switch that is off: since when, by whom, why, and for how many seconds to retry after."""

    since: datetime
    actor: str
    reason: str
    retry_after_seconds: int = 60


@frozen
class SwitchStates:
    """The switches that are off; all others are on. Each change increments ``version``."""

    disabled: Mapping[str, DisabledSwitch] = field(default_factory=dict)
    version: int = 0

    def raise_if_disabled(self, switches: Iterable[str]) -> None:
        """Raise :class:`FeatureDisabled` for the first of these switches that is off."""
        for name in switches:
            state = self.disabled.get(name)
            if state is not None:
                code, detail = SWITCH_MESSAGES[name]
                error = FeatureDisabled(detail, code=code)
                error.retry_after_seconds = state.retry_after_seconds
                raise error
