"""A Lambda of the emulator has ten times its timeout, and its configuration shows AWS's."""

import pytest

from local import emulator_patches


def test_worker_has_ten_times_the_timeout_of_its_function(monkeypatch: pytest.MonkeyPatch) -> None:
    from ministack.core.lambda_runtime import Worker

    monkeypatch.setattr(Worker, "__init__", Worker.__init__)
    emulator_patches.extend_timeouts()
    function = {"FunctionName": "create_codes", "Timeout": 28}
    worker = Worker("create_codes", function, b"")
    assert worker.config == {"FunctionName": "create_codes", "Timeout": 280}
    assert function["Timeout"] == 28


def test_a_function_without_a_timeout_has_ten_times_the_default_of_aws(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from ministack.core.lambda_runtime import Worker

    monkeypatch.setattr(Worker, "__init__", Worker.__init__)
    emulator_patches.extend_timeouts()
    assert Worker("create_codes", {}, b"").config["Timeout"] == 30
