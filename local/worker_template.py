"""A process that imports the layers of Lambdas once; each worker is a fork of it.

It runs in the emulator's folder of workers, without this project on its path::

    python -P local/worker_template.py FOLDER CONTROL LAYERS VARIABLES

``CONTROL`` is the descriptor of a socket to the emulator. ``VARIABLES`` names the environment
variables in which functions differ. A request is a :data:`HEADER` with four descriptors (stdin,
stdout, stderr, status) and a JSON document: ``env``, ``folder`` and ``script`` of the worker. The
status pipe receives the process id, and later the exit code.

Functions stay as separate as in interpreters of their own:

- A module of a layer that reads one of ``VARIABLES`` during its import is not imported here.
- All other variables that an import read are reported with their values. The emulator starts a new
  interpreter for a function in whose environment one of them differs.
- A worker's environment, folder and streams are set before any code of its function runs.
- No session, client, connection or thread exists at a fork.
"""

import contextlib
import gc
import importlib
import json
import os
import select
import signal
import socket
import struct
import sys
import threading
import time
import types
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

HEADER = struct.Struct("!I")
"""Length of the JSON document that follows."""
DESCRIPTORS = 4
RECORD = struct.Struct("!i")
"""A record of the status pipe: first the process id, then the exit code."""


class VariableRead(LookupError):
    """A module of a layer read a variable in which functions differ."""


class WatchedEnvironment(os._Environ):  # type: ignore[type-arg]
    """``os.environ`` while modules are imported: attributes each read to the module."""

    layers: tuple[str, ...] = ()
    variables: frozenset[str] = frozenset()
    reads: dict[str, dict[str, str | None]] = {}  # noqa: RUF012 - replaced by preload
    """The variables that each module read, with their values."""

    def __getitem__(self, name: str) -> str:
        module, is_of_layer = self._importing()
        if is_of_layer and name in self.variables:
            raise VariableRead(f"{module} reads {name}")
        try:
            value: str = super().__getitem__(name)
        except KeyError:
            self.reads.setdefault(module, {})[name] = None
            raise
        self.reads.setdefault(module, {})[name] = value
        return value

    def __iter__(self) -> Iterator[str]:
        module, is_of_layer = self._importing()
        if is_of_layer:
            raise VariableRead(f"{module} reads all variables")
        for name in super().__iter__():
            self.reads.setdefault(module, {})[name] = super().__getitem__(name)
            yield name

    def _importing(self) -> tuple[str, bool]:
        """Return the module whose import is nearest on the stack, and whether a layer has it."""
        frame = sys._getframe(2)
        while frame.f_back is not None and frame.f_code.co_name != "<module>":
            frame = frame.f_back
        return frame.f_globals["__name__"], frame.f_code.co_filename.startswith(self.layers)


def preload(layers: Iterable[Path], variables: Iterable[str]) -> dict[str, str | None]:
    """Import the modules of the layers. Return the variables that imported modules read."""
    folders = [folder / "python" for folder in layers]
    path = sys.path[:]
    sys.path[:0] = map(str, folders)
    environment: Any = os.environ
    plain = type(environment)
    WatchedEnvironment.layers = tuple(f"{folder}{os.sep}" for folder in folders)
    WatchedEnvironment.variables = frozenset(variables)
    WatchedEnvironment.reads = {}
    environment.__class__ = WatchedEnvironment  # libraries keep references to the object
    try:
        for folder in folders:
            for name in module_names(folder):
                # A module that cannot be imported here fails in its own worker, with its trace.
                with contextlib.suppress(Exception, SystemExit):
                    importlib.import_module(name)
    finally:
        environment.__class__ = plain
        sys.path[:] = path
    read: dict[str, str | None] = {}
    for module, values in WatchedEnvironment.reads.items():
        if module in sys.modules:  # else its import failed, and each worker repeats it
            read.update(values)
    return read


def module_names(folder: Path) -> list[str]:
    """Return the names of all modules in a folder, packages before their modules."""
    files = (file.relative_to(folder).with_suffix("") for file in folder.rglob("*.py"))
    names = {".".join(file.parts).removesuffix(".__init__") for file in files}
    return sorted(name for name in names if all(part.isidentifier() for part in name.split(".")))


