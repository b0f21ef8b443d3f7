"""What the clock wakes."""

from functions.manifest import Feature, Schedule, Table

FEATURE = Feature(
    "scheduled",
    (
        Schedule(
            module="scheduled.expire_unpaid_orders",
            rate="rate(5 minutes)",
            writes=(Table.ORDERS, Table.INVENTORY, Table.PRICING),
            payments=True,
        ),
    ),
)
