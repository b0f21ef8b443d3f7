"""The emulated gateway answers preflights with the CORS settings of the template."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from aiohttp import ClientSession, web

from infra.stages import LOCAL
from infra.synthesis import assembly_of
from local import emulator_patches
from tests.local.test_cdn_proxy import through_the_proxy

STOREFRONT = "http://localhost:5173"
ANSWERED = {"Content-Type": "application/json", "Request-Id": "r-1"}


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Create the template's API in the emulator, with one route, and return its id."""
    from ministack.services import apigateway
    from ministack.services.cloudformation import provisioners

    template = assembly_of(LOCAL).templates()["doorbuster-local-api"]
    resources = template["Resources"].values()
    properties = next(r["Properties"] for r in resources if r["Type"].endswith("V2::Api"))

    async def respond(*_: Any, **__: Any) -> tuple[int, dict[str, str], bytes]:
        return 201, dict(ANSWERED), b"{}"

    monkeypatch.setattr(apigateway, "_cors_preflight_response", apigateway._cors_preflight_response)
    monkeypatch.setattr(apigateway, "_cors_response_headers", apigateway._cors_response_headers)
    monkeypatch.setattr(apigateway, "_invoke_lambda_proxy", respond)
    emulator_patches.read_cors_of_templates()
    settings = {name: value for name, value in properties.items() if name != "Tags"}
    api_id, _ = provisioners._apigw_v2_api_create("Api", settings, "doorbuster-local-api")
    apigateway._integrations[api_id]["i"] = {"integrationType": "AWS_PROXY"}
    apigateway._routes[api_id]["r"] = {"routeKey": "POST /carts", "target": "integrations/i"}
    yield api_id
    provisioners._apigw_v2_api_delete(api_id, settings)


def send(api: str, method: str, **headers: str) -> tuple[int, dict[str, str], str]:
    """Send a request as a page does, through the CDN proxy to the emulated gateway."""
    from ministack.services import apigateway

    found: list[tuple[int, dict[str, str], str]] = []

    async def gateway(request: web.Request) -> web.StreamResponse:
        seen = {name.lower(): value for name, value in request.headers.items()}
        status, answer, body = await apigateway.handle_execute(
            api, "$default", "/carts", request.method, seen, await request.read(), {}
        )
        answer.pop("Content-Length", None)
        return web.Response(status=status, headers=answer, body=body)

    async def act(client: ClientSession, proxy: str) -> None:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        async with client.request(method, f"{proxy}/carts", headers=sent) as answer:
            found.append((answer.status, dict(answer.headers), await answer.text()))

    through_the_proxy(gateway, act)
    return found[0]


def test_preflight_of_a_storefront_on_another_port_is_accepted(api: str) -> None:
    wanted = "content-type,idempotency-key,shop-channel"
    status, headers, _ = send(
        api,
        "OPTIONS",
        Origin=STOREFRONT,
        Access_Control_Request_Method="POST",
        Access_Control_Request_Headers=wanted,
    )
    assert status == 204
    assert headers["Access-Control-Allow-Origin"] == "*"
    assert "POST" in headers["Access-Control-Allow-Methods"].split(",")
    assert {*wanted.split(",")} <= {*headers["Access-Control-Allow-Headers"].split(",")}
    assert headers["Access-Control-Max-Age"] == "3600"


def test_response_of_a_route_is_readable_by_the_storefront(api: str) -> None:
    status, headers, body = send(api, "POST", Origin=STOREFRONT)
    assert (status, body, headers["Request-Id"]) == (201, "{}", "r-1")
    assert headers["Access-Control-Allow-Origin"] == "*"
    assert "request-id" in headers["Access-Control-Expose-Headers"].split(",")


def test_named_origins_exclude_all_others(api: str) -> None:
    from ministack.services import apigateway

    apigateway._apis[api]["corsConfiguration"]["AllowOrigins"] = [STOREFRONT]
    preflight = {"Access_Control_Request_Method": "POST"}
    status, headers, _ = send(api, "OPTIONS", Origin=STOREFRONT, **preflight)
    assert (status, headers["Access-Control-Allow-Origin"]) == (204, STOREFRONT)
    _, headers, _ = send(api, "OPTIONS", Origin="https://evil.example", **preflight)
    assert "Access-Control-Allow-Origin" not in headers


def test_settings_through_the_service_itself_still_work(api: str) -> None:
    from ministack.services import apigateway

    answer = asyncio.run(
        apigateway.handle_execute(
            api, "$default", "/carts", "OPTIONS", {"origin": STOREFRONT}, b"", {}
        )
    )
    apigateway._apis[api]["corsConfiguration"] = {
        name[0].lower() + name[1:]: value
        for name, value in apigateway._apis[api]["corsConfiguration"].items()
    }
    again = asyncio.run(
        apigateway.handle_execute(
            api, "$default", "/carts", "OPTIONS", {"origin": STOREFRONT}, b"", {}
        )
    )
    assert answer == again
    assert answer[0] == 204
