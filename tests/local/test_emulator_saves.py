"""A save is of one moment, holds nobody up, and its failure is not the end of saving."""

import asyncio
import json
import logging
import os
import re
import signal
import sys
import threading
import time
import warnings
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from local.state_persistence import COMPLETE, SaveFailed, StatePersistence, is_whole, saves

Act = Callable[[], Awaitable[None]]


class Emulator(SimpleNamespace):
    """As much of MiniStack as a memory touches: a loop, services, and what starts and stops."""

    def __init__(self, services: dict[str, Callable[[], Any]]) -> None:
        super().__init__(
            _MAIN_LOOP=None,
            _build_persistence_save_dict=lambda: services,
            _load_persisted_state=lambda: None,
            app=None,
            save_all=None,
        )

    def run(self, act: Act) -> None:
        async def main() -> None:
            self._MAIN_LOOP = asyncio.get_running_loop()
            await act()

        asyncio.run(main())


@pytest.fixture(autouse=True)
def ministack(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a memory changes in MiniStack's modules is put back."""
    from ministack.core import persistence
    from ministack.services import lambda_svc

    warnings.filterwarnings("ignore", message=".*use of fork", category=DeprecationWarning)
    monkeypatch.setattr(persistence, "STATE_DIR", persistence.STATE_DIR)
    monkeypatch.setattr(lambda_svc, "CODE_BLOB_DIR", lambda_svc.CODE_BLOB_DIR)
    monkeypatch.setattr(lambda_svc, "_prune_orphan_code_blobs", lambda_svc._prune_orphan_code_blobs)


def remembering(emulator: Emulator, folder: Path, timeout: float = 20) -> StatePersistence:
    memory = StatePersistence(emulator, folder, timeout=timeout)
    memory.attach()
    return memory


def saved(folder: Path, service: str) -> Any:
    newest = next(filter(is_whole, saves(folder)))
    return json.loads((newest / f"{service}.json").read_text())["payload"]


def hold_the_interpreter() -> float:
    """Keep every other thread of the process from running, as encoding a large state does."""
    started = time.monotonic()
    re.match(r"(a+)+b", "a" * 24)
    return time.monotonic() - started


def test_requests_are_answered_while_a_state_is_written(tmp_path: Path) -> None:
    def large() -> dict[str, float]:
        return {"took": sum(hold_the_interpreter() for _ in range(3))}

    emulator = Emulator({"dynamodb": large})
    memory = remembering(emulator, tmp_path)
    gaps: list[float] = []

    async def act() -> None:
        saving = asyncio.create_task(
            asyncio.to_thread(memory.save, emulator._build_persistence_save_dict)
        )
        while not saving.done():
            last = time.monotonic()
            await asyncio.sleep(0.001)
            gaps.append(time.monotonic() - last)
        await saving

    emulator.run(act)
    took = saved(tmp_path, "dynamodb")["took"]
    assert took > 0.1
    assert max(gaps) < took / 3


def test_a_save_is_of_one_moment_across_services(tmp_path: Path) -> None:
    """Between two requests, that is; a transfer from one to the other is never seen half."""
    stock, cart = {"pieces": 1_000}, {"pieces": 0}

    def read(which: dict[str, int]) -> Callable[[], Any]:
        def get_state() -> dict[str, int]:
            time.sleep(0.05)
            return dict(which)

        return get_state

    emulator = Emulator({"stock": read(stock), "cart": read(cart)})
    memory = remembering(emulator, tmp_path)

    async def act() -> None:
        for _ in range(3):
            saving = asyncio.create_task(
                asyncio.to_thread(memory.save, emulator._build_persistence_save_dict)
            )
            while not saving.done():
                stock["pieces"] -= 1
                cart["pieces"] += 1
                await asyncio.sleep(0)
            await saving
            stored = saved(tmp_path, "stock")["pieces"], saved(tmp_path, "cart")["pieces"]
            assert sum(stored) == 1_000
            assert cart["pieces"] > stored[1]

    emulator.run(act)


def test_a_lock_that_another_thread_holds_does_not_stop_a_save(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = ModuleType("ministack.services.locking")
    module._lock = lock = threading.Lock()  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, module.__name__, module)

    def get_state() -> dict[str, int]:
        with lock:
            return {"zones": 1}

    emulator = Emulator({"route53": get_state})
    memory = remembering(emulator, tmp_path, timeout=5)
    with lock:
        memory.save_on_shutdown(emulator._build_persistence_save_dict())
        assert lock.locked()
    assert saved(tmp_path, "route53") == {"zones": 1}


def test_a_child_that_does_not_end_is_killed_and_the_save_before_it_counts(tmp_path: Path) -> None:
    state = {"n": 1}
    children = tmp_path / "children"

    def get_state() -> dict[str, int]:
        children.write_text(str(os.getpid()))
        if state["n"] == 2:
            threading.Event().wait()
        return dict(state)

    emulator = Emulator({"sqs": get_state})
    memory = remembering(emulator, tmp_path / "state", timeout=1.5)

    async def act() -> None:
        await asyncio.to_thread(memory.save, emulator._build_persistence_save_dict)
        state["n"] = 2
        with pytest.raises(SaveFailed, match="killed"):
            await asyncio.to_thread(memory.save, emulator._build_persistence_save_dict)

    emulator.run(act)
    with pytest.raises(ProcessLookupError):
        os.kill(int(children.read_text()), 0)
    assert saved(tmp_path / "state", "sqs") == {"n": 1}
    assert len(saves(tmp_path / "state")) == 1


def test_saving_goes_on_after_a_save_that_failed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    broken = tmp_path / "broken"
    broken.touch()

    def get_state() -> dict[str, int]:
        if broken.exists():
            raise RuntimeError("dictionary changed size during iteration")
        return {"n": 1}

    emulator = Emulator({"sns": get_state})
    memory = remembering(emulator, tmp_path / "state")
    saver = threading.Thread(target=memory.save_periodically, args=(0,), daemon=True)

    async def act() -> None:
        saver.start()
        memory.request()
        await asyncio.to_thread(eventually, lambda: "not saved" in caplog.text)
        assert not any((save / COMPLETE).exists() for save in saves(tmp_path / "state"))
        broken.unlink()
        memory.request()
        await asyncio.to_thread(eventually, lambda: any(map(is_whole, saves(tmp_path / "state"))))

    with caplog.at_level(logging.ERROR):
        emulator.run(act)
    assert saver.is_alive()


def test_the_last_save_does_not_wait_for_one_under_way_and_holds_the_latest(
    tmp_path: Path,
) -> None:
    state = {"n": 1}

    def get_state() -> dict[str, int]:
        if state["n"] == 1:
            time.sleep(30)
        return dict(state)

    emulator = Emulator({"ssm": get_state})
    memory = remembering(emulator, tmp_path)

    async def act() -> None:
        saving = asyncio.create_task(
            asyncio.to_thread(memory.save, emulator._build_persistence_save_dict)
        )
        await asyncio.to_thread(eventually, lambda: saves(tmp_path))
        state["n"] = 2
        started = time.monotonic()
        emulator.save_all(emulator._build_persistence_save_dict())
        assert time.monotonic() - started < 10
        with pytest.raises(SaveFailed):
            await saving

    emulator.run(act)
    assert saved(tmp_path, "ssm") == {"n": 2}


def test_the_last_save_is_made_without_a_child_where_there_can_be_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def out_of_memory() -> int:
        raise BlockingIOError("fork: resource temporarily unavailable")

    monkeypatch.setattr(os, "fork", out_of_memory)
    emulator = Emulator({"ssm": lambda: {"n": 3}})
    memory = remembering(emulator, tmp_path)
    memory.save_on_shutdown(emulator._build_persistence_save_dict())
    assert saved(tmp_path, "ssm") == {"n": 3}


def test_what_a_killed_emulators_child_leaves_is_no_save_and_the_child_ends(
    tmp_path: Path,
) -> None:
    def get_state() -> dict[str, int]:
        (tmp_path / "child").write_text(str(os.getpid()))
        time.sleep(60)
        return {}

    emulator = Emulator({"iam": get_state})
    memory = remembering(emulator, tmp_path / "state")
    parent = os.fork()
    if parent == 0:
        try:
            memory._fork(emulator._build_persistence_save_dict)
            time.sleep(60)
        finally:
            os._exit(1)
    eventually(lambda: (tmp_path / "child").exists() and (tmp_path / "child").read_text())
    os.kill(parent, signal.SIGKILL)
    os.waitpid(parent, 0)
    child = int((tmp_path / "child").read_text())
    eventually(lambda: not runs(child))
    assert not any(map(is_whole, saves(tmp_path / "state")))


def eventually(look: Callable[[], Any], seconds: float = 10) -> None:
    until = time.monotonic() + seconds
    while not look():
        assert time.monotonic() < until, f"not within {seconds} s"
        time.sleep(0.01)


def runs(pid: int) -> bool:
    import psutil

    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
