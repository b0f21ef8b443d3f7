"""Invocations of Lambdas are bounded and take turns; idle workers are bounded too."""

import asyncio
import contextvars
import io
import threading
import zipfile
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from local.worker_pool import Admission, WorkerPool
from tests.local.polling import GUARD_SECONDS, eventually

NOT_AT_ALL = 0.0


def entering(admission: Admission, function: str) -> "Future[bool]":
    """Enter on another thread, and return when the invocation is admitted or in the queue."""
    entered: Future[bool] = Future()
    before = waiting(admission)

    def enter() -> None:
        entered.set_result(admission.enter(function, GUARD_SECONDS))

    threading.Thread(target=enter, daemon=True).start()
    eventually(lambda: entered.done() or waiting(admission) > before)
    return entered


def waiting(admission: Admission) -> int:
    return sum(map(len, list(admission._queues.values())))


def test_only_a_bounded_number_runs_at_once() -> None:
    admission = Admission(running=2, per_function=2)
    first, second, third = (entering(admission, name) for name in ("a", "b", "c"))
    assert (first.done(), second.done(), third.done()) == (True, True, False)
    admission.leave("a")
    assert third.result(GUARD_SECONDS)


def test_busy_function_leaves_places_to_the_others() -> None:
    admission = Admission(running=3, per_function=2)
    hot = [entering(admission, "hot") for _ in range(3)]
    assert [invocation.done() for invocation in hot] == [True, True, False]
    assert admission.enter("other", NOT_AT_ALL)
    admission.leave("hot")
    assert hot[2].result(GUARD_SECONDS)


def test_functions_take_turns() -> None:
    admission = Admission(running=1, per_function=1)
    assert admission.enter("hot", NOT_AT_ALL)
    queue = {
        label: entering(admission, label.split()[0])
        for label in ("hot 1", "hot 2", "hot 3", "b 1", "c 1", "b 2")
    }
    order: list[str] = []
    leaving = "hot"
    while queue:
        admission.leave(leaving)
        (admitted,) = eventually(lambda: [label for label, one in queue.items() if one.done()])
        del queue[admitted]
        order.append(admitted)
        leaving = admitted.split()[0]
    assert order == ["hot 1", "b 1", "c 1", "hot 2", "b 2", "hot 3"]


def test_later_invocation_does_not_overtake_the_queue_of_its_function() -> None:
    admission = Admission(running=2, per_function=1)
    assert admission.enter("a", NOT_AT_ALL)
    first = entering(admission, "a")
    assert not admission.enter("a", NOT_AT_ALL)
    admission.leave("a")
    assert first.result(GUARD_SECONDS)


def test_long_queue_rejects_at_once() -> None:
    admission = Admission(running=1, per_function=1, waiting=2)
    assert admission.enter("a", NOT_AT_ALL)
    entering(admission, "a")
    entering(admission, "a")
    assert not admission.enter("a", GUARD_SECONDS)
    assert waiting(admission) == 2


def test_impatient_invocation_leaves_no_trace() -> None:
    admission = Admission(running=1, per_function=1)
    assert admission.enter("a", NOT_AT_ALL)
    assert not admission.enter("a", NOT_AT_ALL)
    assert not admission.enter("b", NOT_AT_ALL)
    admission.leave("a")
    assert admission.enter("b", NOT_AT_ALL)


def test_nested_invocation_is_admitted_beyond_the_bound_and_counted() -> None:
    admission = Admission(running=1, per_function=1)
    assert admission.enter("outer", NOT_AT_ALL)
    admission.enter_at_once("inner")
    admission.leave("outer")
    assert not admission.enter("outer", NOT_AT_ALL)
    admission.leave("inner")
    assert admission.enter("outer", NOT_AT_ALL)


def test_no_place_is_lost_under_load() -> None:
    admission = Admission(running=3, per_function=2, waiting=1000)
    lock = threading.Lock()
    running: list[str] = []
    most = {"all": 0, "one": 0}

    def invoke(number: int) -> bool:
        name = f"f{number % 4}"
        admitted = admission.enter(name, GUARD_SECONDS)
        with lock:
            running.append(name)
            most["all"] = max(most["all"], len(running))
            most["one"] = max(most["one"], running.count(name))
        with lock:
            running.remove(name)
        admission.leave(name)
        return admitted

    with ThreadPoolExecutor(16) as pool:
        assert all(pool.map(invoke, range(400)))
    assert most["all"] <= 3
    assert most["one"] <= 2
    assert (admission._total, admission._running, admission._queues) == (0, {}, {})


