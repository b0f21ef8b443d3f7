"""OrderPlaced → the order's workflow begins, once: its execution is named after the order."""

from shop.edge.http import setting
from shop.edge.reaction import Happening, reaction
from shop.orders.gateway.workflow import StepFunctions

workflow = StepFunctions(setting("WORKFLOW_ARN"))


@reaction
def handler(event: Happening) -> None:
    workflow.start(event.subject)
