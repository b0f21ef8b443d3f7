"""Runs the state machine of a job over its Lambdas, as Step Functions would.

It reads the deployed definition: tasks with ``Retry`` and ``Catch``, maps, choices and passes, and
of JSONPath only references to a field. An unknown field of a state is an error, so that no test
passes by ignoring one.
"""

from collections.abc import Callable, Mapping
from typing import Any

from functions.all import FEATURES
from functions.manifest import JobStep, JobWorkflow
from infra.constructs.job_workflows import job_definition

Invoke = Callable[[str, Mapping[str, Any]], Any]
"""Invokes a Lambda by the name of its module."""

_KNOWN = {
    "Task": {"Comment", "Resource", "Parameters", "TimeoutSeconds", "Retry", "Catch"},
    "Map": {"ItemsPath", "ItemSelector", "MaxConcurrency", "ItemProcessor"},
    "Pass": {"Comment", "Result"},
    "Choice": {"Choices", "Default"},
}
_COMMON = {"Type", "Next", "End", "ResultPath", "ResultSelector"}


class StateFailed(Exception):
    """A state failed after all its retries."""


def run_job(workflow: JobWorkflow, job_id: str, invoke: Invoke) -> Any:
    """Run the workflow of a job to its end. Raises :class:`StateFailed`."""
    steps = {
        entry.name: entry
        for feature in FEATURES
        for entry in feature.functions
        if isinstance(entry, JobStep) and entry.workflow is workflow
    }
    machine = job_definition(workflow, steps, str)
    return _run(machine, {"job_id": job_id}, invoke, {})


def _run(machine: Mapping[str, Any], data: Any, invoke: Invoke, context: Any) -> Any:
    name: str | None = machine["StartAt"]
    while name is not None:
        state = machine["States"][name]
        unknown = state.keys() - _COMMON - _KNOWN[state["Type"]]
        assert not unknown, f"{name}: the double ignores {unknown}"
        if state["Type"] == "Choice":
            name = _choose(state, data)
            continue
        try:
            result = _result(state, data, invoke, context)
        except StateFailed:
            if not (catches := state.get("Catch")):
                raise
            (catch,) = catches
            assert catch["ErrorEquals"] == ["States.ALL"]
            data = _with_result(catch, data, {"Error": "Runtime.HandlerError", "Cause": "{}"})
            name = catch["Next"]
            continue
        if "ResultSelector" in state:
            result = _filled(state["ResultSelector"], result, context)
        data = _with_result(state, data, result)
        assert state.get("End") or "Next" in state
        name = state.get("Next")
    return data


def _choose(state: Mapping[str, Any], data: Any) -> str:
    for rule in state["Choices"]:
        assert rule.keys() == {"Variable", "BooleanEquals", "Next"}
        if _get(rule["Variable"], data, {}) is rule["BooleanEquals"]:
            return str(rule["Next"])
    return str(state["Default"])


def _result(state: Mapping[str, Any], data: Any, invoke: Invoke, context: Any) -> Any:
    if state["Type"] == "Pass":
        return state.get("Result", data)
    if state["Type"] == "Map":
        results = []
        for item in _get(state["ItemsPath"], data, {}):
            item_context = {"Map": {"Item": {"Value": item}}}
            selected = _filled(state["ItemSelector"], data, item_context)
            results.append(_run(state["ItemProcessor"], selected, invoke, item_context))
        return results
    (retry,) = state["Retry"]
    assert retry["ErrorEquals"] == ["States.ALL"]
    parameters = _filled(state["Parameters"], data, context)
    last: Exception | None = None
    for _ in range(1 + retry["MaxAttempts"]):
        try:
            return {"Payload": invoke(parameters["FunctionName"], parameters["Payload"])}
        except Exception as error:  # noqa: BLE001  Step Functions retries any error
            last = error
    raise StateFailed(parameters["FunctionName"]) from last


def _with_result(state: Mapping[str, Any], data: Any, result: Any) -> Any:
    path = state.get("ResultPath", "$")
    if path is None:
        return data
    if path == "$":
        return result
    return {**data, path.removeprefix("$."): result}


def _filled(template: Any, data: Any, context: Any) -> Any:
    if not isinstance(template, dict):
        return template
    return {
        name.removesuffix(".$"): (
            _get(value, data, context) if name.endswith(".$") else _filled(value, data, context)
        )
        for name, value in template.items()
    }


def _get(path: str, data: Any, context: Any) -> Any:
    source, rest = (context, path[3:]) if path.startswith("$$.") else (data, path[2:])
    for field in filter(None, rest.split(".")):
        source = source[field]
    return source
