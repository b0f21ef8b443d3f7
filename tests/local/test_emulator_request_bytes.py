"""The emulated gateway loses no byte of a body: what is not UTF-8 comes to the Lambda in base64."""

import asyncio
from typing import Any

import pytest

from local import emulator_patches
from shop.entrypoints.request_body import raw_body

TEXTS = ["application/json", "application/json; charset=utf-8", "text/csv", "TEXT/PLAIN"]


@pytest.fixture
def events(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What the Lambda behind the gateway is handed."""
    from ministack.services import apigateway, lambda_svc

    handed: list[dict[str, Any]] = []

    def take(_: Any, event: dict[str, Any]) -> dict[str, Any]:
        handed.append(event)
        return {"body": {"statusCode": 200, "body": ""}}

    function = {"FunctionName": "till"}
    for module, name, instead in (
        (apigateway, "_invoke_lambda_proxy", apigateway._invoke_lambda_proxy),
        (apigateway, "_v2_request_body_is_text", apigateway._v2_request_body_is_text),
        (
            lambda_svc,
            "_get_func_record_for_ref_in_scope",
            lambda *_, **__: ({"config": function}, function, "till"),
        ),
        (lambda_svc, "_execution_record_for_config", lambda *_: function),
        (lambda_svc, "_execute_function_with_config_scope", take),
    ):
        monkeypatch.setattr(module, name, instead)
    emulator_patches.preserve_body_bytes()
    return handed


def send(body: bytes, kind: str | None) -> None:
    from ministack.services import apigateway

    headers = {} if kind is None else {"content-type": kind}
    asked: Any = ({"integrationUri": "till"}, "a1", "$default", "/carts", "POST", headers, body, {})
    asyncio.run(apigateway._invoke_lambda_proxy(*asked))


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
def test_what_is_not_utf_8_comes_byte_for_byte(
    events: list[dict[str, Any]], body: bytes, kind: str
) -> None:
    send(body, kind)
    assert events[0]["isBase64Encoded"] is True
    assert raw_body(events[0]) == body
    assert events[0]["headers"] == {"content-type": kind}


@pytest.mark.parametrize("kind", TEXTS)
@pytest.mark.parametrize("text", ["{}", '{"first_name":"Zoë 😀 \ufffd"}', "\ufeffTitle\n"])
def test_text_comes_as_text(events: list[dict[str, Any]], text: str, kind: str) -> None:
    send(text.encode(), kind)
    assert (events[0]["isBase64Encoded"], events[0]["body"]) == (False, text)


@pytest.mark.parametrize("kind", ["application/yaml", "application/csv", "image/png", None])
def test_what_is_not_called_text_comes_in_base64(
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
            asked: Any = ({"integrationUri": "till"}, "a1", "s", "/x", "POST", headers, body, {})
            await apigateway._invoke_lambda_proxy(*asked)

    asyncio.run(both())
    assert [event["isBase64Encoded"] for event in events] == [True, False, False]
