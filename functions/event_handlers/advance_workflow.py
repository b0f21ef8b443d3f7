"""The order changed: resume the workflow steps that waited for it."""

from shop.entrypoints.eventbridge import EventEnvelope, event_handler
from shop.orders.actions.workflow_tokens import advance_workflow
from shop.orders.gateway.workflow import StepFunctionsWorkflow
from shop.orders.store import DynamoOrderRepository, DynamoWorkflowTokens

orders = DynamoOrderRepository()
tokens = DynamoWorkflowTokens()
workflow = StepFunctionsWorkflow()


@event_handler
def handler(event: EventEnvelope) -> None:
    advance_workflow(event.subject, orders=orders, tokens=tokens, workflow=workflow)
