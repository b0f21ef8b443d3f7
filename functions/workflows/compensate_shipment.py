"""CompensateShipment: cancel pieces that were not shipped in time.

An order with a pending ship date waits again, because its back-ordered pieces are not late.
"""

from shop.composition.orders import order_writes
from shop.entrypoints.step_functions import STILL_PENDING, StillPending, WorkflowTask, workflow_task
from shop.orders.actions.cancellation import cancel_unshipped
from shop.orders.model import OrderStatus

writes = order_writes()


@workflow_task
def handler(task: WorkflowTask) -> bool | StillPending:
    order = cancel_unshipped(task.order_id, at=task.at, writes=writes)
    # Only an order with a pending ship date is confirmed and unshipped now.
    if order.status is OrderStatus.CONFIRMED and not order.shipped:
        return STILL_PENDING
    return order.status is OrderStatus.CONFIRMED
