"""The command prints one line per verification, and its exit code is reliable."""

import sys
from types import ModuleType
from typing import Any
from unittest.mock import patch

import pytest

from verification import __main__ as command
from verification.options import Options
from verification.report import VerificationReport


def report(passed: bool, **changes: Any) -> VerificationReport:
    return VerificationReport(9, "never sleeps", passed, "naps 0", seed=7, seconds=12.4, **changes)


def test_line_has_figures_seed_commit_and_machine() -> None:
    line = report(True).line()
    assert line.startswith("verification 9 PASS  never sleeps: naps 0 | seed 7 | commit ")
    assert "\n" not in line
    for part in (" cores ", "Python 3.", "MiniStack ", "12 s"):
        assert part in line


def test_line_names_the_mutant() -> None:
    line = report(False, mutant="it naps").line()
    assert line.startswith("verification 9 FAIL  never sleeps, broken on purpose (it naps): naps 0")


@pytest.mark.parametrize(
    ("outcomes", "broken", "code"),
    [
        ([True, True], False, command.PASSED),
        ([True, False], False, command.FAILED),
        ([False, False], True, command.FAILED),
        ([False, True], True, command.UNDETECTED),
        ([True], True, command.UNDETECTED),
        ([], True, command.UNDETECTED),
    ],
)
def test_exit_code_shows_whether_all_passed(
    outcomes: list[bool], broken: bool, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    # Given a verification with these outcomes
    module = ModuleType("verification.of_a_test")
    received: list[Options] = []

    def run(options: Options) -> list[VerificationReport]:
        received.append(options)
        return [report(outcome) for outcome in outcomes]

    module.run = run  # type: ignore[attr-defined]
    arguments = ["verification", "9", "--seed", "3", *(["--broken"] if broken else [])]
    # When the command runs it
    with (
        patch.dict(sys.modules, {"verification.of_a_test": module}),
        patch.dict(command.MODULES, {9: "verification.of_a_test"}),
        patch.object(sys, "argv", arguments),
    ):
        # Then the exit code shows the outcome
        assert command.main() == code
    assert received[0].seed == 3
    assert received[0].broken is broken
    assert len(capsys.readouterr().out.splitlines()) == len(outcomes)


def test_run_that_raises_shows_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    module = ModuleType("verification.of_a_test")
    module.run = lambda options: 1 / 0  # type: ignore[attr-defined]
    with (
        patch.dict(sys.modules, {"verification.of_a_test": module}),
        patch.dict(command.MODULES, {9: "verification.of_a_test"}),
        patch.object(sys, "argv", ["verification", "9"]),
    ):
        assert command.main() == command.INCOMPLETE
    assert "verification 9 did not finish" in capsys.readouterr().err


def test_unknown_number_is_rejected(capsys: pytest.CaptureFixture[str]) -> None:
    with patch.object(sys, "argv", ["verification", "99"]), pytest.raises(SystemExit) as ended:
        command.main()
    assert ended.value.code == 2
    assert "there is no verification 99" in capsys.readouterr().err
