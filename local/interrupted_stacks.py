"""End the stack operations that a stop of the emulator interrupted.

A saved stack may be in progress, but no task continues it after a start. The CDK CLI waits for its
end without a limit, and prints nothing meanwhile.
"""

import json
import logging

log = logging.getLogger("doorbuster.emulator")

ENDS = {
    "CREATE_IN_PROGRESS": "ROLLBACK_COMPLETE",  # the CDK CLI deletes the stack and creates it again
    "ROLLBACK_IN_PROGRESS": "ROLLBACK_COMPLETE",
    "DELETE_IN_PROGRESS": "DELETE_FAILED",
    "UPDATE_IN_PROGRESS": "UPDATE_ROLLBACK_COMPLETE",
    "UPDATE_ROLLBACK_IN_PROGRESS": "UPDATE_ROLLBACK_COMPLETE",
    "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS": "UPDATE_ROLLBACK_COMPLETE",
}
"""The state from which the operation can be repeated, for each state in progress."""
REASON = "The emulator stopped during the operation."


def end_interrupted_operations() -> None:
    """Give each stack in progress a state from which its operation can be repeated.

    The stack keeps the template before the operation, so that the same update is not taken for one
    without changes. Repeating it updates each resource again.
    """
    from ministack.services import cloudformation

    for stack in list(cloudformation._stacks._data.values()):
        status = stack.get("StackStatus")
        if status not in ENDS:
            continue
        stack["StackStatus"] = ENDS[status]
        stack["StackStatusReason"] = REASON
        stack["_template_body"] = json.dumps(stack.get("_template") or {})
        log.warning("stack %s was %s; it is now %s", stack["StackName"], status, ENDS[status])
    for change_set in list(cloudformation._change_sets._data.values()):
        if change_set.get("ExecutionStatus") == "EXECUTE_IN_PROGRESS":
            change_set["ExecutionStatus"] = "EXECUTE_FAILED"
