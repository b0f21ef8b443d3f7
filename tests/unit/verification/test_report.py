"""One line for each proof, and an exit code that a script can believe."""

import sys
from types import ModuleType
from unittest.mock import patch

import pytest

from verification import __main__ as command
from verification.options import Options
from verification.report import TestReport


def verdict(passed: bool, **more: object) -> TestReport:
    return TestReport(9, "never sleeps", passed, "naps 0", seed=7, seconds=12.4, **more)  # type: ignore[arg-type]


def test_a_line_tells_figure_seed_commit_and_machine() -> None:
    line = verdict(True).line()
    assert line.startswith("proof 9 PASS  never sleeps: naps 0 | seed 7 | commit ")
    assert "\n" not in line
    for part in (" cores ", "Python 3.", "MiniStack ", "12 s"):
        assert part in line


def test_a_broken_shop_is_called_so() -> None:
    line = verdict(False, broken="it naps").line()
    assert line.startswith("proof 9 FAIL  never sleeps, broken on purpose (it naps): naps 0")


@pytest.mark.parametrize(
    ("outcomes", "broken", "code"),
    [
        ([True, True], False, 0),
        ([True, False], False, command.FELL_SHORT),
        ([False, False], True, command.FELL_SHORT),
        ([False, True], True, command.UNNOTICED),
        ([True], True, command.UNNOTICED),
    ],
)
def test_the_exit_code_says_whether_all_held(
    outcomes: list[bool], broken: bool, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    module = ModuleType("verification.of_a_test")
    asked: list[Options] = []

    def prove(options: Options) -> list[TestReport]:
        asked.append(options)
        return [verdict(outcome) for outcome in outcomes]

    module.prove = prove  # type: ignore[attr-defined]
    arguments = ["verification", "9", "--seed", "3", *(["--broken"] if broken else [])]
    with (
        patch.dict(sys.modules, {"verification.of_a_test": module}),
        patch.dict(command.PROOFS, {9: "verification.of_a_test"}),
        patch.object(sys, "argv", arguments),
    ):
        assert command.main() == code
    assert asked[0].seed == 3
    assert asked[0].broken is broken
    assert len(capsys.readouterr().out.splitlines()) == len(outcomes)


def test_an_unknown_proof_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with patch.object(sys, "argv", ["verification", "99"]), pytest.raises(SystemExit) as ended:
        command.main()
    assert ended.value.code == 2
    assert "there is no proof 99" in capsys.readouterr().err
