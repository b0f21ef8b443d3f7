"""A storefront of another origin can call the shop and read its responses."""

from pathlib import Path

import pytest

from infra.stages import Stage
from tests.contracts.cors_rules import (
    SOURCES,
    headers_read,
    headers_sent,
    unusable_headers,
    unusable_methods,
)
from tests.contracts.templates import Cloud

API = "AWS::ApiGatewayV2::Api"


def test_pages_can_use_every_header_and_method_of_the_shop(cloud: Cloud) -> None:
    assert unusable_headers(cloud) == []
    assert unusable_methods(cloud) == []


def test_rule_knows_the_headers_of_the_shop() -> None:
    read, sent = headers_read(SOURCES), headers_sent(SOURCES)
    assert {"idempotency-key", "if-match", "ucp-agent", "shop-channel", "request-id"} <= read
    assert {"waiting-room-admission", "content-type", "mcp-protocol-version"} <= read
    assert {"etag", "location", "request-id", "retry-after", "www-authenticate", "allow"} <= sent


@pytest.mark.parametrize(
    ("setting", "removed", "breach"),
    [
        ("AllowHeaders", "shop-channel", "shop-channel is not allowed"),
        ("AllowHeaders", "waiting-room-admission", "waiting-room-admission is not allowed"),
        ("ExposeHeaders", "request-id", "request-id is not exposed"),
        ("ExposeHeaders", "etag", "etag is not exposed"),
    ],
)
def test_missing_header_is_detected(prod: Cloud, setting: str, removed: str, breach: str) -> None:
    (api,) = prod.of(API)
    api.properties["CorsConfiguration"][setting].remove(removed)
    assert unusable_headers(prod) == [f"{api}: {breach}"]


def test_missing_method_is_detected(prod: Cloud) -> None:
    (api,) = prod.of(API)
    api.properties["CorsConfiguration"]["AllowMethods"].remove("PATCH")
    api.properties["CorsConfiguration"]["AllowMethods"].remove("PUT")
    assert unusable_methods(prod) == [f"{api}: {each} is not allowed" for each in ("PATCH", "PUT")]


def test_new_header_of_a_handler_is_detected(prod: Cloud, tmp_path: Path) -> None:
    handler = tmp_path / "get_thing.py"
    handler.write_text(
        'color = request.headers.get("Shop-Color")\n'
        'response = Response(None, 200, {"Shop-Size": "3"})\n'
    )
    (api,) = prod.of(API)
    assert unusable_headers(prod, [*SOURCES, handler]) == [
        f"{api}: shop-color is not allowed",
        f"{api}: shop-size is not exposed",
    ]


def test_any_page_may_call_a_stage_without_cookies(cloud: Cloud, stage: Stage) -> None:
    (api,) = cloud.of(API)
    cors = api.properties["CorsConfiguration"]
    assert cors["AllowOrigins"] == list(stage.origins)
    # With credentials, any page could act for a signed-in browser.
    assert "AllowCredentials" not in cors
