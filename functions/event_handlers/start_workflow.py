"""OrderPlaced: start the order's workflow, once; the execution's name is the order id."""

from shop.entrypoints.eventbridge import EventEnvelope, event_handler
from shop.entrypoints.http import required_setting
from shop.orders.gateway.workflow import StepFunctionsWorkflow

workflow = StepFunctionsWorkflow(required_setting("WORKFLOW_ARN"))


@event_handler
def handler(event: EventEnvelope) -> None:
    workflow.start(event.subject)
