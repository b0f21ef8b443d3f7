"""Environment variables of the programs that use a local cloud, and of its emulator."""

import os
from pathlib import Path

from local.processes import LOOPBACK, ROOT

REGION = "us-east-1"

DROPPED = ("AWS_", "DOORBUSTER_", "PYTHON", "CDK_", "VIRTUAL_ENV", "MINISTACK_", "LAMBDA_")
"""Prefixes of the developer's own variables that would change what a program does."""


def client_environment(*, endpoint: str, url: str, stage: str, home: Path) -> dict[str, str]:
    """Return the addresses, dummy credentials and no profile."""
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(DROPPED) and not name.lower().endswith("_proxy")
    }
    tools = [str(ROOT / ".venv" / "bin"), str(ROOT / "node_modules" / ".bin")]
    return {
        **inherited,
        "PATH": os.pathsep.join([*tools, inherited.get("PATH", os.defpath)]),
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "CDK_DISABLE_CLI_TELEMETRY": "true",
        "CDK_DISABLE_VERSION_CHECK": "1",
        "DOORBUSTER_STAGE": stage,
        "DOORBUSTER_URL": url,
        "DOORBUSTER_HOME": str(home),
    }


INHERITED = frozenset("HOME LANG LOGNAME PATH SHELL TERM TZ USER".split())
INHERITED_PREFIXES = ("AWS_", "LC_", "SSL_CERT_")
"""Names of the variables that the emulator, and with it each Lambda, inherits."""


def emulator_environment(
    client: dict[str, str], *, port: int, home: Path, auth: bool
) -> dict[str, str]:
    """Return the emulator's settings. ``auth`` makes it enforce IAM.

    Only variables of the system are inherited: a Lambda would inherit the shop's own, and those of
    the tests, so its own settings would not have to be complete.
    """
    inherited = {
        name: value
        for name, value in client.items()
        if name in INHERITED or name.startswith(INHERITED_PREFIXES)
    }
    return {
        **inherited,
        "BIND_HOST": LOOPBACK,
        "GATEWAY_PORT": str(port),
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "TMPDIR": str(home / "tmp"),
        "PERSIST_STATE": "1",
        "STATE_DIR": str(home / "state"),
        "S3_PERSIST": "1",
        "S3_DATA_DIR": str(home / "s3"),
        "MINISTACK_REGION": REGION,
        "AUTH": "true" if auth else "false",
    }
