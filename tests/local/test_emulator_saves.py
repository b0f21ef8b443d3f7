"""Saves of the emulator's state: consistent, without blocking requests, retried after a failure."""

import asyncio
import json
import logging
import os
import signal
import sys
import threading
import warnings
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import psutil
import pytest

from local import state_persistence
from local.state_persistence import COMPLETE, SaveFailed, StatePersistence, is_whole, saves
from tests.local.polling import GUARD_SECONDS, eventually

Act = Callable[[], Awaitable[None]]


class Emulator(SimpleNamespace):
    """The parts of MiniStack that StatePersistence uses: event loop, services, load and save."""

    def __init__(self, services: dict[str, Callable[[], Any]]) -> None:
        super().__init__(
            _MAIN_LOOP=None,
            _build_persistence_save_dict=lambda: services,
            _load_persisted_state=lambda: None,
            app=None,
            save_all=None,
        )

    def run(self, act: Act) -> None:
        """Run a test on the emulator's event loop."""

        async def main() -> None:
            self._MAIN_LOOP = asyncio.get_running_loop()
            await act()

        asyncio.run(main())


@pytest.fixture(autouse=True)
def ministack(monkeypatch: pytest.MonkeyPatch) -> None:
    """Restore what StatePersistence changes in MiniStack's modules."""
    from ministack.core import persistence
    from ministack.services import lambda_svc

    warnings.filterwarnings("ignore", message=".*use of fork", category=DeprecationWarning)
    monkeypatch.setattr(persistence, "STATE_DIR", persistence.STATE_DIR)
    monkeypatch.setattr(lambda_svc, "CODE_BLOB_DIR", lambda_svc.CODE_BLOB_DIR)
    monkeypatch.setattr(lambda_svc, "_prune_orphan_code_blobs", lambda_svc._prune_orphan_code_blobs)


def attached(emulator: Emulator, folder: Path, timeout: float = GUARD_SECONDS) -> StatePersistence:
    persistence = StatePersistence(emulator, folder, timeout=timeout)
    persistence.attach()
    return persistence


def start_save(persistence: StatePersistence, emulator: Emulator) -> "asyncio.Task[None]":
    """Begin a save on another thread, as MiniStack does."""
    return asyncio.create_task(
        asyncio.to_thread(persistence.save, emulator._build_persistence_save_dict)
    )


def saved_state(folder: Path, service: str) -> Any:
    """Return a service's state in the newest complete save."""
    newest = next(filter(is_whole, saves(folder)))
    return json.loads((newest / f"{service}.json").read_text())["payload"]


