"""Saves of the emulator's state: complete or not at all, and written by a forked child."""

import concurrent.futures
import contextlib
import copy
import gc
import json
import logging
import os
import shutil
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NoReturn

from local.interrupted_stacks import end_interrupted_operations

log = logging.getLogger("doorbuster.emulator")

COMPLETE = "complete"
"""A file that marks a save as complete; it notes the sizes of the other files."""
BLOBS = "blobs.json"
"""A file of a save: the names of the Lambda code files that it refers to."""
SAVE_TIMEOUT_SECONDS = 90.0
"""After this time a child that writes a save is killed; 2,465 products take 1 to 2 seconds."""

Services = Mapping[str, Callable[[], Any]]


class SaveFailed(RuntimeError):
    """A save was not completed; the one before it stays valid."""


class StatePersistence:
    """Saves the emulator's state: one folder per save; the newest complete one is loaded.

    A child process writes each save. It is forked on the thread of MiniStack's event loop, where
    all of DynamoDB's writes happen. The child therefore has the state between two writes, and no
    request waits while it writes. The child only writes files; the parent marks the save complete.
    A child whose parent was killed leaves no complete save.
    """

    def __init__(self, app: Any, folder: Path, *, timeout: float = SAVE_TIMEOUT_SECONDS) -> None:
        self._app = app
        self._folder = folder
        self._timeout = timeout
        self._lock = threading.Lock()
        self._save_requested = threading.Event()
        self._calls = 0
        self._number = 0
        self._child: int | None = None
        self._ending = False
        self._referenced: set[str] | None = None

    def attach(self) -> None:
        """Replace MiniStack's loading and saving. Call it before MiniStack reads any file."""
        from ministack.core import persistence

        self._persistence = persistence
        newest = self._newest()
        persistence.STATE_DIR = str(newest or self._folder / "none")
        self._app.save_all = self.save_on_shutdown
        self._defer_code_pruning()
        load = self._app._load_persisted_state

        def load_with_streams() -> None:
            gc.disable()  # loading makes many objects; each collection would scan them all
            load()
            self._load_streams(newest)
            _rewrite_queue_urls()
            end_interrupted_operations()
            gc.enable()
            gc.freeze()

        self._app._load_persisted_state = load_with_streams
        serve = self._app.app

        async def counted(scope: Any, receive: Any, send: Any) -> None:
            self._calls += 1
            await serve(scope, receive, send)

        self._app.app = counted

    def _defer_code_pruning(self) -> None:
        """Keep old Lambda code until the save that no longer needs it is complete."""
        from ministack.services import lambda_svc

        lambda_svc.CODE_BLOB_DIR = str(self._folder / "lambda-blobs")
        self._prune = lambda_svc._prune_orphan_code_blobs

        def record_referenced(referenced: set[str]) -> None:
            self._referenced = set(referenced)

        lambda_svc._prune_orphan_code_blobs = record_referenced

    def request(self) -> None:
        """Save soon. A folder with a greater number, marked complete, shows that it is done."""
        self._save_requested.set()

    def save_periodically(self, every: float) -> None:
        """Save on request, and after each interval with a call. Runs until shutdown.

        A state that takes longer to save is saved less often. A failed save is retried.
        """
        seen, duration, failures = self._calls, 0.0, 0
        while not self._ending:
            pause = max(every, 10 * duration) if every else None
            if failures:
                pause = min(5.0 * 2**failures, 60.0, pause or 60.0)
            requested = self._save_requested.wait(pause)
            self._save_requested.clear()
            if not (requested or failures or self._calls != seen):
                continue
            seen, started = self._calls, time.monotonic()
            try:
                self.save(self._app._build_persistence_save_dict)
            except (SaveFailed, OSError) as error:
                failures += 1
                if not self._ending:
                    log.error("the state was not saved and will be retried: %s", error)
            else:
                failures = 0
            duration = time.monotonic() - started

    def save(self, services: Callable[[], Services]) -> None:
        """Save all services or none, while requests are served.

        Raises :class:`SaveFailed`, and ``OSError`` without memory for a child or disk space.
        """
        loop = self._app._MAIN_LOOP
        if loop is None:
            raise SaveFailed("the emulator has not started yet")
        begun: concurrent.futures.Future[tuple[int, Path]] = concurrent.futures.Future()

        def begin() -> None:
            try:
                if self._ending:
                    raise SaveFailed("the emulator is being stopped")
                begun.set_result(self._fork(services))
            except (SaveFailed, OSError) as error:
                begun.set_exception(error)

        started = time.monotonic()
        try:
            loop.call_soon_threadsafe(begin)
        except RuntimeError as error:  # the loop is closed
            raise SaveFailed("the emulator is being stopped") from error
        child, target = begun.result()
        with self._lock:
            self._wait_for_child(child, target)
            self._mark_complete(target, started)

    def save_on_shutdown(self, services: Services) -> None:
        """Write the last save of an orderly stop, on the loop's own thread.

        No request is served any more. If a child cannot write, this process does.
        """
        started = time.monotonic()
        self._ending = True
        if self._child is not None:  # its state is older than this one
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._child, signal.SIGKILL)
        with self._lock:
            try:
                child, target = self._fork(lambda: services)
                self._wait_for_child(child, target)
            except (SaveFailed, OSError) as error:
                log.error("writing the last save without a child: %s", error)
                target = self._next_folder()
                self._write_all(services, target)
            self._mark_complete(target, started)

    def _fork(self, services: Callable[[], Services]) -> tuple[int, Path]:
        target = self._next_folder()
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(writing)
            self._run_child(services, target, reading)
        os.close(reading)
        self._lifeline = writing
        self._child = child
        return child, target

    def _run_child(self, services: Callable[[], Services], target: Path, lifeline: int) -> NoReturn:
        """Write the save and exit. Sockets, workers and signals belong to the parent.

        A fork copies only this thread, so a lock that another thread held would stay locked: the
        locks of MiniStack's modules are reset. Without other threads, no state needs a copy.
        """
        status = 1
        try:
            gc.disable()
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGUSR1, signal.SIG_IGN)
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            _close_all_except(lifeline)
            threading.Thread(target=_exit_with_parent, args=(lifeline,), daemon=True).start()
            _reset_locks()
            copy.deepcopy = _identity  # type: ignore[assignment]
            self._write_all(services(), target)
            status = 0
        finally:
            try:
                if status:
                    traceback.print_exc()
                    sys.stderr.flush()
            finally:  # also if a full disk prevents the output
                os._exit(status)

    def _wait_for_child(self, child: int, target: Path) -> None:
        """Wait for the child. Kill it at the timeout. Raises :class:`SaveFailed`."""
        deadline = time.monotonic() + self._timeout
        try:
            while True:
                ended, status = os.waitpid(child, os.WNOHANG)
                if ended:
                    break
                if time.monotonic() > deadline:
                    os.kill(child, signal.SIGKILL)
                    os.waitpid(child, 0)
                    raise SaveFailed(f"its child was not done in {self._timeout:.0f} s; killed")
                time.sleep(0.01)
            if code := os.waitstatus_to_exitcode(status):
                raise SaveFailed(f"its child ended with {code}")
        except SaveFailed:
            shutil.rmtree(target, ignore_errors=True)
            raise
        finally:
            if self._child == child:
                self._child = None
                os.close(self._lifeline)

    def _write_all(self, services: Services, target: Path) -> None:
        """Write all services; outside a child, retry a state that changes while it is read."""
        earlier = self._newest()
        for name, get_state in services.items():
            state = _read_with_retries(get_state)
            if state is not None:
                self._write(target / f"{name}.json", name, state)
            elif earlier and (earlier / f"{name}.json").exists():
                shutil.copyfile(earlier / f"{name}.json", target / f"{name}.json")
        self._write(target / "streams.json", "streams", _read_with_retries(_streams))
        if self._referenced is not None:
            (target / BLOBS).write_text(json.dumps(sorted(self._referenced)))

    def _mark_complete(self, target: Path, started: float) -> None:
        """Mark the save complete and delete the earlier ones."""
        sizes = {file.name: file.stat().st_size for file in target.iterdir()}
        (target / COMPLETE).write_text(json.dumps(sizes))
        for old in saves(self._folder):
            if old.name < target.name:
                shutil.rmtree(old, ignore_errors=True)
        if BLOBS in sizes:
            self._prune(set(json.loads((target / BLOBS).read_text())))
        log.warning("saved state %s in %.2f s", target.name, time.monotonic() - started)

    def _next_folder(self) -> Path:
        """Return a folder with a new number: a waiting caller looks for a greater one."""
        last = next(iter(saves(self._folder)), None)
        self._number = max(self._number, int(last.name) if last else 0) + 1
        target = self._folder / f"{self._number:08d}"
        target.mkdir(parents=True)
        return target

    def _write(self, file: Path, service: str, state: Any) -> None:
        version = self._persistence._state_format_version(service)
        document = {"__ministack_format__": version, "payload": state}
        with file.open("w") as out:
            # dumps, not dump: only dumps encodes entirely in C.
            out.write(json.dumps(document, default=self._persistence._json_default))
            out.flush()
            os.fsync(out.fileno())

    def _newest(self) -> Path | None:
        return next(filter(is_whole, saves(self._folder)), None)

    def _load_streams(self, folder: Path | None) -> None:
        from ministack.services import dynamodb, lambda_svc

        stored = self._persistence.load_state("streams") if folder else None
        if stored:
            dynamodb._stream_records.update(stored["records"])
            dynamodb._stream_trimmed.update(stored["trimmed"])
        else:
            lambda_svc._dynamodb_stream_positions.clear()


