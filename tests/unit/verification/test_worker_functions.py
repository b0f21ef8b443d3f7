"""Worker functions are named in strings, because the shop is imported only in the workers.

A renamed function would therefore fail only in a run. These tests find every such name.
"""

import ast
import re
from collections.abc import Iterator
from importlib import import_module
from inspect import signature
from pathlib import Path

import pytest

import verification

FOLDER = Path(verification.__file__).parent
TASK = re.compile(r"verification\.\w+:\w+")


def named_tasks() -> Iterator[str]:
    """Yield every ``module:function`` text."""
    for file in sorted(FOLDER.glob("*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            if (
                isinstance(node, ast.Constant)
                and isinstance(node.value, str)
                and TASK.fullmatch(node.value)
            ):
                yield node.value


TASKS = sorted(set(named_tasks()))


def test_names_are_found() -> None:
    assert "verification.fault_injection_worker:inject_faults" in TASKS
    assert "verification.load_buyers:complete_sessions" in TASKS
    assert len(TASKS) >= 10


@pytest.mark.parametrize("task", TASKS)
def test_named_function_exists_and_reports_progress(task: str) -> None:
    module, _, name = task.partition(":")
    function = getattr(import_module(module), name)
    assert next(iter(signature(function).parameters)) == "progress"
