"""Processes of one cloud, found by their command lines rather than by a file with their ids.

Each process that a cloud starts has the cloud's home on its command line: the two servers as
``--home``, the emulator's Lambda workers in the folder of their code. A killed run therefore leaves
no stale record, and a reused process id is never mistaken for a process of the cloud.
"""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parent.parent
LOOPBACK = "127.0.0.1"


class CloudError(RuntimeError):
    """A command on the cloud failed; the message is for the developer."""


def servers(home: Path, module: str | None = None) -> list[psutil.Process]:
    """Return the running servers of this cloud, or only those of one module."""
    return [process for process, line in _commands() if _is_server(line, home, module)]


def workers(home: Path) -> list[psutil.Process]:
    """Return the emulator's Lambda workers of this cloud; they outlive a killed emulator."""
    folder = f"{home}{os.sep}tmp{os.sep}ministack-"
    return [
        process
        for process, line in _commands()
        if any(part.startswith(folder) for part in line) and not _is_server(line, home, None)
    ]


def start_server(
    module: str,
    home: Path,
    *arguments: str,
    env: Mapping[str, str],
    lifeline: int | None = None,
) -> psutil.Process:
    """Start a server in a session of its own; its output goes to ``home/<module>.log``.

    ``lifeline`` is the reading end of a pipe. This process keeps the writing end: when it ends, in
    any way, the pipe closes and the server stops.
    """
    log = home / f"{module.rpartition('.')[2]}.log"
    command = [sys.executable, "-m", module, "--home", str(home), *arguments]
    keep: tuple[int, ...] = ()
    if lifeline is not None:
        command += ["--lifeline", str(lifeline)]
        keep = (lifeline,)
    with log.open("ab") as output:
        started = subprocess.Popen(
            command,
            cwd=ROOT,
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            pass_fds=keep,
        )
    _children[started.pid] = started
    return psutil.Process(started.pid)


def stop(processes: Sequence[psutil.Process], *, grace: float) -> list[psutil.Process]:
    """Terminate, wait ``grace`` seconds, then kill. Returns the killed processes."""
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.terminate()
    survivors = _wait(processes, grace)
    for process in survivors:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    _wait(survivors, 5)
    return survivors


def free_port(preferred: int | None = None) -> int:
    """Return the preferred port if it is free, else any free one."""
    if preferred is not None and not is_port_in_use(preferred):
        return preferred
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port


def is_port_in_use(port: int) -> bool:
    """Return whether a process listens on the port; a recently closed port counts as free."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return True
    return False


def is_listening(process: psutil.Process, port: int) -> bool:
    """Return whether this process listens on the port, and not only some process."""
    with contextlib.suppress(psutil.Error):
        return any(
            connection.status == psutil.CONN_LISTEN and connection.laddr.port == port
            for connection in process.net_connections(kind="tcp")
        )
    return False


def answers(process: psutil.Process, port: int, path: str, *, timeout: float) -> bool:
    """Wait until this process answers at the port; another shop's server may have taken it."""
    deadline = time.monotonic() + timeout
    while is_running(process):
        with contextlib.suppress(urllib.error.URLError, OSError):
            urllib.request.urlopen(f"http://{LOOPBACK}:{port}{path}", timeout=5).close()
            if is_listening(process, port):
                return True
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return False


def log_tail(log: Path) -> str:
    """Return the message about a server that did not start, with the end of its log."""
    lines = log.read_text(errors="replace").splitlines()[-20:]
    tail = "\n".join(f"    {line}" for line in lines)
    return f"The {log.stem.replace('_', ' ')} did not start ({log}):\n{tail}"


def port_owner(port: int) -> str:
    """Describe the process that listens on a port, as far as it is visible."""
    try:
        listening = psutil.net_connections(kind="tcp")
    except psutil.AccessDenied:
        return "another program"
    for connection in listening:
        address = connection.laddr
        if connection.status == psutil.CONN_LISTEN and address and address.port == port:
            if connection.pid is None:
                return "another user's program"
            try:
                command = " ".join(" ".join(psutil.Process(connection.pid).cmdline()).split())
            except psutil.Error:
                command = "command unknown"
            return f"process {connection.pid} ({command[:120]})"
    return "another program"


def watch_lifeline(descriptor: int) -> None:
    """Wait until the process at the other end of the pipe ends, then end this one."""
    with contextlib.suppress(OSError):
        while os.read(descriptor, 1):
            pass
    os.kill(os.getpid(), signal.SIGTERM)


_children: dict[int, "subprocess.Popen[bytes]"] = {}


def _wait(processes: Sequence[psutil.Process], seconds: float) -> list[psutil.Process]:
    deadline = time.monotonic() + seconds
    remaining = list(processes)
    while remaining:
        remaining = [process for process in remaining if is_running(process)]
        if not remaining or time.monotonic() > deadline:
            break
        time.sleep(0.05)
    return remaining


def is_running(process: psutil.Process) -> bool:
    """Return whether a process has not ended; one that only waits to be collected has."""
    child = _children.get(process.pid)
    if child is not None and child.poll() is not None:
        return False
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _commands() -> Iterator[tuple[psutil.Process, list[str]]]:
    for process in psutil.process_iter():
        try:
            line = process.cmdline()
            if line and process.status() != psutil.STATUS_ZOMBIE:
                yield process, line
        except psutil.Error:
            continue


def _is_server(line: Sequence[str], home: Path, module: str | None) -> bool:
    try:
        at = line.index("-m")
        which = line[at + 1]
        where = line[line.index("--home") + 1]
    except (ValueError, IndexError):
        return False
    ours = which in ("local.emulator", "local.cdn_proxy") and where == str(home)
    return ours and (module is None or which == module)
