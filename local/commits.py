"""Check the commit messages since the baseline; with ``--message-file``, one new message.

A subject is ``type(scope): imperative`` (https://www.conventionalcommits.org). A commit of several
scopes lists them: ``tax,credits``. A body gives the reason. A commit that removes or skips a test
gives the reason for that in a line ``Test change: <reason>``.

The libraries cover only the first rule, so this is the project's own code. commitizen (4.19.3,
twelve dependencies) compares a message with one regular expression, and gitlint-core (0.19.1) has
had no release since March 2023. Neither sees the diff, which the last rule needs.

Merge commits are exempt: each commit that they bring in is checked by itself. Test functions are
counted per commit, not per file, so a test that is renamed or moved changes nothing.
"""

import argparse
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

BASELINE = "8c02e9e8f28ee703551c7fcfbe299015cfe731c0"
"""The last commit before these rules; older commits are not checked."""

TYPES = frozenset("feat fix refactor perf docs test build ci chore style revert".split())

CAPABILITIES = frozenset(
    "assistant audit cart catalog checkout composition credits customers entrypoints"
    " forecasting fulfilment insight inventory invoicing kernel marketing media notifications"
    " orders payments peak places pricing privacy procurement provenance recommendations"
    " returns reviews search serialization shipping storage support tax".split()
)
"""Packages of ``shop``, present and planned ones; a test compares them with the folder."""

AREAS = frozenset(
    "adr bench capacity check ci cold-start contracts contributing deployment deps docs"
    " doubles events functions glossary guide infra journeys kit layers local local-cloud mcp"
    " openapi readme rules sandbox shop tests tour ucp verification web webhooks workflows".split()
)
"""Parts of the project beside the capabilities, pages of the documentation among them."""

SCOPES = CAPABILITIES | AREAS

MAX_SUBJECT = 72
SUBJECT = re.compile(r"(?P<type>\w+)(?:\((?P<scope>[^()]*)\))?!?: (?P<summary>\S.*)")

NOT_IMPERATIVE = re.compile(r"\w+(?:ed|ing|[^s]s)")
IMPERATIVE = frozenset(
    "alias bias bleed breed bring canvas embed exceed feed focus need ping proceed ring seed shed"
    " speed spring string succeed swing".split()
)
"""Imperatives that end like a past tense, a participle or a third person."""
PAST = frozenset(
    "began bought broke built came chose did drew fell found gave got grew held kept knew led"
    " left lost made meant met ran said sent shown sold spent stood told took was went were"
    " wrote".split()
)

TEST_CHANGE = re.compile(r"^Test change: \S.*", re.MULTILINE)
TRAILER = re.compile(r"[A-Z][A-Za-z]*(-[A-Za-z]+)+: ")

TEST_FOLDERS = ("tests", "verification", "bench")
TEST_FUNCTION = re.compile(r"\s*(?:async )?def test_\w*\(")
SKIP = re.compile(
    r"\s*(?:@pytest\.mark\.(?:skip|skipif|xfail)\b|@unittest\.skip"
    r"|pytest\.(?:skip|xfail|importorskip)\("
    r"|pytestmark\b.*\.(?:skip|skipif|xfail)\b)|.*\bmarks=.*\.(?:skip|skipif|xfail)\b"
)


@dataclass(frozen=True)
class TestChanges:
    """Net change of one commit: test functions, and lines that skip a test."""

    __test__ = False  # not a test of pytest's

    functions: int = 0
    skips: int = 0


UNCHANGED = TestChanges()


def message_errors(message: str, changes: TestChanges = UNCHANGED) -> list[str]:
    """Return every rule that a commit message breaks."""
    subject, _, rest = message.strip("\n").partition("\n")
    errors = _subject_errors(subject)
    lines = rest.split("\n")
    if lines[0].strip():
        errors.append("the second line must be blank")
    if not any(line.strip() and not TRAILER.match(line) for line in lines):
        errors.append("a body must say why")
    if not TEST_CHANGE.search(rest):
        if changes.functions < 0:
            errors.append(f"{-changes.functions} test(s) removed: add 'Test change: <reason>'")
        if changes.skips > 0:
            errors.append(f"{changes.skips} skip(s) added: add 'Test change: <reason>'")
    return errors


