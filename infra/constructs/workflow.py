"""The order workflow in Amazon States Language, written from the manifest's steps."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from functions.manifest import Compensation, Step

RETRYABLE_ERRORS = ["States.TaskFailed"]
"""All failures of a task except its timeout."""


def definition(
    steps: Sequence[Step], undos: Mapping[str, Compensation], arn_of: Callable[[str], str]
) -> dict[str, Any]:
    """Return the state machine: ``steps`` in order, each with the compensations before it.

    ``undos`` maps a module to its compensation; ``arn_of`` returns a module's function ARN. An
    order without failures enters each step once, which is one billed transition per step.
    """
    states: dict[str, Any] = {}
    compensation: str | None = None
    for at, step in enumerate(steps):
        if step.pivot:
            compensation = None
        following = steps[at + 1].name if at + 1 < len(steps) else None
        if step.compensation is not None:
            states |= _undo(undos[step.compensation], step.name, compensation, following, arn_of)
            compensation = undos[step.compensation].name
        states[step.name] = _step(step, following, compensation, arn_of)
        if step.pivot:
            compensation = None
    order = [s.name for s in steps]
    order += [name for name in states if name not in order]
    return {
        "Comment": "An order's life, from placing to completion",
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


def _undo(
    undo: Compensation,
    of: str,
    earlier: str | None,
    onward: str | None,
    arn_of: Callable[[str], str],
) -> dict[str, Any]:
    """Return the compensation, and the choice after it: continue, wait again, or compensate on."""
    choice_name = f"{undo.name}OrGoOn"
    task = {
        "Type": "Task",
        "Comment": undo.module,
        "Resource": _invoke(False),
        "Parameters": {
            "FunctionName": arn_of(undo.module),
            "Payload": {"order_id.$": "$.order_id", "failure.$": "$.failure"},
        },
        "ResultSelector": {
            "succeeded.$": "$.Payload.succeeded",
            "still_pending.$": "$.Payload.still_pending",
        },
        "ResultPath": "$.undo",
        "TimeoutSeconds": undo.timeout + 10,
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
                "Variable": "$.undo.succeeded",
                "BooleanEquals": True,
                "Next": onward or "OrderTerminated",
            },
            {"Variable": "$.undo.still_pending", "BooleanEquals": True, "Next": of},
        ],
        "Default": earlier or "OrderTerminated",
    }
    return {undo.name: task, choice_name: choice, "OrderTerminated": {"Type": "Succeed"}}


def _deadline(step: Step) -> dict[str, Any]:
    if isinstance(step.deadline, str):
        raise TypeError(f"{step.name}: the stage says how long {step.deadline} is")
    return {"TimeoutSeconds": step.deadline or step.timeout + 10}


def _never(errors: Sequence[str]) -> dict[str, Any]:
    return {"ErrorEquals": list(errors), "MaxAttempts": 0}


def _then(following: str | None) -> dict[str, Any]:
    return {"Next": following} if following else {"End": True}


def _invoke(waits: bool) -> str:
    return "arn:${AWS::Partition}:states:::lambda:invoke" + (".waitForTaskToken" if waits else "")