CODE = """
import os, time

def handler(event, context):
    mark = os.path.join(event["folder"], str(os.getpid()))
    open(mark, "w").close()
    time.sleep(event.get("seconds", 0))
    running = len(os.listdir(event["folder"]))
    os.remove(mark)
    return {"pid": os.getpid(), "running": running}
"""


class Functions:
    """Functions on MiniStack, behind a pool with the bounds of a test."""

    def __init__(self, folder: Path) -> None:
        from ministack.core import lambda_runtime
        from ministack.services import lambda_svc

        self.runtime: Any = lambda_runtime
        self.service: Any = lambda_svc
        self._folder = folder

    def invoke(self, name: str, *, code: str = CODE, **event: Any) -> dict[str, Any]:
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as writer:
            writer.writestr("main.py", code)
        config = {
            "FunctionName": name,
            "FunctionArn": f"arn:aws:lambda:us-east-1:000000000000:function:{name}",
            "Handler": "main.handler",
            "Runtime": "python3.13",
            "Timeout": GUARD_SECONDS,
        }
        function = {"config": config, "code_zip": archive.getvalue()}
        event = {"folder": str(self._folder), **event}
        result: dict[str, Any] = self.service._execute_function(function, event)
        return result

    def names_of_workers(self) -> set[str]:
        return {key.split(":")[2] for key in self.runtime._workers}


@pytest.fixture
def functions(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Functions]:
    marks = tmp_path / "marks"
    marks.mkdir()
    running = Functions(marks)
    monkeypatch.setattr(
        running.service, "_execute_function_warm", running.service._execute_function_warm
    )
    yield running
    running.runtime.reset()


def test_cold_clients_of_many_functions_are_all_answered(functions: Functions) -> None:
    WorkerPool(Admission(running=2, per_function=1), patience=GUARD_SECONDS).attach()
    names = [f"f{number % 5}" for number in range(15)]
    with ThreadPoolExecutor(15) as pool:
        results = list(pool.map(lambda name: functions.invoke(name, seconds=0.01), names))
    assert not [result for result in results if result.get("error")]
    assert max(result["body"]["running"] for result in results) <= 2
    # One worker of each function: the second client of a function waited for the first one's.
    assert len({result["body"]["pid"] for result in results}) == 5


def test_failed_start_does_not_keep_its_place(functions: Functions) -> None:
    WorkerPool(Admission(running=1, per_function=1), patience=NOT_AT_ALL).attach()
    for _ in range(2):
        failed = functions.invoke("bad", code="raise OSError('broken')")
        assert "broken" in failed["body"]["errorMessage"]
    assert not functions.invoke("good").get("error")


def test_invocation_that_waits_too_long_is_throttled(functions: Functions) -> None:
    admission = Admission(running=1, per_function=1)
    WorkerPool(admission, patience=NOT_AT_ALL).attach()
    assert admission.enter("another", NOT_AT_ALL)
    result = functions.invoke("sell")
    assert result["throttle"]
    assert "too many invocations of sell" in result["body"]["message"]
    response, _ = functions.service.lambda_execute_result_to_api_proxy_response(result)
    assert response["statusCode"] == 429


def test_function_that_a_running_one_invokes_does_not_wait_for_its_place(
    functions: Functions,
) -> None:
    admission = Admission(running=1, per_function=1)
    WorkerPool(admission, patience=GUARD_SECONDS).attach()
    assert admission.enter("outer", NOT_AT_ALL)

    def invoke_nested() -> dict[str, Any]:
        functions.service._invoke_depth.set(1)
        return functions.invoke("inner")

    assert not contextvars.copy_context().run(invoke_nested).get("error")


def test_invocation_on_the_event_loop_does_not_stop_it(functions: Functions) -> None:
    admission = Admission(running=1, per_function=1)
    WorkerPool(admission, patience=GUARD_SECONDS).attach()
    assert admission.enter("another", NOT_AT_ALL)

    async def on_the_loop() -> dict[str, Any]:
        return functions.invoke("trigger")

    assert not asyncio.run(on_the_loop()).get("error")


def test_least_recently_used_idle_workers_end_and_start_again(functions: Functions) -> None:
    WorkerPool(Admission(), idle=2).attach()
    first = functions.invoke("a")["body"]["pid"]
    for name in ("b", "a", "c"):
        functions.invoke(name)
    assert functions.names_of_workers() == {"a", "c"}
    assert functions.invoke("a")["body"]["pid"] == first
    assert not functions.invoke("b").get("error")
    assert functions.names_of_workers() == {"a", "b"}
