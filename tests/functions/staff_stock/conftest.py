"""Signs in a staff user of the groups that may change the stock."""

import pytest


@pytest.fixture(autouse=True)
def as_stock_staff(cloud: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACCESS", "staff")
    monkeypatch.setenv("ACCESS_GROUPS", "staff,catalog")
