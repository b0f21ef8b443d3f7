"""OrderPlaced → the order's workflow begins, once: its execution is named after the order."""

from datetime import datetime
from math import ceil

from shop.edge.http import setting
from shop.edge.reaction import Happening, reaction
from shop.orders.gateway.workflow import StepFunctions

workflow = StepFunctions(setting("WORKFLOW_ARN"))


@reaction
def handler(event: Happening) -> None:
    left = datetime.fromisoformat(event.data["pay_by"]) - event.now
    workflow.start(event.subject, max(1, ceil(left.total_seconds())))
