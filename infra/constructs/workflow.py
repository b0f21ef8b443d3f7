"""The order workflow in Amazon States Language, written from the manifest's steps."""

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

    ``compensations`` maps a module to its compensation; ``arn_of`` returns a module's function ARN.
    An order without failures enters each step once, which is one billed transition per step.
    """
    states: dict[str, Any] = {}
    latest: str | None = None
    """The compensation that a failure of the current step runs first."""
    for at, step in enumerate(steps):
        # Steps before a pivot are not compensated after it.
        if step.pivot:
            latest = None
        following = steps[at + 1].name if at + 1 < len(steps) else None
        if step.compensation is not None:
            compensation = compensations[step.compensation]
            states |= _compensation(compensation, step.name, latest, following, arn_of)
            latest = compensation.name
        states[step.name] = _step(step, following, latest, arn_of)
        # The pivot itself may be compensated; a later step that fails needs staff.
        if step.pivot:
            latest = None
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


def _compensation(
    compensation: Compensation,
    step: str,
    earlier: str | None,
    following: str | None,
    arn_of: Callable[[str], str],
) -> dict[str, Any]:
    """Return the compensation of a step and the choice after it.

    The choice continues with the ``following`` step, lets the step wait again, or runs the
    ``earlier`` compensation.
    """
    choice_name = f"After{compensation.name}"
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
            _if_true("succeeded", following or "OrderTerminated"),
            _if_true("still_pending", step),
        ],
        "Default": earlier or "OrderTerminated",
    }
    return {compensation.name: task, choice_name: choice, "OrderTerminated": {"Type": "Succeed"}}


def _if_true(field: str, state: str) -> dict[str, Any]:
    """Return the rule that goes to a state if the compensation's result has a true field."""
    return {"Variable": f"$.compensation.{field}", "BooleanEquals": True, "Next": state}


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
