"""The workflows of imports and exports on Step Functions."""

import json
from typing import Any

import boto3


class StepFunctionsJobWorkflow:
    """Starts the state machine with this ARN, once per job.

    See :class:`shop.catalog.ports.import_jobs.ImportWorkflow` and that of exports.
    """

    def __init__(self, machine: str) -> None:
        self._machine = machine
        self._client: Any = boto3.client("stepfunctions")

    def start(self, job_id: str) -> None:
        try:
            self._client.start_execution(
                stateMachineArn=self._machine, name=job_id, input=json.dumps({"job_id": job_id})
            )
        except self._client.exceptions.ExecutionAlreadyExists:
            return  # the name keeps the execution of a job unique