def is_running(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_requests_are_answered_while_a_state_is_written(tmp_path: Path) -> None:
    """The state is read in another process, which waits here until the loop has answered."""
    reading, answered = tmp_path / "reading", tmp_path / "answered"

    def get_state() -> dict[str, int]:
        reading.touch()
        eventually(answered.exists)
        return {"process": os.getpid()}

    emulator = Emulator({"dynamodb": get_state})
    persistence = attached(emulator, tmp_path / "state")

    async def act() -> None:
        saving = start_save(persistence, emulator)
        while not saving.done():
            if reading.exists():
                answered.touch()
            await asyncio.sleep(0)
        await saving

    emulator.run(act)
    assert saved_state(tmp_path / "state", "dynamodb")["process"] != os.getpid()


def test_save_has_the_state_of_one_moment_across_services(tmp_path: Path) -> None:
    """A transfer between two services is in a save as a whole or not at all."""
    stock, cart = {"pieces": 1_000}, {"pieces": 0}
    reading, transferred = tmp_path / "reading", tmp_path / "transferred"

    def state_of(service: dict[str, int]) -> Callable[[], Any]:
        def get_state() -> dict[str, int]:
            reading.touch()
            eventually(transferred.exists)
            return dict(service)

        return get_state

    emulator = Emulator({"stock": state_of(stock), "cart": state_of(cart)})
    persistence = attached(emulator, tmp_path / "state")

    async def act() -> None:
        for _ in range(3):
            # Given a save that has begun to read
            reading.unlink(missing_ok=True)
            transferred.unlink(missing_ok=True)
            saving = start_save(persistence, emulator)
            while not saving.done():
                is_reading = reading.exists()
                # When pieces are transferred before, during and after the reading
                stock["pieces"] -= 1
                cart["pieces"] += 1
                if is_reading:
                    transferred.touch()
                await asyncio.sleep(0)
            await saving
            # Then the save has every transfer in both services or in none
            stored = [saved_state(tmp_path / "state", name)["pieces"] for name in ("stock", "cart")]
            assert sum(stored) == 1_000
            assert cart["pieces"] > stored[1]

    emulator.run(act)


def test_lock_of_another_thread_does_not_stop_a_save(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    module = ModuleType("ministack.services.locking")
    module._lock = lock = threading.Lock()  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, module.__name__, module)

    def get_state() -> dict[str, int]:
        with lock:
            return {"zones": 1}

    emulator = Emulator({"route53": get_state})
    persistence = attached(emulator, tmp_path)
    with lock:
        persistence.save_on_shutdown(emulator._build_persistence_save_dict())
        assert lock.locked()
    assert saved_state(tmp_path, "route53") == {"zones": 1}
    assert "without a child" not in caplog.text


def test_child_that_does_not_end_is_killed_and_the_earlier_save_stays_valid(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a first save, and a second one whose child never ends
    state = {"n": 1}
    stuck = tmp_path / "stuck"

    def get_state() -> dict[str, int]:
        if state["n"] == 2:
            stuck.write_text(str(os.getpid()))
            threading.Event().wait()
        return dict(state)

    def clock() -> float:
        """Return a time that passes the timeout only after the child is stuck."""
        return 2 * GUARD_SECONDS if stuck.exists() and stuck.read_text() else 0.0

    emulator = Emulator({"sqs": get_state})
    persistence = attached(emulator, tmp_path / "state")

    async def act() -> None:
        await start_save(persistence, emulator)
        state["n"] = 2
        # When the timeout of the second save has passed
        fake_time = SimpleNamespace(monotonic=clock, sleep=lambda _: None)
        monkeypatch.setattr(state_persistence, "time", fake_time)
        with pytest.raises(SaveFailed, match="killed"):
            await start_save(persistence, emulator)

    emulator.run(act)
    # Then its child is dead, and only the first save exists
    assert not is_running(int(stuck.read_text()))
    assert saved_state(tmp_path / "state", "sqs") == {"n": 1}
    assert len(saves(tmp_path / "state")) == 1


def test_failed_save_is_followed_by_others(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    # Given a service whose state cannot be read at first
    broken = tmp_path / "broken"
    broken.touch()

    def get_state() -> dict[str, int]:
        if broken.exists():
            raise RuntimeError("dictionary changed size during iteration")
        return {"n": 1}

    emulator = Emulator({"sns": get_state})
    persistence = attached(emulator, tmp_path / "state")
    saver = threading.Thread(target=persistence.save_periodically, args=(0,), daemon=True)

    async def act() -> None:
        # When a save fails
        saver.start()
        persistence.request()
        await asyncio.to_thread(eventually, lambda: "not saved" in caplog.text)
        assert not any((save / COMPLETE).exists() for save in saves(tmp_path / "state"))
        # Then the next request saves the state
        broken.unlink()
        persistence.request()
        await asyncio.to_thread(eventually, lambda: any(map(is_whole, saves(tmp_path / "state"))))

    with caplog.at_level(logging.ERROR):
        emulator.run(act)
    assert saver.is_alive()


def test_last_save_ends_an_unfinished_one_and_has_the_latest_state(tmp_path: Path) -> None:
    state = {"n": 1}
    reading = tmp_path / "reading"

    def get_state() -> dict[str, int]:
        if state["n"] == 1:
            reading.touch()
            threading.Event().wait()
        return dict(state)

    emulator = Emulator({"ssm": get_state})
    persistence = attached(emulator, tmp_path / "state")

    async def act() -> None:
        # Given a save whose child never ends by itself
        saving = start_save(persistence, emulator)
        await asyncio.to_thread(eventually, reading.exists)
        # When the emulator stops
        state["n"] = 2
        emulator.save_all(emulator._build_persistence_save_dict())
        # Then the last save killed that child, long before its timeout
        with pytest.raises(SaveFailed, match=f"its child ended with -{signal.SIGKILL:d}"):
            await saving

    emulator.run(act)
    assert saved_state(tmp_path / "state", "ssm") == {"n": 2}


def test_last_save_is_made_without_a_child_if_none_can_be_forked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def out_of_memory() -> int:
        raise BlockingIOError("fork: resource temporarily unavailable")

    monkeypatch.setattr(os, "fork", out_of_memory)
    emulator = Emulator({"ssm": lambda: {"n": 3}})
    persistence = attached(emulator, tmp_path)
    persistence.save_on_shutdown(emulator._build_persistence_save_dict())
    assert saved_state(tmp_path, "ssm") == {"n": 3}


def test_child_of_a_killed_emulator_ends_and_leaves_no_complete_save(tmp_path: Path) -> None:
    started = tmp_path / "started"

    def get_state() -> dict[str, int]:
        started.write_text(str(os.getpid()))
        threading.Event().wait()
        return {}

    # Given an emulator whose child is writing a save
    emulator = Emulator({"iam": get_state})
    persistence = attached(emulator, tmp_path / "state")
    parent = os.fork()
    if parent == 0:
        try:
            persistence._fork(emulator._build_persistence_save_dict)
            signal.pause()
        finally:
            os._exit(1)
    eventually(lambda: started.exists() and started.read_text())
    child = int(started.read_text())
    # When the emulator is killed
    os.kill(parent, signal.SIGKILL)
    os.waitpid(parent, 0)
    # Then its child ends too
    eventually(lambda: not is_running(child))
    assert not any(map(is_whole, saves(tmp_path / "state")))