def _subject_errors(subject: str) -> list[str]:
    errors = []
    if len(subject) > MAX_SUBJECT:
        errors.append(f"the subject has {len(subject)} characters; {MAX_SUBJECT} is the maximum")
    parts = SUBJECT.fullmatch(subject)
    if parts is None:
        return [*errors, "the subject must read 'type(scope): imperative summary'"]
    if parts["type"] not in TYPES:
        errors.append(f"type {parts['type']!r} must be one of: {', '.join(sorted(TYPES))}")
    scopes = [] if parts["scope"] is None else parts["scope"].split(",")
    errors += [
        f"scope {scope!r} must be one of SCOPES in local/commits.py"
        for scope in scopes
        if scope not in SCOPES
    ]
    verb = re.split(r"[\s,;:]", parts["summary"])[0]
    if not verb[:1].islower():
        errors.append(f"the summary must begin with a verb in lower case, not {verb!r}")
    elif verb in PAST or (NOT_IMPERATIVE.fullmatch(verb) and verb not in IMPERATIVE):
        errors.append(f"the summary must begin with an imperative, not {verb!r}")
    if parts["summary"].endswith("."):
        errors.append("the subject must end without a full stop")
    return errors


def count_changes(diff: str) -> TestChanges:
    """Count the test functions and skips that a diff adds, less those that it removes."""
    functions = skips = 0
    for line in diff.split("\n"):
        sign = {"+": 1, "-": -1}.get(line[:1], 0)
        functions += sign * bool(TEST_FUNCTION.match(line, 1))
        skips += sign * bool(SKIP.match(line, 1))
    return TestChanges(functions, skips)


class GitFailed(RuntimeError):
    """A Git command failed; the text is Git's."""


def git(root: Path, *arguments: str) -> str:
    try:
        done = subprocess.run(
            ["git", "-c", "core.quotePath=false", *arguments],
            cwd=root,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
    except FileNotFoundError:
        raise GitFailed("git is not on the PATH") from None
    if done.returncode != 0:
        raise GitFailed(f"git {arguments[0]}: {done.stderr.strip()}")
    return done.stdout


SCISSORS = "# ------------------------ >8 ------------------------"
"""Below it Git shows the diff (``git commit --verbose``); it is no part of the message."""
DIFF = ("--unified=0", "--no-renames", "--no-color", "--no-ext-diff", "--no-textconv")


def check_history(root: Path, baseline: str) -> Iterator[str]:
    """Yield every commit after the baseline whose message breaks a rule.

    Without the baseline (a shallow clone, a history that was imported) every commit is checked that
    has a visible parent; a first commit has no diff.
    """
    selection = ["--no-merges", f"{baseline}..HEAD"]
    if not has_ancestor(root, baseline):
        selection = ["--max-parents=1", "--min-parents=1", "HEAD"]
        print(f"Commit {baseline[:7]} is not in this history: all but first ones are checked.")
    log = git(root, "log", "-z", "--format=%H%n%B", *selection, "--")
    diffs = git(root, "log", "--format=%x00%H", "-p", *DIFF, *selection, "--", *TEST_FOLDERS)
    changes = {entry[:40]: count_changes(entry[40:]) for entry in diffs.split("\0")[1:]}
    for commit in filter(None, log.split("\0")):
        name, _, message = commit.partition("\n")
        subject = message.partition("\n")[0]
        for error in message_errors(message, changes.get(name, UNCHANGED)):
            yield f"{name[:9]} {subject}\n          {error}"


def has_ancestor(root: Path, commit: str) -> bool:
    try:
        git(root, "merge-base", "--is-ancestor", commit, "HEAD")
    except GitFailed:
        return False
    return True


def check_message_file(root: Path, file: Path) -> Iterator[str]:
    """Yield the errors of the message that Git passes to a commit-msg hook.

    A merge is exempt, as in the history; so is a fix-up, which a rebase squashes into its target.
    """
    text = file.read_text().partition(SCISSORS)[0]
    message = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
    merge = root / git(root, "rev-parse", "--git-path", "MERGE_HEAD").strip()
    if merge.exists() or message.startswith(("fixup! ", "squash! ", "amend! ")):
        return
    staged = git(root, "diff", "--cached", *DIFF, "--", *TEST_FOLDERS)
    yield from message_errors(message, count_changes(staged))


def main(arguments: list[str] | None = None, root: Path = ROOT, baseline: str = BASELINE) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--message-file", type=Path, help="check this message and the staged diff")
    chosen = parser.parse_args(arguments)
    try:
        if chosen.message_file:
            errors = list(check_message_file(root, chosen.message_file))
        elif not (root / ".git").exists() or not git(root, "rev-list", "--all", "--max-count=1"):
            print("No Git history here (an unpacked archive): no commit message to check.")
            return 0
        else:
            errors = list(check_history(root, baseline))
    except GitFailed as failure:
        errors = [str(failure)]
    print("\n".join(errors) or "Commit messages follow the rules.")
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
