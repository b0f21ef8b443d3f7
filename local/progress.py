"""Progress output of the make commands."""

import contextlib
import subprocess
import threading
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


SHOWN_AFTER_SECONDS = 2.0
"""A step that is usually short is shown when it has taken this long."""

Timer = Callable[[float, Callable[[], None]], threading.Timer]


class Progress:
    """Steps with their times: live on a terminal; elsewhere a line at the start and at the end."""

    def __init__(
        self,
        *,
        quiet: bool = False,
        clock: Callable[[], float] = time.monotonic,
        timer: Timer = threading.Timer,
    ) -> None:
        self.console = Console(highlight=False, quiet=quiet)
        self._clock = clock
        self._timer = timer

    def print(self, text: str = "") -> None:
        self.console.print(text, soft_wrap=True)

    @contextlib.contextmanager
    def step(self, text: str, total: int | None = None) -> Iterator[StepStatus]:
        """Show a step while it runs, and its duration at the end. ``total`` adds a progress bar."""
        started = self._clock()
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
        self._print_end(text, started)

    @contextlib.contextmanager
    def short_step(self, text: str) -> Iterator[None]:
        """Run a step that is usually short. It is shown only if it takes longer."""
        started = self._clock()
        shown = threading.Event()

        def show() -> None:
            shown.set()
            self.print(f"  … {text}")

        timer = self._timer(SHOWN_AFTER_SECONDS, show)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
        if shown.is_set():
            self._print_end(text, started)

    def _print_end(self, text: str, started: float) -> None:
        self.print(f"  [green]✓[/green] {text} [dim]{self._clock() - started:.1f} s[/dim]")


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
