"""The hooks and the CI workflow start existing programs and scripts."""

from pathlib import Path
from typing import Any

import yaml

from local.processes import ROOT

HOOKS = ROOT / ".pre-commit-config.yaml"
WORKFLOW = ROOT / ".github" / "workflows" / "ci.yml"


def read(file: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(file.read_text())
    return found


def test_hooks_start_the_locked_tools_and_download_nothing() -> None:
    repositories = read(HOOKS)["repos"]
    assert {repository["repo"] for repository in repositories} == {"local"}
    commands = {hook["id"]: hook["entry"].split() for hook in repositories[0]["hooks"]}
    assert set(commands) == {"ruff-format", "ruff-check", "commit-message"}
    for command in commands.values():
        assert (ROOT / command[0]).exists(), command
    assert commands["commit-message"][1:] == ["-m", "local.commits", "--message-file"]


def test_ci_runs_the_same_script_on_the_full_history() -> None:
    (job,) = read(WORKFLOW)["jobs"].values()
    checkout, python, run = job["steps"]
    assert checkout["with"]["fetch-depth"] == 0
    assert (ROOT / python["with"]["python-version-file"]).exists()
    assert (ROOT / run["run"]).stat().st_mode & 0o111
