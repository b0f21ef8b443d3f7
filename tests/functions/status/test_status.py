"""GET /status."""

from datetime import UTC, datetime, timedelta

import pytest

from functions.manifest import Endpoint
from functions.status import get_status
from functions.status.manifest import FEATURE
from shop.entrypoints.schemas import StatusView
from tests.kit.shop import call


def test_status_matches_the_openapi_document(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACCESS", "public")
    response = call(get_status.handler, "GET /status")
    assert response.status == 200
    status = StatusView.model_validate(response.json)
    assert timedelta() <= datetime.now(UTC) - status.at < timedelta(minutes=5)
    (entry,) = FEATURE.functions
    assert isinstance(entry, Endpoint)
    assert entry.response == "shop.entrypoints.schemas:StatusView"
