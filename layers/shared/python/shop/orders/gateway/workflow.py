"""The order workflow on Step Functions."""

import json
from typing import Any

import boto3

TOKEN_GONE_ERRORS = frozenset({"TaskTimedOut", "TaskDoesNotExist", "InvalidToken"})
"""Errors that say: nobody waits for this token any more."""


class StepFunctionsWorkflow:
    """See :class:`shop.orders.ports.OrderWorkflow`. ``machine`` is the ARN of what is started."""

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
            return

    def resume(self, token: str, result: dict[str, Any]) -> None:
        self._answer("send_task_success", taskToken=token, output=json.dumps(result))

    def abort(self, token: str, error: str, cause: str) -> None:
        self._answer("send_task_failure", taskToken=token, error=error[:256], cause=cause[:32768])

    def _answer(self, call: str, **arguments: str) -> None:
        try:
            getattr(self._client, call)(**arguments)
        except self._client.exceptions.ClientError as error:
            if error.response["Error"]["Code"] not in TOKEN_GONE_ERRORS:
                raise
