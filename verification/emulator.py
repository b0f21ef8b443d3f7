"""An emulated AWS for one verification: empty, on a free port of 127.0.0.1, removed at its end.

The shop's tables are reached over HTTP, as from a Lambda, and never through moto: moto's DynamoDB
has no locks, so every concurrency test would pass. The tables have the template's keys, and the
orders table has its stream.
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
START_TIMEOUT_SECONDS = 60


class Emulator:
    """A MiniStack process for the duration of the context. It also ends if this one is killed."""

    def __init__(self) -> None:
        self._home = Path(tempfile.mkdtemp(prefix="doorbuster-verification-"))
        self._port = free_port()
        # The child holds one end: it ends when this process does, even if that is killed.
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
        deadline = time.monotonic() + START_TIMEOUT_SECONDS
        while not self._answers():
            if time.monotonic() > deadline or not self._process.is_running():
                log = (self._home / "emulator.log").read_text(errors="replace")[-2000:]
                raise RuntimeError(f"the emulator did not start:\n{log}")
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
        # Settings of this machine (credentials, proxies) must not reach the emulator.
        dropped = ("AWS_", "MINISTACK_", "LAMBDA_")
        inherited = {n: value for n, value in os.environ.items() if not n.startswith(dropped)}
        return {
            **{n: value for n, value in inherited.items() if not n.lower().endswith("_proxy")},
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


def configure_environment(endpoint: str) -> None:
    """Set a Lambda's environment variables in this process. Call it before importing the shop."""
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


def create_shop_tables() -> None:
    """Create the shop's tables, and the stream of the orders table."""
    import boto3

    from tests.kit.shop import create_tables

    create_tables()
    boto3.client("dynamodb").update_table(
        TableName=ENVIRONMENT["TABLE_ORDERS"],
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    )


@contextmanager
def emulated_aws() -> Iterator[Emulator]:
    """Start an emulator with the shop's empty tables, and configure this process for it."""
    with Emulator() as emulator:
        configure_environment(emulator.endpoint)
        create_shop_tables()
        yield emulator
