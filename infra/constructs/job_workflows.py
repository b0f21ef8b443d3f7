"""The workflows of jobs in Amazon States Language, from the manifest's steps."""

from collections.abc import Callable, Mapping
from typing import Any

from functions.manifest import JobStep, JobWorkflow

MAX_PARALLEL_PARTS = 4
"""Parts of a file that are imported at once, so that shoppers keep their capacity."""
MAX_HOURS = 6

Arn = Callable[[str], str]


def job_definition(
    workflow: JobWorkflow, steps: Mapping[str, JobStep], arn_of: Arn
) -> dict[str, Any]:
    """Return the state machine of a workflow; ``arn_of`` returns a module's function ARN."""
    return {JobWorkflow.IMPORT: _import, JobWorkflow.EXPORT: _export}[workflow](steps, arn_of)


def _import(steps: Mapping[str, JobStep], arn_of: Arn) -> dict[str, Any]:
    """Split the file, import its parts, write the report.

    The report is also written if the file cannot be split or a part fails after its retries: it
    names what is missing.
    """
    part = {
        **_task(steps["ImportPart"], arn_of, {"job_id.$": "$.job_id", "part.$": "$.part"}),
        "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "PartFailed"}],
        "End": True,
    }
    split = {
        **_task(steps["SplitFile"], arn_of),
        "ResultSelector": {"parts.$": "$.Payload.parts"},
        "ResultPath": "$.split",
        "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": None, "Next": "FinishImport"}],
        "Next": "ImportParts",
    }
    parts = {
        "Type": "Map",
        "ItemsPath": "$.split.parts",
        "ItemSelector": {"job_id.$": "$.job_id", "part.$": "$$.Map.Item.Value"},
        "MaxConcurrency": MAX_PARALLEL_PARTS,
        "ItemProcessor": {
            "ProcessorConfig": {"Mode": "INLINE"},
            "StartAt": "ImportPart",
            "States": {
                "ImportPart": part,
                "PartFailed": {
                    "Type": "Pass",
                    "Comment": "FinishImport reports its products",
                    "Result": {"imported": False},
                    "End": True,
                },
            },
        },
        "ResultPath": None,
        "Next": "FinishImport",
    }
    finish = {**_task(steps["FinishImport"], arn_of), "End": True}
    return {
        "Comment": "The import of a large product file",
        "StartAt": "SplitFile",
        "TimeoutSeconds": MAX_HOURS * 3600,
        "States": {"SplitFile": split, "ImportParts": parts, "FinishImport": finish},
    }


def _export(steps: Mapping[str, JobStep], arn_of: Arn) -> dict[str, Any]:
    """Write the file piece by piece, then join the pieces; a piece that fails ends the job."""
    piece = {
        **_task(steps["ExportPiece"], arn_of),
        "ResultSelector": {"is_read.$": "$.Payload.is_read"},
        "ResultPath": "$.piece",
        "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": None, "Next": "FinishExport"}],
        "Next": "IsRead",
    }
    choice = {
        "Type": "Choice",
        "Choices": [{"Variable": "$.piece.is_read", "BooleanEquals": True, "Next": "FinishExport"}],
        "Default": "ExportPiece",
    }
    finish = {**_task(steps["FinishExport"], arn_of), "End": True}
    return {
        "Comment": "The export of a whole catalog",
        "StartAt": "ExportPiece",
        "TimeoutSeconds": MAX_HOURS * 3600,
        "States": {"ExportPiece": piece, "IsRead": choice, "FinishExport": finish},
    }


def _task(step: JobStep, arn_of: Arn, payload: Mapping[str, str] | None = None) -> dict[str, Any]:
    return {
        "Type": "Task",
        "Comment": step.module,
        "Resource": "arn:${AWS::Partition}:states:::lambda:invoke",
        "Parameters": {
            "FunctionName": arn_of(step.module),
            "Payload": payload or {"job_id.$": "$.job_id"},
        },
        "TimeoutSeconds": step.timeout + 10,
        "Retry": [
            {
                # By class, no error is worth fewer attempts: each step may be repeated.
                "ErrorEquals": ["States.ALL"],
                "IntervalSeconds": 2,
                "MaxAttempts": 5,
                "BackoffRate": 3,
                "MaxDelaySeconds": 120,
                "JitterStrategy": "FULL",
            }
        ],
    }
