"""Progress output of the make commands."""

import contextlib
import subprocess
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from rich import progress
from rich.console import Console
from rich.progress import BarColumn, SpinnerColumn, TextColumn, TimeElapsedColumn

from local.processes import ROOT, CloudError


class StepStatus(Protocol):
    """Shows the current detail of a step, and how much is done."""

    def __call__(self, detail: str, done: int | None = None) -> None: ...


class Progress:
    """Steps with their times: live on a terminal; elsewhere a line at the start and at the end."""

    def __init__(self, *, quiet: bool = False) -> None:
        self.console = Console(highlight=False, quiet=quiet)

    def print(self, text: str = "") -> None:
        self.console.print(text, soft_wrap=True)

    @contextlib.contextmanager
    def step(self, text: str, total: int | None = None) -> Iterator[StepStatus]:
        """Show a step while it runs, and its duration at the end. ``total`` adds a progress bar."""
        started = time.monotonic()
        bar = [BarColumn(bar_width=20)] if total else []
        columns = [TextColumn(" "), SpinnerColumn(), TextColumn("{task.description}"), *bar]
        if not self.console.is_terminal:
            self.print(f"  … {text}")
        with progress.Progress(
            *columns,
            TimeElapsedColumn(),
            console=self.console,
            transient=True,
            disable=not self.console.is_terminal,
        ) as ticking:
            task = ticking.add_task(text, total=total)

            def at(detail: str, done: int | None = None) -> None:
                ticking.update(task, completed=done, description=f"{text} [dim]{detail}[/dim]")

            yield at
        self.print(f"  [green]✓[/green] {text} [dim]{time.monotonic() - started:.1f} s[/dim]")


def run_logged(
    command: Sequence[str],
    *,
    env: Mapping[str, str],
    log: Path,
    line: Callable[[str], None] = lambda _: None,
    is_relevant: Callable[[str], bool] = bool,
    cwd: Path = ROOT,
) -> None:
    """Run a program with its output in a log. Raises :class:`CloudError` with its last lines.

    ``is_relevant`` selects the lines for the error.
    """
    last: deque[str] = deque(maxlen=25)
    with log.open("w", encoding="utf-8") as out:
        process = subprocess.Popen(
            command,
            cwd=cwd,
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
        )
        assert process.stdout is not None  # noqa: S101 - PIPE was asked for above
        try:
            for text in process.stdout:
                out.write(text)
                line(text.rstrip())
                if text.strip() and is_relevant(text):
                    last.append(text.rstrip())
        except BaseException:
            process.terminate()
            raise
        finally:
            process.wait()
    if process.returncode != 0:
        tail = "\n".join(f"    {text}" for text in last)
        name = " ".join([Path(command[0]).name, *command[1:3]])
        raise CloudError(f"{name} failed with exit code {process.returncode} ({log}):\n{tail}")
