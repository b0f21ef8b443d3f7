"""Rules on the state machines: the order workflow, and the workflows of jobs."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from functions.manifest import Compensation, Function, JobStep, Step

MAX_TRANSITIONS = 4
"""State transitions of an order without failures; each is billed."""


def workflow_breaches(machine: Mapping[str, Any], entries: Iterable[Function]) -> list[str]:
    """It runs the manifest's steps, every task is bounded, every compensation is reachable."""
    entries = list(entries)
    states = machine["States"]
    steps = {x.name: x for x in entries if isinstance(x, Step)}
    compensations = {x.name for x in entries if isinstance(x, Compensation)}
    path = list(walk(states, machine["StartAt"]))
    breaches = []
    if path != list(steps):
        breaches.append(f"without failures it runs {path}, the manifest has {list(steps)}")
    if len(path) > MAX_TRANSITIONS:
        breaches.append(f"{len(path)} transitions per order; {MAX_TRANSITIONS} is the budget")
    breaches += _unbounded_tasks(states)
    breaches += _wrong_failure_paths(states, steps, compensations)
    reached = {
        n for s in states.values() for c in s.get("Catch", ()) for n in walk(states, c["Next"])
    }
    return breaches + [f"{name}: is never reached" for name in sorted(compensations - reached)]


def _unbounded_tasks(states: Mapping[str, Any]) -> Iterator[str]:
    for name, state in states.items():
        if state["Type"] != "Task":
            continue
        if "TimeoutSeconds" not in state:
            yield f"{name}: has no timeout, so it may run for a year"
        if not state.get("Retry"):
            yield f"{name}: has no retry"
        if "dynamodb" in state["Resource"]:
            yield f"{name}: writes to a table without a Lambda"


def job_breaches(machine: Mapping[str, Any], entries: Iterable[Function]) -> list[str]:
    """It runs the manifest's steps, every task is bounded, and every failure has a report."""
    states = _with_inner_states(machine)
    called = {str(s["Parameters"]["FunctionName"]) for s in states.values() if s["Type"] == "Task"}
    steps = {x.module.replace(".", "-") for x in entries if isinstance(x, JobStep)}
    breaches = [
        f"{name}: is no step of the manifest"
        for name in sorted(called)
        if not name.endswith(tuple(steps))
    ]
    breaches += _unbounded_tasks(states)
    if "TimeoutSeconds" not in machine:
        breaches.append("has no timeout, so it may run for a year")
    last = [name for name, state in machine["States"].items() if state.get("End")]
    for name, state in states.items():
        if state["Type"] == "Task" and name not in last and not state.get("Catch"):
            breaches.append(f"{name}: its failure ends the job without a report")
        if state["Type"] == "Map" and not state.get("MaxConcurrency"):
            breaches.append(f"{name}: runs any number of Lambdas at once")
    return breaches


def _with_inner_states(machine: Mapping[str, Any]) -> dict[str, Any]:
    states = dict(machine["States"])
    for state in machine["States"].values():
        if state["Type"] == "Map":
            states |= _with_inner_states(state["ItemProcessor"])
    return states


def _wrong_failure_paths(
    states: Mapping[str, Any], steps: Mapping[str, Step], compensations: set[str]
) -> Iterator[str]:
    passed_pivot = False
    for name, step in steps.items():
        caught = [c["Next"] for c in states[name].get("Catch", ())]
        back = [n for c in caught for n in walk(states, c) if states[n]["Type"] == "Task"]
        if passed_pivot and caught:
            yield f"{name}: is compensated after the pivot"
        if step.compensation and not caught:
            yield f"{name}: its compensation is not reachable"
        resource = states[name]["Resource"]
        if step.waits_for_token != resource.endswith(".waitForTaskToken"):
            yield f"{name}: waits_for_token is {step.waits_for_token}, but it calls {resource}"
        if not set(back) <= compensations:
            yield f"{name}: its failure path runs {back}"
        passed_pivot = passed_pivot or step.pivot


def walk(states: Mapping[str, Any], name: str | None) -> Iterator[str]:
    """Yield the states from this one on, without failures and on the default of each choice."""
    seen: set[str] = set()
    while name is not None and name not in seen:
        seen.add(name)
        yield name
        name = states[name].get("Next") or states[name].get("Default")
