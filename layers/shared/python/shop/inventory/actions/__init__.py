"""The use cases of inventory."""

from shop.inventory.actions.allocation import allocate_reservations
from shop.inventory.actions.low_stock import (
    check_all_low_stock,
    check_low_stock,
    send_low_stock_alert,
    set_low_stock_threshold,
)
from shop.inventory.actions.sharding import reshard_for_peak, shards_for
from shop.inventory.actions.stock_entries import StockEntryService, record_stock_take
from shop.inventory.actions.stock_movements import (
    AuditInfo,
    adjust_stock,
    dispatch_transfer,
    expect_inbound,
    get_level,
    list_levels,
    receive_stock,
    receive_transfer,
    release_backorder_earmarks,
    restock_return,
    set_aside,
    set_on_hand,
    set_safety_stock,
    write_off_stock,
)

__all__ = [
    "AuditInfo",
    "StockEntryService",
    "adjust_stock",
    "allocate_reservations",
    "check_all_low_stock",
    "check_low_stock",
    "dispatch_transfer",
    "expect_inbound",
    "get_level",
    "list_levels",
    "receive_stock",
    "receive_transfer",
    "record_stock_take",
    "release_backorder_earmarks",
    "reshard_for_peak",
    "restock_return",
    "send_low_stock_alert",
    "set_aside",
    "set_low_stock_threshold",
    "set_on_hand",
    "set_safety_stock",
    "shards_for",
    "write_off_stock",
]
