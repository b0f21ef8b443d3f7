"""CPU time of the daily round, side by side with an earlier commit.

``python -m bench.daily_round --against COMMIT`` clones HEAD and the earlier commit into temporary
folders and runs the same commands in both, turn by turn: the first ``make up`` of a fresh clone,
``make up`` after a change of code, ``make up`` of a stopped shop whose port is taken,
``make synth``, and ``make check`` with ``make test``. It prints user and system time of each
command with its children, the ratio, and whether the ratio is within its budget.

It takes about half an hour, so ``make bench`` leaves it out; ``make bench AGAINST=COMMIT`` runs it.
``--steps up change`` runs some steps only. Servers that a command starts end with the run. Their
CPU is no part of the command's and is shown beside it.
"""

import argparse
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parent.parent
CHANGED_FILE = Path("layers/shared/python/shop/__init__.py")
HOME = Path(".local/cloud")
EMULATOR = "local.emulator"


@dataclass(frozen=True)
class Clone:
    """One commit in a folder of its own, with a port of its own."""

    commit: str
    folder: Path
    port: int

    def make(self, *arguments: str) -> float:
        """Run make and return the CPU seconds of it and its children."""
        return cpu_of(["make", *arguments], self.folder)

    def up(self) -> float:
        return self.make("up", f"PORT={self.port}")

    def servers(self) -> list[psutil.Process]:
        """Return the processes that ``make up`` started in this clone."""
        home = str(self.folder / HOME)
        return [
            process
            for process in psutil.process_iter(["cmdline"])
            if home in (process.info["cmdline"] or ())
        ]

    def server_cpu(self) -> float:
        return sum(sum(process.cpu_times()[:4]) for process in self.servers())


@dataclass(frozen=True)
class Step:
    """One command of the round, and how much of the earlier CPU it may take."""

    name: str
    title: str
    budget: float
    run: Callable[[Clone], float]


def first_up(clone: Clone) -> float:
    """Start the shop in a fresh clone."""
    return clone.up()


def up_after_change(clone: Clone) -> float:
    """Start the shop after a comment in the shared layer changed the code of every Lambda."""
    with (clone.folder / CHANGED_FILE).open("a") as file:
        file.write("# changed\n")
    return clone.up()


def up_on_another_port(clone: Clone) -> float:
    """Stop the shop, and start it while another program uses the emulator's port."""
    emulator = next(p for p in clone.servers() if EMULATOR in p.cmdline())
    command = emulator.cmdline()
    port = int(command[command.index("--port") + 1])
    clone.make("down")
    with closing(socket.socket()) as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", port))
        other.listen()
        return clone.up()


def synth(clone: Clone) -> float:
    """Synthesize one stage whose packages are built already."""
    clone.make("synth", "STAGE=local")
    shutil.rmtree(clone.folder / "cdk.out")
    return clone.make("synth", "STAGE=local")


def check_and_test(clone: Clone) -> float:
    """Run the static checks and all tests of a stopped shop."""
    clone.make("down")
    return clone.make("check") + clone.make("test")


STEPS = (
    Step("up", "first make up of a fresh clone", 0.6, first_up),
    Step("change", "make up after a change of code", 0.3, up_after_change),
    Step("port", "make up on another port", 0.3, up_on_another_port),
    Step("synth", "make synth STAGE=local", 0.4, synth),
    Step("check", "make check and make test", 0.7, check_and_test),
)


def cpu_of(command: Sequence[str], folder: Path) -> float:
    """Run a command to its end. Raises ``RuntimeError`` with its last lines if it fails."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in ("MAKEFLAGS", "MAKELEVEL", "PYTHONPATH", "VIRTUAL_ENV", "PORT", "AGAINST")
    }
    # To a file: the servers that the command starts would keep a pipe open.
    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        _, status, usage = os.wait4(process.pid, 0)
        seconds = usage.ru_utime + usage.ru_stime
        # Each command as it ends: a step takes up to half an hour, and the next may fail.
        print(f"  {folder.name}: {' '.join(command)}: {seconds:.1f} s", file=sys.stderr)
        if os.waitstatus_to_exitcode(status) != 0:
            output.seek(0)
            tail = "".join(output.readlines()[-30:])
            raise RuntimeError(f"{' '.join(command)} failed in {folder}:\n{tail}")
    return seconds


def clone_of(commit: str, folder: Path) -> Clone:
    """Clone the repository at a commit, as a newcomer would."""
    subprocess.run(["git", "clone", "-q", str(ROOT), str(folder)], check=True)
    subprocess.run(["git", "checkout", "-q", "--detach", commit], cwd=folder, check=True)
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return Clone(commit, folder, port)


def compare(earlier: Clone, present: Clone, steps: Sequence[Step]) -> bool:
    """Run the steps in both clones and print each result. Returns whether all budgets hold."""
    print(f"{'CPU seconds (servers)':34} {earlier.commit:>15} {present.commit:>15}  ratio budget")
    within = True
    for step in steps:
        times, servers = [], []
        for clone in (earlier, present):
            before = clone.server_cpu()
            times.append(step.run(clone))
            servers.append(max(0.0, clone.server_cpu() - before))
        ratio = times[1] / times[0]
        ok = ratio <= step.budget
        within &= ok
        shown = [f"{t:.1f} ({s:.1f})" for t, s in zip(times, servers, strict=True)]
        result = "within budget" if ok else "OVER BUDGET"
        print(
            f"{step.title:34} {shown[0]:>15} {shown[1]:>15}  {ratio:5.2f} {step.budget:6.2f}  "
            f"{result}",
            flush=True,
        )
    return within


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--against", required=True, metavar="COMMIT", help="the earlier commit")
    names = [step.name for step in STEPS]
    parser.add_argument("--steps", nargs="+", choices=names, default=names)
    args = parser.parse_args(argv)
    commits = [
        subprocess.run(
            ["git", "rev-parse", "--short", commit],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for commit in (args.against, "HEAD")
    ]
    steps = [step for step in STEPS if step.name in args.steps]
    with tempfile.TemporaryDirectory(prefix="doorbuster-round-") as folder:
        clones = [
            clone_of(commit, Path(folder) / f"{index}-{commit}")
            for index, commit in enumerate(commits)
        ]
        try:
            # These steps need a shop that runs.
            if {"change", "port"} & set(args.steps) and "up" not in args.steps:
                for clone in clones:
                    clone.up()
            return 0 if compare(clones[0], clones[1], steps) else 1
        finally:
            for clone in clones:
                if clone.servers():
                    clone.make("down")


if __name__ == "__main__":
    sys.exit(main())
