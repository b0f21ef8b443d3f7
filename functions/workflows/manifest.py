"""An order's life after it was placed: four steps, each with its undo beside it."""

from functions.manifest import Feature, Step, Table, Undo

DAY = 24 * 60 * 60

FEATURE = Feature(
    "workflows",
    (
        Step(
            name="AwaitPayment",
            module="workflows.await_payment",
            waits=True,
            refusals=("CalledOff",),
            deadline="payment_window",
            undo="workflows.expire_order",
            writes=(Table.ORDERS,),
            resumes_workflow=True,
        ),
        Undo(
            name="ExpireOrder",
            module="workflows.expire_order",
            writes=(Table.ORDERS, Table.INVENTORY, Table.PRICING),
            payments=True,
        ),
        Step(
            name="AwaitShipment",
            module="workflows.await_shipment",
            waits=True,
            refusals=("CalledOff",),
            deadline=14 * DAY,
            undo="workflows.release_allocation",
            writes=(Table.ORDERS, Table.INVENTORY),
            resumes_workflow=True,
        ),
        Undo(
            name="ReleaseAllocation",
            module="workflows.release_allocation",
            writes=(Table.ORDERS, Table.INVENTORY, Table.PRICING),
        ),
        Step(
            name="AwaitDelivery",
            module="workflows.await_delivery",
            waits=True,
            refusals=("CalledOff",),
            deadline=45 * DAY,
            undo="workflows.give_up_delivery",
            pivot=True,
            writes=(Table.ORDERS,),
            payments=True,
            resumes_workflow=True,
        ),
        Undo(
            name="GiveUpDelivery",
            module="workflows.give_up_delivery",
            writes=(Table.ORDERS,),
        ),
        Step(
            name="CompleteOrder",
            module="workflows.complete_order",
            writes=(Table.ORDERS,),
            payments=True,
            pivot=True,
        ),
    ),
)
