"""Several processes at one proof, each with a shop of its own or all at one; progress is shown."""

import importlib
import multiprocessing
import queue
import signal
import sys
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from verification.emulator import cloud, dress


class Tell:
    """How a worker says how far it is: so many more pieces are done, of so many in all."""

    def __init__(self, say: Callable[[str, int], None]) -> None:
        self._say = say

    def __call__(self, more: int) -> None:
        self._say("more", more)

    def total(self, number: int) -> None:
        """There are so many in all, whatever was expected."""
        self._say("total", number)


def at_work(
    task: str,
    shares: Sequence[Mapping[str, Any]],
    *,
    total: int,
    words: str,
    endpoint: str | None = None,
) -> list[Any]:
    """Run ``module:function`` for each share, all at the same time, and return what they return.

    Each has an emulator of its own, or all speak to the one at ``endpoint``. The function is called
    with ``tell`` and its share. What fails in one ends all.
    """
    context = multiprocessing.get_context("spawn")
    heard: Any = context.Queue()
    crew = [
        context.Process(
            target=_work, args=(task, number, dict(share), endpoint, heard), daemon=True
        )
        for number, share in enumerate(shares)
    ]
    for worker in crew:
        worker.start()
    results: dict[int, Any] = {}
    progress = Progress(words, total)
    try:
        while len(results) < len(crew):
            try:
                number, kind, what = heard.get(timeout=1)
            except queue.Empty:
                dead = [w.pid for n, w in enumerate(crew) if n not in results and w.exitcode]
                if dead:
                    raise RuntimeError(f"{words}: worker {dead} died") from None
                continue
            if kind == "done":
                results[number] = what
            elif kind == "failed":
                raise RuntimeError(f"{words}: a worker failed\n{what}")
            elif kind == "total":
                progress.total = what
            else:
                progress.more(what)
    finally:
        progress.end()
        for worker in crew:
            worker.join(timeout=10 if len(results) == len(crew) else 0)
            if worker.is_alive():
                worker.terminate()
    return [results[number] for number in range(len(crew))]


def _work(
    task: str, number: int, share: Mapping[str, Any], endpoint: str | None, heard: Any
) -> None:
    module, _, name = task.partition(":")

    def work() -> Any:
        function = getattr(importlib.import_module(module), name)
        return function(Tell(lambda kind, what: heard.put((number, kind, what))), **share)

    def ended(*_: object) -> None:
        raise SystemExit(1)

    signal.signal(signal.SIGTERM, ended)
    try:
        if endpoint is None:
            with cloud():
                result = work()
        else:
            dress(endpoint)
            result = work()
        heard.put((number, "done", result))
    except BaseException:  # noqa: BLE001  whatever it was, the one who waits must hear of it
        heard.put((number, "failed", traceback.format_exc()))


class Progress:
    """How far it is: a line that changes on a terminal, elsewhere one every ten seconds."""

    def __init__(self, words: str, total: int) -> None:
        self._words, self.total = words, total
        self._done = 0
        self._began = time.monotonic()
        self._shown = 0.0

    def more(self, number: int) -> None:
        self._done += number
        now = time.monotonic()
        live = sys.stderr.isatty()
        if now - self._shown < (0.2 if live else 10):
            return
        self._shown = now
        if not live and now - self._began < 10:
            return
        left = (now - self._began) / max(self._done, 1) * max(self.total - self._done, 0)
        text = f"  {self._words}: {self._done:,} of {self.total:,}, {left:.0f} s left"
        print(
            f"\r{text:<79}" if live else text, end="" if live else "\n", file=sys.stderr, flush=True
        )

    def end(self) -> None:
        if sys.stderr.isatty():
            print("\r" + " " * 79 + "\r", end="", file=sys.stderr, flush=True)
