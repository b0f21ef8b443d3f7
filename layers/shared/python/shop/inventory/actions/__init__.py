"""What people do with stock, one verb each."""

from shop.inventory.actions.alarms import set_alarm, tell_low_stock, watch_all, watch_low_stock
from shop.inventory.actions.desk import Desk
from shop.inventory.actions.goods import (
    Slip,
    adjust,
    arrive,
    dispatch,
    expect,
    free_earmarks,
    hold_back,
    keep_safety,
    look_at,
    look_everywhere,
    receive,
    set_on_hand,
    take_back,
    take_stock,
    write_off,
)
from shop.inventory.actions.peaks import bins_for, prepare
from shop.inventory.actions.serving import choose_locations

__all__ = [
    "Desk",
    "Slip",
    "adjust",
    "arrive",
    "bins_for",
    "choose_locations",
    "dispatch",
    "expect",
    "free_earmarks",
    "hold_back",
    "keep_safety",
    "look_at",
    "look_everywhere",
    "prepare",
    "receive",
    "set_alarm",
    "set_on_hand",
    "take_back",
    "take_stock",
    "tell_low_stock",
    "watch_all",
    "watch_low_stock",
    "write_off",
]
