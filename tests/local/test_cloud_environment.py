"""A Lambda of the local cloud inherits no setting of the shop or of its tests."""

from pathlib import Path

import pytest

from local.cloud_environment import client_environment, emulator_environment
from tests.kit.shop import ENVIRONMENT


def test_emulator_inherits_no_setting_of_a_function(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("HOME", "/home/jane")
    client = client_environment(
        endpoint="http://127.0.0.1:4566", url="http://127.0.0.1:8000", stage="test", home=tmp_path
    )
    env = emulator_environment(client, port=4566, home=tmp_path, auth=False)
    settings = {name for name in ENVIRONMENT if not name.startswith("AWS_")}
    assert settings & env.keys() == set()
    assert env["HOME"] == "/home/jane"
    assert env["AWS_ENDPOINT_URL"] == "http://127.0.0.1:4566"
