"""Runs MiniStack, the emulated AWS, with what its own start-up lacks for a shop that is kept.

MiniStack 1.5.33 as it comes (docs/local-cloud.md has each finding):

- saves its state only in an orderly stop, file by file, so a kill in between mixes two moments;
- keeps the place up to which a stream was read, but not the stream, so that after a restart as
  many changes as were read before go unheard;
- marks workflows that were under way as failed;
- refuses a stack with an alarm on a sum of metrics;
- fails at a bearer token whose parts are JSON but no objects, where API Gateway answers 401;
- loses the bytes of a body that are not UTF-8, before a Lambda could refuse them;
- tells what Lambdas say to CloudWatch Logs only;
- knows queues by URLs with its port in them, and loses them to their readers on another port.

So here a save is all or nothing and also made on request (SIGUSR1) and from time to time, by a
forked child, so that no request waits for it; streams are kept with the tables they belong to; and
a workflow goes on in the step it was in, whose task runs again and hands out a new token, just as a
redrive does on AWS. Queues move along.
"""

import argparse
import concurrent.futures
import contextlib
import contextvars
import copy
import gc
import json
import logging
import os
import shutil
import signal
import socket
import sys
import threading
import time
import traceback
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NoReturn

from local import lambda_logs
from local.processes import LOOPBACK, watch_lifeline

log = logging.getLogger("doorbuster.emulator")

COMPLETE = "complete"
RUNNING = "running"
"""A file that an orderly stop removes: to find it without an emulator tells of a kill."""
INTERRUPTED = "States.ServiceRestart"
BLOBS = "blobs.json"
"""In a save: the names of the Lambda code files that it refers to."""
LAMBDAS_LOG = "lambdas.log"
SAVE_TIMEOUT_SECONDS = 90.0
"""Seconds a child may take to write a save before it is killed; 2,465 products take 1 to 2."""

Services = Mapping[str, Callable[[], Any]]


class SaveFailed(RuntimeError):
    """A save did not come to its end; the one before it still counts."""


