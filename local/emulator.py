"""Runs MiniStack, the emulated AWS, with what its own start-up lacks for a shop that is kept.

MiniStack 1.5.33 as it comes (docs/local-cloud.md has each finding):

- saves its state only in an orderly stop, file by file, so a kill in between mixes two moments;
- keeps the place up to which a stream was read, but not the stream, so that after a restart as
  many changes as were read before go unheard;
- marks workflows that were under way as failed;
- refuses a stack with an alarm on a sum of metrics;
- knows queues by URLs with its port in them, and loses them to their readers on another port.

So here a save is all or nothing and also made on request (SIGUSR1) and from time to time; streams
are kept with the tables they belong to; and a workflow goes on in the step it was in, whose task
runs again and hands out a new token, just as a redrive does on AWS. Queues move along.
"""

import argparse
import contextlib
import contextvars
import copy
import json
import logging
import os
import shutil
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from local.processes import LOOPBACK, watch_lifeline

log = logging.getLogger("doorbuster.emulator")

COMPLETE = "complete"
RUNNING = "running"
"""A file that an orderly stop removes: to find it without an emulator tells of a kill."""
INTERRUPTED = "States.ServiceRestart"


def main() -> None:
    """Serve until told to stop; the settings come from ``local.cloud`` as environment variables."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--save-every", type=float, default=0, help="seconds; 0 never")
    parser.add_argument("--lifeline", type=int)
    told = parser.parse_args()
    if told.lifeline is not None:
        threading.Thread(target=watch_lifeline, args=(told.lifeline,), daemon=True).start()

    from ministack import app

    memory = Memory(app, told.home / "state")
    memory.attach()
    _take_alarms_on_sums()
    running = told.home / "state" / RUNNING
    running.touch()
    signal.signal(signal.SIGUSR1, lambda *_: memory.request())
    threading.Thread(target=memory.keep, args=(told.save_every,), daemon=True).start()
    threading.Thread(target=resume_workflows, args=(app, told.port), daemon=True).start()
    sys.argv = ["ministack"]
    app.main()
    # MiniStack's threads may still wait for a Lambda or a callback; nothing is left to save.
    _end_workers()
    running.unlink()
    logging.shutdown()
    os._exit(0)


class Memory:
    """What outlives the process: one folder a save, of which the newest complete one counts."""

    def __init__(self, app: Any, folder: Path) -> None:
        self._app = app
        self._folder = folder
        self._lock = threading.Lock()
        self._wanted = threading.Event()
        self._calls = 0

    def attach(self) -> None:
        """Put ourselves between MiniStack and its files, before it reads any."""
        from ministack.core import persistence

        self._persistence = persistence
        newest = self._newest()
        persistence.STATE_DIR = str(newest or self._folder / "none")
        self._app.save_all = self.save
        self._keep_code_until_saved()
        load = self._app._load_persisted_state

        def load_with_streams() -> None:
            load()
            self._load_streams(newest)
            _move_queues()

        self._app._load_persisted_state = load_with_streams
        serve = self._app.app

        async def counted(scope: Any, receive: Any, send: Any) -> None:
            self._calls += 1
            await serve(scope, receive, send)

        self._app.app = counted

    def _keep_code_until_saved(self) -> None:
        """Lambda code lies beside the saves and is pruned while one is written: too early."""
        from ministack.services import lambda_svc

        lambda_svc.CODE_BLOB_DIR = str(self._folder / "lambda-blobs")
        self._prune = lambda_svc._prune_orphan_code_blobs
        self._referenced: set[str] | None = None

        def remember(referenced: set[str]) -> None:
            self._referenced = set(referenced)

        lambda_svc._prune_orphan_code_blobs = remember

    def request(self) -> None:
        """Save soon; the new folder's name tells when it is done."""
        self._wanted.set()

    def keep(self, every: float) -> None:
        """Save on request, and every so many seconds in which anything was called.

        Calls wait while a save is written, so a state that takes long is saved more seldom.
        """
        seen, took = self._calls, 0.0
        while True:
            asked = self._wanted.wait(max(every, 30 * took) if every else None)
            self._wanted.clear()
            if asked or self._calls != seen:
                seen, started = self._calls, time.monotonic()
                self.save(self._app._build_persistence_save_dict())
                took = time.monotonic() - started

    def save(self, services: dict[str, Callable[[], Any]]) -> None:
        """Write all or nothing: a service whose state changes under our eyes is read again."""
        with self._lock:
            started = time.monotonic()
            earlier = self._newest()
            target = self._folder / f"{int(earlier.name) + 1 if earlier else 1:08d}"
            shutil.rmtree(target, ignore_errors=True)
            target.mkdir(parents=True)
            for name, get_state in services.items():
                state = _steady(get_state)
                if state is None:
                    if earlier and (earlier / f"{name}.json").exists():
                        shutil.copyfile(earlier / f"{name}.json", target / f"{name}.json")
                    continue
                self._write(target / f"{name}.json", name, state)
            self._write(target / "streams.json", "streams", _steady(_streams))
            sizes = {file.name: file.stat().st_size for file in target.iterdir()}
            (target / COMPLETE).write_text(json.dumps(sizes))
            for old in saves(self._folder):
                if old != target:
                    shutil.rmtree(old, ignore_errors=True)
            if self._referenced is not None:
                self._prune(self._referenced)
            log.warning("saved state %s in %.2f s", target.name, time.monotonic() - started)

    def _write(self, file: Path, service: str, state: Any) -> None:
        version = self._persistence._state_format_version(service)
        document = {"__ministack_format__": version, "payload": state}
        with file.open("w") as out:
            json.dump(document, out, default=self._persistence._json_default)
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


def _move_queues() -> None:
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


def _steady(read: Callable[[], Any]) -> Any:
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


def _take_alarms_on_sums() -> None:
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


def resume_workflows(app: Any, port: int) -> None:
    """Take up each interrupted execution in the state it had entered last, once calls are answered.

    The step's task runs again with a new token and its deadline starts anew.
    """
    until = time.monotonic() + 60
    while time.monotonic() < until:
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
    where = "Resumed after a restart"
    definition["States"][where] = {
        "Type": "Pass",
        "QueryLanguage": "JSONPath",
        "Result": json.loads(entered[-1]["input"]),
        "Next": entered[-1]["name"],
    }
    definition["StartAt"] = where
    arn = execution["stateMachineArn"]
    borrowed = f"{arn}:resumed:{execution['name']}"
    module._state_machines[borrowed] = {**machine, "definition": json.dumps(definition)}
    execution["stateMachineArn"] = borrowed

    def give_back() -> None:
        time.sleep(1)
        execution["stateMachineArn"] = arn
        module._state_machines.pop(borrowed, None)

    giver = threading.Thread(target=contextvars.copy_context().run, args=(give_back,), daemon=True)
    giver.start()
    log.warning("execution %s goes on in %s", execution["name"], entered[-1]["name"])
    module._run_execution(execution["executionArn"])


def _end_workers() -> None:
    runtime = sys.modules.get("ministack.core.lambda_runtime")
    if runtime is not None:
        runtime.reset()


if __name__ == "__main__":
    main()
