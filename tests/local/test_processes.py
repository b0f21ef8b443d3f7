"""Processes of a cloud are found by their command lines, and the owner of a port is named."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from local.processes import (
    answers,
    free_port,
    is_listening,
    is_port_in_use,
    port_owner,
    servers,
    stop,
    workers,
)
from tests.local.polling import GUARD_SECONDS


@contextmanager
def running(*command: str) -> Iterator[int]:
    process = subprocess.Popen([sys.executable, *command], stdin=subprocess.PIPE)
    try:
        yield process.pid
    finally:
        process.kill()
        process.wait()


def test_port_in_use_is_detected_and_its_owner_named() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert is_port_in_use(port)
        assert str(os.getpid()) in port_owner(port)
        assert free_port(port) != port
    assert free_port(port) == port


def test_worker_is_found_by_the_folder_of_its_code(tmp_path: Path) -> None:
    folder = tmp_path / "tmp" / "ministack-lambda-sell-x1"
    folder.mkdir(parents=True)
    (folder / "_worker.py").write_text("import sys; sys.stdin.read()")
    with running(str(folder / "_worker.py")) as pid:
        assert [worker.pid for worker in workers(tmp_path)] == [pid]
        assert workers(tmp_path / "another") == []
        assert stop(workers(tmp_path), grace=GUARD_SECONDS) == []
        assert workers(tmp_path) == []


def test_process_that_only_mentions_the_home_is_no_process_of_the_cloud(tmp_path: Path) -> None:
    with running("-c", "import sys; sys.stdin.read()", "--home", str(tmp_path)):
        assert servers(tmp_path) == []
        assert workers(tmp_path) == []


def test_port_owner_is_one_line() -> None:
    program = """
import socket, sys
taken = socket.create_server(("127.0.0.1", 0))
print(taken.getsockname()[1], flush=True)
sys.stdin.read()
"""
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        owner = port_owner(int(process.stdout.readline()))
        process.communicate()
    assert str(process.pid) in owner
    assert "\n" not in owner


def test_answer_of_another_process_at_the_port_does_not_count(tmp_path: Path) -> None:
    # Given a server at a port, and a process that was started to listen there
    server = """
import sys, threading
from http.server import HTTPServer, SimpleHTTPRequestHandler
server = HTTPServer(("127.0.0.1", 0), SimpleHTTPRequestHandler)
print(server.server_port, flush=True)
threading.Thread(target=server.serve_forever, daemon=True).start()
sys.stdin.read()
"""
    command = [sys.executable, "-c", server]
    with (
        subprocess.Popen(
            command, cwd=tmp_path, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as first,
        running("-c", "import sys; sys.stdin.read()") as late,
    ):
        assert first.stdout is not None
        port = int(first.stdout.readline())

        # Then only the process that listens is believed
        assert is_listening(psutil.Process(first.pid), port)
        assert answers(psutil.Process(first.pid), port, "/", timeout=GUARD_SECONDS)
        assert not is_listening(psutil.Process(late), port)
        assert not answers(psutil.Process(late), port, "/", timeout=0)
        first.kill()
