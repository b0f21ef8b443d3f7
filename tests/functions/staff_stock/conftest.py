"""Somebody who keeps the goods."""

import pytest


@pytest.fixture(autouse=True)
def at_the_desk(cloud: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACCESS", "staff")
    monkeypatch.setenv("ACCESS_GROUPS", "staff,catalogue")
