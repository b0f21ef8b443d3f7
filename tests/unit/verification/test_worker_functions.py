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
    """Yield every ``module:function`` text, and the names given to ``LoadTest``."""
    for file in sorted(FOLDER.glob("*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            match node:
                case ast.Constant(value=str(text)) if TASK.fullmatch(text):
                    yield text
                case ast.Call(
                    func=ast.Attribute(attr="run" | "call" | "_one" | "_all"),
                    args=[ast.Constant(value=str(name)), *_],
                ):
                    yield f"verification.load_workers:{name}"


TASKS = sorted(set(named_tasks()))


def test_names_are_found() -> None:
    assert "verification.fault_injection_worker:inject_faults" in TASKS
    assert "verification.load_workers:complete_sessions" in TASKS
    assert len(TASKS) >= 10


@pytest.mark.parametrize("task", TASKS)
def test_named_function_exists_and_reports_progress(task: str) -> None:
    module, _, name = task.partition(":")
    function = getattr(import_module(module), name)
    assert next(iter(signature(function).parameters)) == "progress"
