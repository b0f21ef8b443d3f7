"""The order workflow: four steps, each with its compensation in the entry after it."""

from functions.manifest import Compensation, Feature, Step, Table

DAY = 24 * 60 * 60

FEATURE = Feature(
    "workflows",
    (
        Step(
            name="AwaitPayment",
            module="workflows.await_payment",
            waits_for_token=True,
            business_errors=("OrderTerminated",),
            deadline="payment_window",
            compensation="workflows.compensate_payment",
            writes=(Table.ORDERS,),
            resumes_workflow=True,
        ),
        Compensation(
            name="CompensatePayment",
            module="workflows.compensate_payment",
            writes=(Table.ORDERS, Table.INVENTORY, Table.PRICING, Table.CREDITS),
            payments=True,
        ),
        Step(
            name="AwaitShipment",
            module="workflows.await_shipment",
            waits_for_token=True,
            business_errors=("OrderTerminated",),
            deadline=14 * DAY,
            compensation="workflows.compensate_shipment",
            writes=(Table.ORDERS, Table.INVENTORY),
            resumes_workflow=True,
        ),
        Compensation(
            name="CompensateShipment",
            module="workflows.compensate_shipment",
            writes=(Table.ORDERS, Table.INVENTORY, Table.PRICING, Table.CREDITS),
        ),
        Step(
            name="AwaitDelivery",
            module="workflows.await_delivery",
            waits_for_token=True,
            business_errors=("OrderTerminated",),
            deadline=45 * DAY,
            compensation="workflows.compensate_delivery",
            pivot=True,
            writes=(Table.ORDERS,),
            payments=True,
            resumes_workflow=True,
        ),
        Compensation(
            name="CompensateDelivery",
            module="workflows.compensate_delivery",
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
