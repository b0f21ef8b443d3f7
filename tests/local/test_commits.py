"""The check of commit messages accepts valid ones, and names each broken rule of others."""

import os
import subprocess
from pathlib import Path

import pytest

from local import commits
from local.processes import ROOT

BODY = "\n\nBuyers saw the wrong total.\n"
GOOD = "fix(orders): report the full line value" + BODY
ONE_TEST = "def test_total() -> None:\n    assert 1 + 1 == 2\n"
TWO_TESTS = (
    ONE_TEST + "\n\nclass Suite:\n    async def test_sum(self) -> None:\n        assert True\n"
)
SKIPPED = "@pytest.mark.{}\n" + ONE_TEST


class Repository:
    """A temporary Git repository."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.git("init", "--quiet", "--initial-branch=main")

    def git(self, *arguments: str) -> str:
        environment = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
        identity = ("-c", "user.name=Jane", "-c", "user.email=jane@example.com")
        done = subprocess.run(
            ["git", *identity, "-c", "commit.gpgsign=false", *arguments],
            cwd=self.root,
            env={**environment, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull},
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.strip()

    def write(self, name: str, text: str) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        self.git("add", "--all")

    def commit(self, message: str) -> str:
        self.git("commit", "--quiet", "--allow-empty", "--message", message)
        return self.git("rev-parse", "HEAD")


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    root = tmp_path / "repository"
    root.mkdir()
    return Repository(root)


def errors_since(repository: Repository, baseline: str) -> list[str]:
    return list(commits.check_history(repository.root, baseline))


@pytest.mark.parametrize(
    "message",
    [
        GOOD,
        "feat: add gift cards" + BODY,
        "feat(checkout)!: rename the session status" + BODY,
        "perf(cold-start): speed up the first request" + BODY,
        "test(verification): run fewer fault points\n\nTest change: 400 to 200; 200 find the same.",
        "refactor(kernel): process events in order"
        + BODY
        + "\nCo-Authored-By: Bob <b@example.com>",
    ],
)
def test_conventional_message_passes(message: str) -> None:
    assert commits.message_errors(message) == []


@pytest.mark.parametrize(
    ("message", "error"),
    [
        ("Report the full line value" + BODY, "must read 'type(scope): imperative summary'"),
        ("fix(orders):report the value" + BODY, "must read 'type(scope): imperative summary'"),
        ("fixes(orders): report the value" + BODY, "type 'fixes' must be one of"),
        ("fix(house): report the value" + BODY, "scope 'house' must be one of SCOPES"),
        ("fix(): report the value" + BODY, "scope '' must be one of"),
        ("fix(tax,house): report the value" + BODY, "scope 'house' must be one of SCOPES"),
        ("fix(tax,): report the value" + BODY, "scope '' must be one of"),
        ("fix(orders): Report the value" + BODY, "verb in lower case, not 'Report'"),
        ("fix(orders): reported the value" + BODY, "imperative, not 'reported'"),
        ("fix(orders): reports the value" + BODY, "imperative, not 'reports'"),
        ("fix(orders): reporting the value" + BODY, "imperative, not 'reporting'"),
        ("fix(orders): made the value right" + BODY, "imperative, not 'made'"),
        ("fix(orders): report the value." + BODY, "without a full stop"),
        ("fix(orders): report " + "x" * 53 + BODY, "has 73 characters; 72 is the maximum"),
        ("fix(orders): report the value\nBuyers saw another.", "second line must be blank"),
        ("fix(orders): report the value", "a body must say why"),
        (
            "fix(orders): report the value\n\nCo-Authored-By: Bob <b@example.com>",
            "a body must say why",
        ),
    ],
)
def test_each_breach_of_the_message_rules_is_named(message: str, error: str) -> None:
    (found,) = commits.message_errors(message)
    assert error in found


def test_the_longest_subject_has_72_characters() -> None:
    assert commits.message_errors("fix(orders): report " + "x" * 52 + BODY) == []


def test_every_capability_and_every_folder_is_a_scope() -> None:
    packages = ROOT / "layers" / "shared" / "python" / "shop"
    found = {path.parent.name for path in packages.glob("*/__init__.py")}
    assert found <= commits.CAPABILITIES
    assert not commits.CAPABILITIES & commits.AREAS


def test_only_commits_after_the_baseline_are_checked(repository: Repository) -> None:
    repository.commit("Once upon a time")
    baseline = repository.commit("All was well")
    repository.commit(GOOD)
    assert errors_since(repository, baseline) == []
    late = repository.commit("More of it")
    (error, _) = errors_since(repository, baseline)
    assert error.startswith(f"{late[:9]} More of it\n")


def test_removed_test_needs_a_test_change_line(repository: Repository) -> None:
    repository.write("tests/test_sums.py", TWO_TESTS)
    baseline = repository.commit(GOOD)
    repository.write("tests/test_sums.py", ONE_TEST)
    repository.commit(GOOD)
    (error,) = errors_since(repository, baseline)
    assert error.endswith("1 test(s) removed: add 'Test change: <reason>'")
    repository.git("commit", "--amend", "-m", GOOD + "\nTest change: the sum is computed no more.")
    assert errors_since(repository, baseline) == []


def test_test_change_line_needs_a_reason() -> None:
    removed = commits.TestChanges(functions=-1)
    assert commits.message_errors(GOOD + "\nTest change:\n", removed)
    assert commits.message_errors("test: drop x. Test change: y" + BODY, removed)


def test_renamed_or_moved_test_needs_no_line(repository: Repository) -> None:
    repository.write("tests/unit/test_sums.py", TWO_TESTS)
    baseline = repository.commit(GOOD)
    repository.git("rm", "-q", "tests/unit/test_sums.py")
    moved = TWO_TESTS.replace("test_total", "test_a_total_is_exact")
    repository.write("verification/test_totals.py", moved)
    repository.commit(GOOD)
    assert errors_since(repository, baseline) == []


@pytest.mark.parametrize("mark", ["skip", "skipif(True, reason='')", "xfail"])
def test_skipped_test_needs_a_test_change_line(repository: Repository, mark: str) -> None:
    repository.write("tests/test_sums.py", ONE_TEST)
    baseline = repository.commit(GOOD)
    repository.write("tests/test_sums.py", SKIPPED.format(mark))
    repository.commit(GOOD)
    (error,) = errors_since(repository, baseline)
    assert error.endswith("1 skip(s) added: add 'Test change: <reason>'")


@pytest.mark.parametrize(
    "line",
    [
        "+    pytest.{}('no reason')",
        "+pytestmark = pytest.mark.{}",
        "+pytestmark = [pytest.mark.slow, pytest.mark.{}(reason='')]",
        "+        pytest.param(1, marks=pytest.mark.{}),",
    ],
)
@pytest.mark.parametrize("verb", ["skip", "xfail"])
def test_every_way_to_skip_counts(line: str, verb: str) -> None:
    assert commits.count_changes(line.format(verb)) == commits.TestChanges(skips=1)


def test_merge_is_exempt_and_its_commits_are_not(repository: Repository) -> None:
    baseline = repository.commit(GOOD)
    repository.git("checkout", "-q", "-b", "side")
    side = repository.commit("Something else")
    repository.git("checkout", "-q", "main")
    repository.commit(GOOD)
    repository.git("merge", "-q", "--no-edit", "side")
    assert {error[:9] for error in errors_since(repository, baseline)} == {side[:9]}


def test_shallow_clone_is_checked_to_its_first_commit(
    repository: Repository, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    baseline = repository.commit(GOOD)
    repository.commit("Not in the clone but as its first commit")
    repository.commit("More of it")
    clone = tmp_path / "clone"
    repository.git("clone", "-q", "--depth=2", f"file://{repository.root}", str(clone))
    assert commits.main([], clone, baseline) == 1
    printed = capsys.readouterr().out
    assert f"Commit {baseline[:7]} is not in this history" in printed
    assert "More of it" in printed
    assert "Not in the clone" not in printed


def test_archive_without_history_passes_with_a_notice(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert commits.main([], tmp_path) == 0
    assert "No Git history here" in capsys.readouterr().out


def test_repository_without_a_commit_passes_with_a_notice(
    repository: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    assert commits.main([], repository.root) == 0
    assert "No Git history here" in capsys.readouterr().out


def test_unreadable_repository_fails_with_the_message_of_git(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / ".git").write_text("gitdir: /nowhere\n")
    assert commits.main([], tmp_path) == 1
    assert "not a git repository: /nowhere" in capsys.readouterr().out


def test_hook_checks_the_message_and_the_staged_tests(repository: Repository) -> None:
    repository.write("tests/test_sums.py", TWO_TESTS)
    repository.commit(GOOD)
    message = repository.root / ".git" / "COMMIT_EDITMSG"
    message.write_text(GOOD + "# Please enter the commit message\n" + commits.SCISSORS + "\n-x")
    assert commits.main(["--message-file", str(message)], repository.root) == 0
    repository.write("tests/test_sums.py", ONE_TEST)
    assert commits.main(["--message-file", str(message)], repository.root) == 1


def test_fixup_passes_in_the_hook_and_fails_in_the_history(repository: Repository) -> None:
    baseline = repository.commit(GOOD)
    message = repository.root / ".git" / "COMMIT_EDITMSG"
    message.write_text("fixup! fix(orders): report the full line value\n")
    assert commits.main(["--message-file", str(message)], repository.root) == 0
    repository.commit(message.read_text())
    assert errors_since(repository, baseline)