class Template:
    """Forks workers on request, and reports their ends."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._children: dict[int, int] = {}
        """The status pipe of each worker, by process id."""

    def serve(self) -> None:
        """Serve until the emulator closes the socket or ends; then end all workers."""
        wake, waker = socket.socketpair()
        waker.setblocking(False)
        signal.set_wakeup_fd(waker.fileno(), warn_on_full_buffer=False)
        # Without a handler, Python would not write to the wakeup socket.
        signal.signal(signal.SIGCHLD, lambda *_: None)
        self._sockets = (self._control, wake, waker)
        while True:
            ready, _, _ = select.select([self._control, wake], [], [])
            if wake in ready:
                wake.recv(4096)
                self._collect()
            if self._control in ready:
                request = self._receive()
                if request is None:
                    break
                self._fork(*request)
        for pid in self._children:
            os.kill(pid, signal.SIGKILL)

    def _receive(self) -> tuple[dict[str, Any], list[int]] | None:
        head, descriptors, _, _ = socket.recv_fds(self._control, HEADER.size, DESCRIPTORS)
        if not head:
            return None
        (size,) = HEADER.unpack(head)
        body = bytearray()
        while len(body) < size:
            part = self._control.recv(size - len(body))
            if not part:
                return None
            body += part
        return json.loads(body), descriptors

    def _fork(self, request: dict[str, Any], descriptors: list[int]) -> None:
        *streams, status = descriptors
        try:
            pid = os.fork()
        except OSError:  # without memory for a fork; the emulator sees the closed status pipe
            for descriptor in descriptors:
                os.close(descriptor)
            return
        if pid == 0:
            code = 1
            try:
                self._release(status)
                become_worker(request, streams)
                code = 0
            except SystemExit as end:
                code = end.code if isinstance(end.code, int) else int(end.code is not None)
            except BaseException:  # noqa: BLE001 - the trace of an interpreter that ends
                sys.excepthook(*sys.exc_info())
            finally:
                with contextlib.suppress(OSError, ValueError):
                    sys.stdout.flush()
                    sys.stderr.flush()
                os._exit(code)
        for descriptor in streams:
            os.close(descriptor)
        self._children[pid] = status
        self._report(pid, pid)

    def _release(self, status: int) -> None:
        """Close in a worker what belongs to the template."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for endpoint in self._sockets:
            endpoint.close()
        for other in (status, *self._children.values()):
            os.close(other)

    def _collect(self) -> None:
        """Report the exit code of each worker that ended."""
        while self._children:
            pid, result = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            self._report(pid, os.waitstatus_to_exitcode(result))
            os.close(self._children.pop(pid))

    def _report(self, pid: int, value: int) -> None:
        # The emulator may have closed its end: it no longer needs the worker.
        with contextlib.suppress(BrokenPipeError):
            os.write(self._children[pid], RECORD.pack(value))


def become_worker(request: dict[str, Any], streams: list[int]) -> None:
    """Run the worker's script as ``python script`` would, in its environment and folder."""
    for target, descriptor in enumerate(streams):
        os.dup2(descriptor, target)
        os.close(descriptor)
    os.environ.clear()
    os.environ.update(request["env"])
    time.tzset()
    os.chdir(request["folder"])
    script = request["script"]
    sys.argv = [script]
    sys.path.insert(0, str(Path(script).parent))
    main = types.ModuleType("__main__")
    main.__dict__.update(__file__=script, __builtins__=__builtins__)
    sys.modules["__main__"] = main
    code = compile(Path(script).read_text(encoding="utf-8"), script, "exec")
    exec(code, main.__dict__)  # noqa: S102 - MiniStack's own script of a worker


def main() -> None:
    _, control, layers, variables = sys.argv[1:]
    read = preload(map(Path, json.loads(layers)), json.loads(variables))
    gc.collect()
    gc.freeze()  # a collection in a worker would copy every page of the template
    connection = socket.socket(fileno=int(control))
    names = sorted({name.partition(".")[0] for name in sys.modules})
    ready = {"read": read, "modules": names, "threads": threading.active_count() - 1}
    answer = json.dumps(ready).encode()
    connection.sendall(HEADER.pack(len(answer)) + answer)
    Template(connection).serve()


if __name__ == "__main__":
    main()
