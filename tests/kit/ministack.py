"""A MiniStack of a test's own, whose DynamoDB locks items like AWS; moto locks none."""

import contextlib
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest


@contextlib.contextmanager
def ministack(home: Path) -> Iterator[str]:
    """Run an emulator on the loopback interface, with its files in ``home``; yield its URL."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = subprocess.Popen(
        [sys.executable, "-m", "ministack"],
        env={
            **os.environ,
            "BIND_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(port),
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
            "PERSIST_STATE": "0",
            "TMPDIR": str(home),
            "STATE_DIR": str(home / "state"),
            "S3_DATA_DIR": str(home / "s3"),
        },
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_until_listening(server, port)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        try:
            server.wait(60)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def _wait_until_listening(server: "subprocess.Popen[bytes]", port: int) -> None:
    """Wait until the server accepts connections; fail if it ends or needs more than two minutes."""
    for _ in range(600):
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port), timeout=60).close()
            return
        # Waiting for the end of the server is the pause between two attempts.
        with contextlib.suppress(subprocess.TimeoutExpired):
            pytest.fail(f"MiniStack ended with status {server.wait(0.2)}")
    pytest.fail("MiniStack did not start")
