"""What people do with stock, one verb each."""

from shop.inventory.actions.alarms import set_alarm, watch_low_stock
from shop.inventory.actions.goods import (
    Slip,
    adjust,
    arrive,
    bring_back,
    dispatch,
    expect,
    free_earmarks,
    keep_safety,
    look_at,
    receive,
    set_aside,
    set_on_hand,
    take_back,
    take_stock,
    write_off,
)
from shop.inventory.actions.peaks import bins_for, prepare
from shop.inventory.actions.serving import choose_locations

__all__ = [
    "Slip",
    "adjust",
    "arrive",
    "bins_for",
    "bring_back",
    "choose_locations",
    "dispatch",
    "expect",
    "free_earmarks",
    "keep_safety",
    "look_at",
    "prepare",
    "receive",
    "set_alarm",
    "set_aside",
    "set_on_hand",
    "take_back",
    "take_stock",
    "watch_low_stock",
    "write_off",
]