def saves(folder: Path) -> list[Path]:
    """Return all saves in a state folder, newest first, incomplete ones included."""
    return sorted((f for f in folder.glob("*") if f.name.isdigit()), reverse=True)


def is_whole(save: Path) -> bool:
    """Return whether a save is complete and all its files still have their noted sizes."""
    try:
        sizes = json.loads((save / COMPLETE).read_text())
        return all((save / name).stat().st_size == size for name, size in sizes.items())
    except (OSError, ValueError):
        return False


def _rewrite_queue_urls() -> None:
    """Rewrite queue URLs to the present port: event source mappings look queues up by URL."""
    from ministack.services import sqs

    for (account, region, url), queue in list(sqs._queues.all_items()):
        present = sqs._queue_url_for_account(account, queue["name"])
        if url != present:
            del sqs._queues._data[account, region, url]
            queue["url"] = present
            sqs._queues.set_scoped(account, region, present, queue)
    sqs._queue_name_to_url.clear()
    sqs._rebuild_queue_name_index()


def _streams() -> dict[str, Any]:
    from ministack.services import dynamodb

    return {
        "records": copy.deepcopy(dynamodb._stream_records),
        "trimmed": copy.deepcopy(dynamodb._stream_trimmed),
    }


def _read_with_retries(read: Callable[[], Any]) -> Any:
    """Read a state that other threads may change; retry when the copy fails."""
    for attempt in range(20):
        try:
            return read()
        except RuntimeError as error:  # "dictionary changed size during iteration"
            if attempt == 19:
                raise
            log.info("reading again: %s", error)
            time.sleep(0.02)
    raise AssertionError("unreachable")


def _close_all_except(stored: int) -> None:
    """Close the port and the Lambda workers' pipes, so that a child never holds them."""
    for name in [int(entry.name) for entry in Path("/dev/fd").iterdir()]:
        if name > 2 and name != stored:
            with contextlib.suppress(OSError):
                os.close(name)


def _exit_with_parent(lifeline: int) -> None:
    """Exit when the pipe closes, which happens when the parent ends in any way."""
    with contextlib.suppress(OSError):
        os.read(lifeline, 1)
    os._exit(1)


def _reset_locks() -> None:
    """Release all locks of MiniStack's modules."""
    kinds = (type(threading.Lock()), type(threading.RLock()))
    for name, module in list(sys.modules.items()):
        if name.startswith("ministack."):
            for value in list(vars(module).values()):
                if isinstance(value, kinds):
                    value._at_fork_reinit()  # type: ignore[union-attr]


def _identity(value: Any, memo: Any = None) -> Any:
    """Stand in for ``copy.deepcopy`` where no other thread can change the original."""
    return value
