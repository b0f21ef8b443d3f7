"""Lambda workers as forks of a process that has imported their layers already.

MiniStack starts a Python interpreter for each worker. It imports botocore, pydantic, PynamoDB and
the shop: 0.3 to 0.7 s of CPU and 25 to 35 MB each. A fork of :mod:`local.worker_template` shares
them. MiniStack's protocol with its workers, their folders and their environments stay the same.
"""

import contextlib
import json
import logging
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import types
import weakref
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from local.worker_template import HEADER, RECORD

log = logging.getLogger("doorbuster.emulator")

LAYERS_VARIABLE = "_LAMBDA_LAYERS_DIRS"
"""The variable in which MiniStack names the folders of a worker's layers."""
LOST = -signal.SIGKILL
"""The exit code of a worker whose template ended without reporting one."""


class ForkedProcess:
    """A worker that a template forked, with the interface of ``subprocess.Popen``."""

    def __init__(self, pid: int, status: int, stdin: int, stdout: int, stderr: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self.stdin: IO[str] = os.fdopen(stdin, "w", buffering=1)
        self.stdout: IO[str] = os.fdopen(stdout)
        self.stderr: IO[str] = os.fdopen(stderr)
        self._status = status
        self._lock = threading.Lock()

    def poll(self) -> int | None:
        return self._read_status(0)

    def wait(self, timeout: float | None = None) -> int:
        code = self._read_status(timeout)
        if code is None:
            raise subprocess.TimeoutExpired(f"worker {self.pid}", timeout or 0)
        return code

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def _read_status(self, timeout: float | None) -> int | None:
        with self._lock:
            if self.returncode is None and _is_readable(self._status, timeout):
                record = os.read(self._status, RECORD.size)
                self.returncode = RECORD.unpack(record)[0] if record else LOST
                os.close(self._status)
            return self.returncode

    def __del__(self) -> None:
        if self.returncode is None:
            os.close(self._status)


class WorkerTemplate:
    """The emulator's side of one template process."""

    def __init__(self, layers: Sequence[Path], env: Mapping[str, str]) -> None:
        """Start the process and wait until it has imported the layers.

        ``env`` is the environment of a first worker: what differs from the emulator's is a
        function's own. Raises ``OSError`` if the process cannot be started.
        """
        variables = sorted(name for name, value in env.items() if os.environ.get(name) != value)
        # The path of its folder shows to which cloud the process and its forks belong.
        folder = Path(tempfile.gettempdir()) / "ministack-template"
        folder.mkdir(exist_ok=True)
        self._control, theirs = socket.socketpair()
        with theirs:
            self.process = subprocess.Popen(
                [
                    sys.executable,
                    "-P",
                    str(Path(__file__).with_name("worker_template.py")),
                    str(folder),
                    str(theirs.fileno()),
                    json.dumps([str(layer) for layer in layers]),
                    json.dumps(variables),
                ],
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),),
            )
        self._lock = threading.Lock()
        self._workers: weakref.WeakSet[ForkedProcess] = weakref.WeakSet()
        try:
            ready = json.loads(self._receive(HEADER.unpack(self._receive(HEADER.size))[0]))
        except OSError:
            self.close()
            raise
        self.read: dict[str, str | None] = ready["read"]
        self._modules = frozenset(ready["modules"])
        self._threads: int = ready["threads"]
        self._own = {entry.stem for layer in layers for entry in (layer / "python").glob("*")}

    def obstacle(self, env: Mapping[str, str], code: Path) -> str | None:
        """Return why a worker needs an interpreter of its own; ``None`` if it may be a fork."""
        if self._threads:  # a fork would copy their locks, but not the threads
            return "an imported module has started a thread"
        for name, value in self.read.items():
            if env.get(name) != value:
                return f"an imported module has read {name}"
        same = {entry.stem for entry in code.iterdir()} & (self._modules - self._own)
        if same:
            return f"its package has another {min(same)}"
        return None

    def fork(self, env: Mapping[str, str], folder: Path, script: str) -> ForkedProcess:
        """Return a new worker. Raises ``OSError`` if the template has ended."""
        body = json.dumps({"env": dict(env), "folder": str(folder), "script": script}).encode()
        pipes = [os.pipe() for _ in range(4)]
        (stdin, to_stdin), (from_stdout, stdout), (from_stderr, stderr), (status, report) = pipes
        ours = (to_stdin, from_stdout, from_stderr)
        theirs = (stdin, stdout, stderr, report)
        try:
            with self._lock:
                socket.send_fds(self._control, [HEADER.pack(len(body))], theirs)
                self._control.sendall(body)
        except OSError:
            for descriptor in (*ours, status):
                os.close(descriptor)
            raise
        finally:
            for descriptor in theirs:
                os.close(descriptor)
        record = os.read(status, RECORD.size)
        if not record:
            for descriptor in (*ours, status):
                os.close(descriptor)
            raise ConnectionResetError("the template of the Lambda workers ended")
        worker = ForkedProcess(RECORD.unpack(record)[0], status, *ours)
        self._workers.add(worker)
        return worker

    def is_alive(self) -> bool:
        return self.process.poll() is None

    def is_idle(self) -> bool:
        """Return whether no worker of this template runs."""
        return all(worker.poll() is not None for worker in list(self._workers))

    def close(self) -> None:
        """End the template, and with it its workers."""
        self._control.close()
        self.process.wait()

    def _receive(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            part = self._control.recv(size - len(data))
            if not part:
                raise ConnectionResetError("the template of the Lambda workers ended at its start")
            data += part
        return data


class ForkedWorkers:
    """Starts workers: one template for each combination of layers that is in use."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._templates: dict[tuple[Path, ...], WorkerTemplate] = {}

    def attach(self) -> None:
        """Let MiniStack start its Python workers here."""
        from ministack.core import lambda_runtime

        if sys.platform != "linux":
            # Elsewhere the system's own libraries need not survive a fork without exec.
            return
        lambda_runtime.subprocess = types.SimpleNamespace(
            **{**vars(subprocess), "Popen": self.start}
        )

    def start(self, command: Sequence[str], **options: Any) -> Any:
        """Start a worker in place of ``subprocess.Popen``."""
        env: Mapping[str, str] = options.get("env") or {}
        if command[0] == sys.executable and env.get(LAYERS_VARIABLE):
            code = Path(options["cwd"])
            layers = tuple(Path(f).resolve() for f in env[LAYERS_VARIABLE].split(os.pathsep))
            try:
                template = self._template(layers, env)
                obstacle = template.obstacle(env, code)
                if obstacle is None:
                    return template.fork(env, code, command[-1])
            except OSError as error:
                obstacle = str(error)
            log.warning("%s runs in an interpreter of its own: %s", code.parent.name, obstacle)
        return subprocess.Popen(command, **options)

    def close(self) -> None:
        """End all templates and their workers."""
        with self._lock:
            for template in self._templates.values():
                template.close()
            self._templates.clear()

    def _template(self, layers: tuple[Path, ...], env: Mapping[str, str]) -> WorkerTemplate:
        """Return the template of the layers. Workers that need the same one wait for it."""
        with self._lock:
            template = self._templates.get(layers)
            if template is None or not template.is_alive():
                template = self._templates[layers] = WorkerTemplate(layers, env)
            for other, unused in list(self._templates.items()):
                # A deployment replaced the layer of all its functions.
                if unused is not template and unused.is_idle():
                    self._templates.pop(other).close()
            return template


def _is_readable(descriptor: int, timeout: float | None) -> bool:
    # poll(), because select() accepts no descriptor above 1,023.
    waiting = select.poll()
    waiting.register(descriptor, select.POLLIN)
    return bool(waiting.poll(None if timeout is None else max(0, round(timeout * 1000))))
