"""Each step of more than two seconds says what it does, before it ends."""

import threading
from collections.abc import Callable

import pytest

from local.progress import SHOWN_AFTER_SECONDS, Progress


class Clock:
    """A clock that a test moves; a timer rings when its time has come."""

    def __init__(self) -> None:
        self.now = 100.0
        self._alarms: list[tuple[float, Callable[[], None], Alarm]] = []

    def __call__(self) -> float:
        return self.now

    def timer(self, seconds: float, ring: Callable[[], None]) -> "Alarm":
        alarm = Alarm(seconds, ring)
        self._alarms.append((self.now + seconds, ring, alarm))
        return alarm

    def move(self, seconds: float) -> None:
        self.now += seconds
        due = [entry for entry in self._alarms if entry[0] <= self.now]
        for entry in due:
            self._alarms.remove(entry)
            if entry[2].is_set:
                entry[1]()


class Alarm(threading.Timer):
    """A timer without a thread."""

    is_set = False

    def start(self) -> None:
        self.is_set = True

    def cancel(self) -> None:
        self.is_set = False


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def progress(clock: Clock) -> Progress:
    return Progress(clock=clock, timer=clock.timer)


def test_short_step_is_not_shown(
    clock: Clock, progress: Progress, capsys: pytest.CaptureFixture[str]
) -> None:
    with progress.short_step("choose the ports"):
        clock.move(SHOWN_AFTER_SECONDS - 0.1)
    clock.move(60)
    assert capsys.readouterr().out == ""


def test_short_step_that_takes_long_is_shown_while_it_runs_and_with_its_time(
    clock: Clock, progress: Progress, capsys: pytest.CaptureFixture[str]
) -> None:
    with progress.short_step("delete the temporary files"):
        clock.move(SHOWN_AFTER_SECONDS)
        assert capsys.readouterr().out == "  … delete the temporary files\n"
        clock.move(60)
        assert capsys.readouterr().out == ""
    assert capsys.readouterr().out == "  ✓ delete the temporary files 62.0 s\n"


def test_step_is_shown_before_it_begins_and_with_its_time(
    clock: Clock, progress: Progress, capsys: pytest.CaptureFixture[str]
) -> None:
    with progress.step("start the emulated AWS"):
        assert capsys.readouterr().out == "  … start the emulated AWS\n"
        clock.move(1.5)
    assert capsys.readouterr().out == "  ✓ start the emulated AWS 1.5 s\n"


def test_failed_step_does_not_end_with_a_tick(
    clock: Clock, progress: Progress, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> None:
        with progress.short_step("check the saved state"):
            clock.move(SHOWN_AFTER_SECONDS)
            raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        fail()
    assert capsys.readouterr().out == "  … check the saved state\n"
    clock.move(60)
    assert capsys.readouterr().out == ""


def test_timer_of_a_step_does_not_keep_the_command_running() -> None:
    timers: list[threading.Timer] = []

    def timer(seconds: float, ring: Callable[[], None]) -> threading.Timer:
        timers.append(threading.Timer(seconds, ring))
        return timers[-1]

    with Progress(timer=timer).short_step("choose the ports"):
        assert timers[0].daemon
    timers[0].join()  # ends at once, because the step has cancelled it
