"""The emulated gateway forwards every byte of a body: bytes outside UTF-8 in base64."""

import asyncio
from typing import Any

import pytest

from local import emulator_patches
from shop.entrypoints.request_body import raw_body

TEXTS = ["application/json", "application/json; charset=utf-8", "text/csv", "TEXT/PLAIN"]


@pytest.fixture
def events(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Return the list of events that the Lambda behind the gateway receives."""
    from ministack.services import apigateway, lambda_svc

    received: list[dict[str, Any]] = []

    def record(_: Any, event: dict[str, Any]) -> dict[str, Any]:
        received.append(event)
        return {"body": {"statusCode": 200, "body": ""}}

    function = {"FunctionName": "create_cart"}
    for module, name, replacement in (
        (apigateway, "_invoke_lambda_proxy", apigateway._invoke_lambda_proxy),
        (apigateway, "_v2_request_body_is_text", apigateway._v2_request_body_is_text),
        (
            lambda_svc,
            "_get_func_record_for_ref_in_scope",
            lambda *_, **__: ({"config": function}, function, "create_cart"),
        ),
        (lambda_svc, "_execution_record_for_config", lambda *_: function),
        (lambda_svc, "_execute_function_with_config_scope", record),
    ):
        monkeypatch.setattr(module, name, replacement)
    emulator_patches.preserve_body_bytes()
    return received


def send(body: bytes, kind: str | None) -> None:
    """Send a body with this content type through the gateway."""
    from ministack.services import apigateway

    headers = {} if kind is None else {"content-type": kind}
    integration = {"integrationUri": "create_cart"}
    request: Any = (integration, "a1", "$default", "/carts", "POST", headers, body, {})
    asyncio.run(apigateway._invoke_lambda_proxy(*request))


@pytest.mark.parametrize("kind", TEXTS)
@pytest.mark.parametrize(
    "body",
    [
        b'{"first_name":"J\xff\xfe"}',
        "Café;1".encode("windows-1252"),
        "Title,Price\n".encode("utf-16"),
        b"\xed\xa0\x80",
    ],
)
def test_bytes_outside_utf_8_are_forwarded_in_base64(
    events: list[dict[str, Any]], body: bytes, kind: str
) -> None:
    send(body, kind)
    assert events[0]["isBase64Encoded"] is True
    assert raw_body(events[0]) == body
    assert events[0]["headers"] == {"content-type": kind}


@pytest.mark.parametrize("kind", TEXTS)
@pytest.mark.parametrize("text", ["{}", '{"first_name":"Zoë 😀 \ufffd"}', "\ufeffTitle\n"])
def test_text_is_forwarded_as_text(events: list[dict[str, Any]], text: str, kind: str) -> None:
    send(text.encode(), kind)
    assert (events[0]["isBase64Encoded"], events[0]["body"]) == (False, text)


@pytest.mark.parametrize("kind", ["application/yaml", "application/csv", "image/png", None])
def test_body_of_another_content_type_is_forwarded_in_base64(
    events: list[dict[str, Any]], kind: str | None
) -> None:
    send(b"Title\n", kind)
    assert events[0]["isBase64Encoded"] is True
    assert raw_body(events[0]) == b"Title\n"


def test_one_body_does_not_affect_the_next(events: list[dict[str, Any]]) -> None:
    from ministack.services import apigateway

    async def both() -> None:
        for body in (b"\xff", b"x", b""):
            headers = {"content-type": "text/csv"}
            integration = {"integrationUri": "create_cart"}
            request: Any = (integration, "a1", "s", "/x", "POST", headers, body, {})
            await apigateway._invoke_lambda_proxy(*request)

    asyncio.run(both())
    assert [event["isBase64Encoded"] for event in events] == [True, False, False]
