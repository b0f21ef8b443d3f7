"""Scheduled tasks: expiry, reconciliation and checks that repair missed events."""

from functions.manifest import Feature, Schedule, Table

FEATURE = Feature(
    "scheduled",
    (
        Schedule(
            module="scheduled.expire_unpaid_orders",
            rate="rate(5 minutes)",
            writes=(Table.ORDERS, Table.INVENTORY, Table.PRICING, Table.CREDITS),
            payments=True,
        ),
        Schedule(
            module="scheduled.close_group_buys",
            rate="rate(1 minute)",
            writes=(Table.ORDERS, Table.INVENTORY, Table.PRICING, Table.CREDITS),
        ),
        Schedule(
            module="scheduled.allocate_backorders",
            rate="rate(1 minute)",
            writes=(Table.ORDERS, Table.INVENTORY),
            timeout=240,
        ),
        Schedule(
            module="scheduled.reconcile_payments",
            rate="rate(5 minutes)",
            writes=(Table.ORDERS, Table.INVENTORY, Table.PRICING, Table.CREDITS),
            payments=True,
            timeout=240,
        ),
        Schedule(
            module="scheduled.announce_delays",
            rate="rate(6 hours)",
            writes=(Table.ORDERS,),
            timeout=240,
        ),
        Schedule(
            module="scheduled.send_order_digest",
            rate="rate(5 minutes)",
            writes=(Table.ORDERS,),
            sends_email=True,
            mails_staff=True,
            sends_order_digest=True,
            timeout=240,
        ),
        Schedule(
            module="scheduled.check_low_stock",
            rate="rate(5 minutes)",
            writes=(Table.INVENTORY,),
            timeout=240,
        ),
        Schedule(
            module="scheduled.reconcile_capacity",
            rate="rate(15 minutes)",
            event_types=(
                "PromotionPublished",
                "PromotionChanged",
                "PromotionEnded",
                "CouponCreated",
                "CouponChanged",
                "CouponEnded",
            ),
            reads=(Table.CATALOG,),
            writes=(Table.PEAK, Table.INVENTORY, Table.PRICING),
            warms_tables=(
                Table.CATALOG,
                Table.INVENTORY,
                Table.ORDERS,
                Table.ORDER_INDEX,
                Table.PRICING,
                Table.SESSIONS,
            ),
            keeps_warm=True,
            manages_schedules=True,
            timeout=300,
        ),
    ),
)