def main() -> None:
    """Serve until told to stop; the settings come from ``local.cloud`` as environment variables."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--save-every", type=float, default=0, help="seconds; 0 never")
    parser.add_argument("--lifeline", type=int)
    args = parser.parse_args()
    if args.lifeline is not None:
        threading.Thread(target=watch_lifeline, args=(args.lifeline,), daemon=True).start()

    from ministack import app

    # A child of a process with threads may find locks held; ours opens them.
    warnings.filterwarnings("ignore", message=".*use of fork", category=DeprecationWarning)
    persistence_ = StatePersistence(app, args.home / "state")
    persistence_.attach()
    _simplify_metric_math_alarms()
    _reject_malformed_tokens()
    _preserve_body_bytes()
    lambda_logs.write_logs_to(args.home / LAMBDAS_LOG)
    running = args.home / "state" / RUNNING
    running.touch()
    signal.signal(signal.SIGUSR1, lambda *_: persistence_.request())
    threading.Thread(
        target=persistence_.save_periodically, args=(args.save_every,), daemon=True
    ).start()
    threading.Thread(target=resume_workflows, args=(app, args.port), daemon=True).start()
    sys.argv = ["ministack"]
    app.main()
    # MiniStack's threads may still wait for a Lambda or a callback; nothing is left to save.
    _end_workers()
    running.unlink()
    logging.shutdown()
    os._exit(0)


class StatePersistence:
    """What outlives the process: one folder a save, of which the newest complete one counts.

    A save is written by a child that is forked on the thread of MiniStack's event loop. All of
    DynamoDB's writes happen on that thread, so the child has the state of one moment between two of
    them, and nobody waits while it writes. The child only writes files. That they count is said
    by the parent, so a child whose parent was killed leaves nothing that could be taken for a save.
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
        """Put ourselves between MiniStack and its files, before it reads any."""
        from ministack.core import persistence

        self._persistence = persistence
        newest = self._newest()
        persistence.STATE_DIR = str(newest or self._folder / "none")
        self._app.save_all = self.save_on_shutdown
        self._defer_code_pruning()
        load = self._app._load_persisted_state

        def load_with_streams() -> None:
            gc.disable()  # it would look through all that was read, again and again
            load()
            self._load_streams(newest)
            _rewrite_queue_urls()
            gc.enable()
            gc.freeze()

        self._app._load_persisted_state = load_with_streams
        serve = self._app.app

        async def counted(scope: Any, receive: Any, send: Any) -> None:
            self._calls += 1
            await serve(scope, receive, send)

        self._app.app = counted

    def _defer_code_pruning(self) -> None:
        """Lambda code lies beside the saves and is pruned while one is written: too early."""
        from ministack.services import lambda_svc

        lambda_svc.CODE_BLOB_DIR = str(self._folder / "lambda-blobs")
        self._prune = lambda_svc._prune_orphan_code_blobs

        def record_referenced(referenced: set[str]) -> None:
            self._referenced = set(referenced)

        lambda_svc._prune_orphan_code_blobs = record_referenced

    def request(self) -> None:
        """Save soon; the new folder's name tells when it is done."""
        self._save_requested.set()

    def save_periodically(self, every: float) -> None:
        """Save on request, and every so many seconds in which anything was called, for ever.

        A state that takes long is saved more seldom; a save that failed is tried again.
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
                    log.error("the state was not saved, and will be tried again: %s", error)
            else:
                failures = 0
            duration = time.monotonic() - started

    def save(self, services: Callable[[], Services]) -> None:
        """Write all or nothing, while requests are answered.

        Raises :class:`NotSaved`, and ``OSError`` when there is no room for a child or a folder.
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
        loop.call_soon_threadsafe(begin)
        child, target = begun.result()
        with self._lock:
            self._wait_for_child(child, target)
            self._mark_complete(target, started)

    def save_on_shutdown(self, services: Services) -> None:
        """The last save, in an orderly stop, on the loop's own thread: nobody is served any more.

        Where a child does not manage, this process writes by itself.
        """
        started = time.monotonic()
        self._ending = True
        if self._child is not None:  # it writes what is old already
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
        """Write, and end without a word to anybody: sockets, workers and signals are the parent's.

        Only this thread was taken along, so what another one had locked stays locked: the locks
        of MiniStack's modules are made anew. And as nobody else is here, nothing need be copied.
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
            finally:  # also where even that cannot be said, on a full disk
                os._exit(status)

    def _wait_for_child(self, child: int, target: Path) -> None:
        """Wait for the child to end well, or see to it that it ends."""
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
        """A service whose state changes under our eyes, which it does not in a child, is read
        again."""
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
        """From here on the save counts, and those before it do not."""
        sizes = {file.name: file.stat().st_size for file in target.iterdir()}
        (target / COMPLETE).write_text(json.dumps(sizes))
        for old in saves(self._folder):
            if old.name < target.name:
                shutil.rmtree(old, ignore_errors=True)
        if BLOBS in sizes:
            self._prune(set(json.loads((target / BLOBS).read_text())))
        log.warning("saved state %s in %.2f s", target.name, time.monotonic() - started)

    def _next_folder(self) -> Path:
        """A number that was never used: who asked for a save knows it by a greater one."""
        last = next(iter(saves(self._folder)), None)
        self._number = max(self._number, int(last.name) if last else 0) + 1
        target = self._folder / f"{self._number:08d}"
        target.mkdir(parents=True)
        return target

    def _write(self, file: Path, service: str, state: Any) -> None:
        version = self._persistence._state_format_version(service)
        document = {"__ministack_format__": version, "payload": state}
        with file.open("w") as out:
            # dumps, not dump: only it does all its work in C.
            out.write(json.dumps(document, default=self._persistence._json_default))
            out.flush()
            os.fsync(out.fileno())

    def _newest(self) -> Path | None:
        return next(filter(is_whole, saves(self._folder)), None)

    def _load_streams(self, folder: Path | None) -> None:
        from ministack.services import dynamodb, lambda_svc

        kept = self._persistence.load_state("streams") if folder else None
        if kept:
            dynamodb._stream_records.update(kept["records"])
            dynamodb._stream_trimmed.update(kept["trimmed"])
        else:
            lambda_svc._dynamodb_stream_positions.clear()


def saves(folder: Path) -> list[Path]:
    """All saves in a state folder, newest first, those cut short among them."""
    return sorted((f for f in folder.glob("*") if f.name.isdigit()), reverse=True)


def is_whole(save: Path) -> bool:
    """Whether a save was ended, and all its files still have the size they had then."""
    try:
        sizes = json.loads((save / COMPLETE).read_text())
        return all((save / name).stat().st_size == size for name, size in sizes.items())
    except (OSError, ValueError):
        return False


def _rewrite_queue_urls() -> None:
    """Queues are known by URLs that name the port; a mapping finds its queue by the present one."""
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
    """Read a state that other threads may be changing; copying it can fail half-way."""
    for attempt in range(20):
        try:
            return read()
        except RuntimeError as error:  # "dictionary changed size during iteration"
            if attempt == 19:
                raise
            log.info("reading again: %s", error)
            time.sleep(0.02)
    raise AssertionError("unreachable")


def _close_all_except(kept: int) -> None:
    """A child holds neither the port nor the Lambda workers' pipes once its parent is gone."""
    for name in [int(entry.name) for entry in Path("/dev/fd").iterdir()]:
        if name > 2 and name != kept:
            with contextlib.suppress(OSError):
                os.close(name)


