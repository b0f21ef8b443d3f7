"""The order changed → whichever step of its workflow waits for that goes on."""

from shop.entrypoints.eventbridge import EventEnvelope, event_handler
from shop.orders.actions.workflow_tokens import advance_workflow
from shop.orders.gateway.workflow import StepFunctionsWorkflow
from shop.orders.store import DynamoOrderRepository, DynamoWorkflowTokens

orders = DynamoOrderRepository()
waits = DynamoWorkflowTokens()
workflow = StepFunctionsWorkflow()


@event_handler
def handler(event: EventEnvelope) -> None:
    advance_workflow(event.subject, orders=orders, waits=waits, workflow=workflow)
