"""The order workflow on Step Functions."""

import json
from typing import Any

import boto3

EXPIRED_TOKEN_ERRORS = frozenset({"TaskTimedOut", "TaskDoesNotExist", "InvalidToken"})
"""Errors for a token whose step has finished, failed or timed out."""


class StepFunctionsWorkflow:
    """See :class:`shop.orders.ports.OrderWorkflow`. ``machine`` is the ARN of its state machine."""

    def __init__(self, machine: str | None = None) -> None:
        self._machine = machine
        self._client: Any = boto3.client("stepfunctions")

    def start(self, order_id: str) -> None:
        try:
            self._client.start_execution(
                stateMachineArn=self._machine,
                name=order_id,
                input=json.dumps({"order_id": order_id}),
            )
        except self._client.exceptions.ExecutionAlreadyExists:
            return  # the event was delivered twice; the name keeps the execution unique

    def resume(self, token: str, result: dict[str, Any]) -> None:
        self._send("send_task_success", taskToken=token, output=json.dumps(result))

    def abort(self, token: str, error: str, cause: str) -> None:
        self._send("send_task_failure", taskToken=token, error=error[:256], cause=cause[:32768])

    def _send(self, operation: str, **arguments: str) -> None:
        try:
            getattr(self._client, operation)(**arguments)
        except self._client.exceptions.ClientError as error:
            # A late or repeated event finds the step done: that is no error.
            if error.response["Error"]["Code"] not in EXPIRED_TOKEN_ERRORS:
                raise
