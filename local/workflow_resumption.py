"""Resume Step Functions executions that a restart of the emulator interrupted."""

import contextlib
import contextvars
import json
import logging
import socket
import threading
import time
from typing import Any

from local.processes import LOOPBACK

log = logging.getLogger("doorbuster.emulator")

INTERRUPTED = "States.ServiceRestart"
"""The error that MiniStack gives to executions that were running when it stopped."""
START_TIMEOUT_SECONDS = 120


def resume_workflows(app: Any, port: int) -> None:
    """Resume each interrupted execution in the last state it entered, once the emulator answers.

    The step's task runs again with a new token, and its deadline starts again.
    """
    deadline = time.monotonic() + START_TIMEOUT_SECONDS
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection((LOOPBACK, port), 1):
            break
        time.sleep(0.05)
    module = app._loaded_modules.get("stepfunctions")
    if module is None:
        return
    for (account, region, _), execution in list(module._executions.all_items()):
        if execution.get("error") != INTERRUPTED:
            continue
        context = contextvars.copy_context()
        thread = threading.Thread(
            target=context.run, args=(_resume, module, account, region, execution), daemon=True
        )
        thread.start()


def _resume(module: Any, account: str, region: str, execution: dict[str, Any]) -> None:
    from ministack.core.responses import set_request_account_id, set_request_region

    set_request_account_id(account)
    set_request_region(region)
    machine = module._state_machines.get(execution["stateMachineArn"])
    if machine is None:
        return
    definition = json.loads(machine["definition"])
    entered = [
        event["stateEnteredEventDetails"]
        for event in execution["events"]
        if "stateEnteredEventDetails" in event
        and event["stateEnteredEventDetails"]["name"] in definition["States"]
    ]
    execution.update(status="RUNNING", stopDate=None)
    execution.pop("error", None)
    execution.pop("cause", None)
    if not entered:
        module._run_execution(execution["executionArn"])
        return
    # The interpreter begins at StartAt with the execution's own input. A first state, in a copy of
    # the machine, leads it to its earlier state with the input it had there.
    entry_state = "Resumed after a restart"
    definition["States"][entry_state] = {
        "Type": "Pass",
        "QueryLanguage": "JSONPath",
        "Result": json.loads(entered[-1]["input"]),
        "Next": entered[-1]["name"],
    }
    definition["StartAt"] = entry_state
    arn = execution["stateMachineArn"]
    temporary_arn = f"{arn}:resumed:{execution['name']}"
    module._state_machines[temporary_arn] = {**machine, "definition": json.dumps(definition)}
    execution["stateMachineArn"] = temporary_arn

    def restore_machine() -> None:
        time.sleep(1)
        execution["stateMachineArn"] = arn
        module._state_machines.pop(temporary_arn, None)

    restorer = threading.Thread(
        target=contextvars.copy_context().run, args=(restore_machine,), daemon=True
    )
    restorer.start()
    log.warning("execution %s resumes in %s", execution["name"], entered[-1]["name"])
    module._run_execution(execution["executionArn"])
