"""The order workflow in Amazon States Language, generated from the steps of the manifest."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from functions.manifest import Compensation, Step

RETRYABLE_ERRORS = ["States.TaskFailed"]
"""All failures of a task except its timeout."""


def definition(
    steps: Sequence[Step],
    compensations: Mapping[str, Compensation],
    arn_of: Callable[[str], str],
) -> dict[str, Any]:
    """Return the state machine: ``steps`` in order, each with the compensations before it.

    ``compensations`` are by module; ``arn_of`` returns a module's function ARN. An
    order without failures enters each step once, which is one billed transition per step.
    """
    states: dict[str, Any] = {}
    compensation: str | None = None
    for at, step in enumerate(steps):
        if step.pivot:
            compensation = None
        following = steps[at + 1].name if at + 1 < len(steps) else None
        if step.compensation is not None:
            own = compensations[step.compensation]
            states |= _compensation(own, step.name, compensation, following, arn_of)
            compensation = own.name
        states[step.name] = _step(step, following, compensation, arn_of)
        if step.pivot:
            compensation = None
    order = [s.name for s in steps]
    order += [name for name in states if name not in order]
    return {
        "Comment": "An order from placement to completion",
        "StartAt": steps[0].name,
        "States": {name: states[name] for name in order},
    }


def _step(
    step: Step, following: str | None, compensation: str | None, arn_of: Callable[[str], str]
) -> dict[str, Any]:
    state = {
        "Type": "Task",
        "Comment": step.module,
        "Resource": _invoke(step.waits_for_token),
        "Parameters": {
            "FunctionName": arn_of(step.module),
            "Payload": {"order_id.$": "$.order_id"}
            | ({"token.$": "$$.Task.Token"} if step.waits_for_token else {}),
        },
        "ResultPath": None,
        **_deadline(step),
        "Retry": [
            *([_never(step.business_errors)] if step.business_errors else []),
            {
                "ErrorEquals": RETRYABLE_ERRORS,
                # Half an hour in all: an outage must not cancel paid orders.
                "IntervalSeconds": 2,
                "MaxAttempts": 10,
                "BackoffRate": 2,
                "MaxDelaySeconds": 600,
                "JitterStrategy": "FULL",
            },
        ],
    }
    if compensation:
        state["Catch"] = [
            {"ErrorEquals": ["States.ALL"], "ResultPath": "$.failure", "Next": compensation}
        ]
    return state | _then(following)


def _compensation(
    compensation: Compensation,
    step: str,
    earlier: str | None,
    following: str | None,
    arn_of: Callable[[str], str],
) -> dict[str, Any]:
    """Return the compensation of a step, and the choice after it.

    The order continues with the ``following`` step if the failed one succeeded after all. It waits
    again if the result is still pending. Otherwise the ``earlier`` compensation runs.
    """
    choice_name = f"{compensation.name}OrGoOn"
    task = {
        "Type": "Task",
        "Comment": compensation.module,
        "Resource": _invoke(False),
        "Parameters": {
            "FunctionName": arn_of(compensation.module),
            "Payload": {"order_id.$": "$.order_id", "failure.$": "$.failure"},
        },
        "ResultSelector": {
            "succeeded.$": "$.Payload.succeeded",
            "still_pending.$": "$.Payload.still_pending",
        },
        "ResultPath": "$.compensation",
        "TimeoutSeconds": compensation.timeout + 10,
        "Retry": [
            {
                "ErrorEquals": ["States.ALL"],
                "IntervalSeconds": 5,
                "MaxAttempts": 10,
                "BackoffRate": 2,
                "MaxDelaySeconds": 900,
                "JitterStrategy": "FULL",
            }
        ],
        "Next": choice_name,
    }
    choice = {
        "Type": "Choice",
        "Choices": [
            {
                "Variable": "$.compensation.succeeded",
                "BooleanEquals": True,
                "Next": following or "OrderTerminated",
            },
            {"Variable": "$.compensation.still_pending", "BooleanEquals": True, "Next": step},
        ],
        "Default": earlier or "OrderTerminated",
    }
    return {compensation.name: task, choice_name: choice, "OrderTerminated": {"Type": "Succeed"}}


def _deadline(step: Step) -> dict[str, Any]:
    if isinstance(step.deadline, str):
        raise TypeError(
            f"{step.name}: the deadline {step.deadline!r} must be replaced by the stage's seconds"
        )
    return {"TimeoutSeconds": step.deadline or step.timeout + 10}


def _never(errors: Sequence[str]) -> dict[str, Any]:
    return {"ErrorEquals": list(errors), "MaxAttempts": 0}


def _then(following: str | None) -> dict[str, Any]:
    return {"Next": following} if following else {"End": True}


def _invoke(waits: bool) -> str:
    return "arn:${AWS::Partition}:states:::lambda:invoke" + (".waitForTaskToken" if waits else "")
