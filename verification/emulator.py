"""An emulated AWS of a proof's own: empty, on a free port of 127.0.0.1, gone when the proof is.

A proof speaks to the shop's tables over HTTP, as a Lambda does, never to moto: moto's DynamoDB has
no lock, and would testify to anything. The tables have the template's keys, and the orders' table
its stream.
"""

import os
import shutil
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

import psutil

from local.processes import LOOPBACK, free_port, start_server, stop
from tests.kit.shop import ENVIRONMENT

REGION = "us-east-1"
PATIENCE = 60


class Emulator:
    """A MiniStack that runs while this is entered; it also ends when this process is killed."""

    def __init__(self) -> None:
        self._home = Path(tempfile.mkdtemp(prefix="doorbuster-proof-"))
        self._port = free_port()
        self._pipe = os.pipe()
        self._process: psutil.Process | None = None

    @property
    def endpoint(self) -> str:
        return f"http://{LOOPBACK}:{self._port}"

    def __enter__(self) -> "Emulator":
        for name in ("tmp", "state", "s3"):
            (self._home / name).mkdir()
        self._process = start_server(
            "local.emulator",
            self._home,
            "--port",
            str(self._port),
            env=self._environment(),
            lifeline=self._pipe[0],
        )
        until = time.monotonic() + PATIENCE
        while not self._answers():
            if time.monotonic() > until or not self._process.is_running():
                words = (self._home / "emulator.log").read_text(errors="replace")[-2000:]
                raise RuntimeError(f"the emulator did not start:\n{words}")
            time.sleep(0.05)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._process is not None:
            stop([self._process], grace=5)
        for end in self._pipe:
            os.close(end)
        shutil.rmtree(self._home, ignore_errors=True)

    def _environment(self) -> dict[str, str]:
        drop = ("AWS_", "MINISTACK_", "LAMBDA_")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(drop)}
        return {
            **{name: value for name, value in kept.items() if not name.lower().endswith("_proxy")},
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "BIND_HOST": LOOPBACK,
            "GATEWAY_PORT": str(self._port),
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
            "TMPDIR": str(self._home / "tmp"),
            "STATE_DIR": str(self._home / "state"),
            "S3_DATA_DIR": str(self._home / "s3"),
            "PERSIST_STATE": "0",
            "MINISTACK_REGION": REGION,
        }

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.endpoint}/_ministack/health", timeout=2):  # noqa: S310
                return True
        except (OSError, urllib.error.URLError):
            return False


def dress(endpoint: str) -> None:
    """Give this process, and those it starts, what a Lambda is given; before importing the shop."""
    os.environ.update(ENVIRONMENT)
    for name in list(os.environ):
        if name.lower().endswith("_proxy") or name in ("AWS_PROFILE", "AWS_ENDPOINT_URL_DYNAMODB"):
            del os.environ[name]
    os.environ |= {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "LOG_LEVEL": "CRITICAL",
    }


def furnish() -> None:
    """Make the tables, that of the orders with its stream."""
    import boto3

    from tests.kit.shop import create_tables

    create_tables()
    boto3.client("dynamodb").update_table(
        TableName=ENVIRONMENT["TABLE_ORDERS"],
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    )


@contextmanager
def cloud() -> Iterator[Emulator]:
    """An emulator with the shop's empty tables, which this process is dressed for."""
    with Emulator() as emulator:
        dress(emulator.endpoint)
        furnish()
        yield emulator