def _exit_with_parent(lifeline: int) -> None:
    """End when the other end of the pipe does, which is when the parent ends, however it ends."""
    with contextlib.suppress(OSError):
        os.read(lifeline, 1)
    os._exit(1)


def _reset_locks() -> None:
    """Locks of MiniStack's modules, as they were before anybody held them."""
    kinds = (type(threading.Lock()), type(threading.RLock()))
    for name, module in list(sys.modules.items()):
        if name.startswith("ministack."):
            for value in list(vars(module).values()):
                if isinstance(value, kinds):
                    value._at_fork_reinit()  # type: ignore[union-attr]


def _identity(value: Any, memo: Any = None) -> Any:
    """In ``copy.deepcopy``'s place, where nobody changes what would have been copied."""
    return value


def _simplify_metric_math_alarms() -> None:
    """CloudFormation here refuses alarms with metric math; they watch their first metric instead.

    Nobody is woken by an alarm on a laptop. What an alarm says is read off the template.
    """
    from ministack.services.cloudformation import provisioners

    record = provisioners._cw_metric_alarm_record

    def plain(name: str, props: dict[str, Any]) -> Any:
        stats = [m["MetricStat"] for m in props.get("Metrics") or () if m.get("MetricStat")]
        if stats:
            props = {
                **{name: value for name, value in props.items() if name != "Metrics"},
                **stats[0]["Metric"],
                "Period": stats[0]["Period"],
                "Statistic": stats[0]["Stat"],
            }
        return record(name, props)

    provisioners._cw_metric_alarm_record = plain


def _reject_malformed_tokens() -> None:
    """A token whose parts are not the objects they should be is a 401, as on AWS, and no fault."""
    from ministack.services import apigateway

    validate = apigateway._validate_jwt_authorizer

    async def guarded(*requested: Any) -> Any:
        try:
            return await validate(*requested)
        except (AttributeError, TypeError, ValueError, RecursionError) as error:
            log.info("a garbled token: %s", error)
            return None, None, apigateway._jwt_unauthorized()

    apigateway._validate_jwt_authorizer = guarded


def _preserve_body_bytes() -> None:
    """A body that is not UTF-8 goes to its Lambda in base64, byte for byte, whatever its type says.

    Of the types that are text a body goes as text, and what is not UTF-8 in it would be U+FFFD.
    """
    from ministack.services import apigateway

    is_text = apigateway._v2_request_body_is_text
    invoke = apigateway._invoke_lambda_proxy
    readable: contextvars.ContextVar[bool] = contextvars.ContextVar("readable", default=True)

    def is_utf8_text(content_type: str | None) -> bool:
        return readable.get() and is_text(content_type)

    async def invoke_with_body_bytes(
        integration: Any,
        api: str,
        stage: str,
        path: str,
        method: str,
        headers: Any,
        body: bytes,
        *rest: Any,
        **more: Any,
    ) -> Any:
        readable.set(_is_utf8(body))
        return await invoke(integration, api, stage, path, method, headers, body, *rest, **more)

    apigateway._v2_request_body_is_text = is_utf8_text
    apigateway._invoke_lambda_proxy = invoke_with_body_bytes


def _is_utf8(body: bytes) -> bool:
    try:
        body.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def resume_workflows(app: Any, port: int) -> None:
    """Take up each interrupted execution in the state it had entered last, once calls are answered.

    The step's task runs again with a new token and its deadline starts anew.
    """
    deadline = time.monotonic() + 60
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
    # The interpreter begins at StartAt with the execution's own input. A state before all others,
    # in a copy of the machine, leads it to where it was, with what it had in hand there.
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
    log.warning("execution %s goes on in %s", execution["name"], entered[-1]["name"])
    module._run_execution(execution["executionArn"])


def _end_workers() -> None:
    runtime = sys.modules.get("ministack.core.lambda_runtime")
    if runtime is not None:
        runtime.reset()


if __name__ == "__main__":
    main()
