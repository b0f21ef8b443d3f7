"""The frame of a door: what reaches it, what comes of its answers, refusals and faults."""

import base64
import gc
import json
import logging
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError
from pydantic import BaseModel, ConfigDict, Field
from pynamodb.exceptions import PutError

from shop.entrypoints import http
from shop.entrypoints.http import (
    BODY_LIMIT,
    Request,
    Response,
    cacheable,
    endpoint,
    headers_from,
    http_status,
    source_address,
)
from shop.kernel import errors
from shop.kernel.errors import InvalidRequest, Problem, ShopError, Unauthenticated, Unavailable
from tests.kit.shop import ApiResponse, Context, call


class Thing(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: str


def echo(request: Request[Thing]) -> dict[str, Any]:
    return {"name": request.body.name}


def post(body: Any = None, **more: Any) -> ApiResponse:
    return call(endpoint(Thing)(echo), "POST /things", body, **more)


def problem(said: ApiResponse, status: int, code: str) -> Any:
    """The one shape of refusals outside UCP: RFC 9457 with a code and all errors."""
    assert (said.status, said.json["status"], said.json["code"]) == (status, status, code), (
        said.text
    )
    assert said.headers["Content-Type"] == "application/problem+json"
    assert said.json["title"]
    assert said.json["type"] == "about:blank"
    assert said.json["errors"]
    for error in said.json["errors"]:
        assert error["code"]
        assert error["detail"]
    return said.json


# ---------------------------------------------------------------------------------- what goes in


def test_a_door_gets_what_was_sent() -> None:
    heard: list[Request[Any]] = []

    def door(request: Request[Any]) -> dict[str, Any]:
        heard.append(request)
        return {}

    call(
        endpoint(Thing)(door),
        "PUT /things/{id}",
        raw='{"name": "ü"}',
        key="0123456789abcdef0123456789",
        headers={"X-Odd": "1"},
        query="a=1&a=2&b=%C3%BC&c",
        id="thing_1",
    )
    (request,) = heard
    assert request.body == Thing(name="ü")
    assert request.raw_body == '{"name": "ü"}'.encode()
    assert request.path == {"id": "thing_1"}
    assert request.query == {"a": "2", "b": "ü", "c": ""}
    assert request.headers["x-odd"] == "1"
    assert request.required_idempotency_key == "0123456789abcdef0123456789"
    assert request.received_at.tzinfo is not None
    assert request.source_ip == "127.0.0.1"
    assert (request.method, request.url) == ("PUT", "/things/thing_1")


@pytest.mark.parametrize(
    ("key", "sent", "address"),
    [
        (None, {}, "192.0.2.1"),
        (None, {"Shop-Viewer": "203.0.113.9", "Shop-Edge": ""}, "192.0.2.1"),
        ("k" * 44, {"Shop-Viewer": "203.0.113.9", "Shop-Edge": "k" * 44}, "203.0.113.9"),
        ("k" * 44, {"Shop-Viewer": "203.0.113.9", "Shop-Edge": "K" * 44}, "192.0.2.1"),
        ("k" * 44, {"Shop-Viewer": "203.0.113.9", "Shop-Edge": "ü"}, "192.0.2.1"),
        ("k" * 44, {"Shop-Viewer": "203.0.113.9"}, "192.0.2.1"),
        ("", {"Shop-Viewer": "203.0.113.9", "Shop-Edge": ""}, "192.0.2.1"),
    ],
)
def test_who_asks_is_whom_the_cdn_names_and_nobody_else_may_name_one(
    key: str | None, sent: dict[str, str], address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if key is None:
        monkeypatch.delenv("EDGE_KEY", raising=False)
    else:
        monkeypatch.setenv("EDGE_KEY", key)
    event = event_of(None, headers=sent)
    assert source_address(event, headers_from(event)) == address


def event_of(body: str | None, *, encoded: bool = False, headers: Any = None) -> dict[str, Any]:
    return {
        "version": "2.0",
        "rawPath": "/things",
        "rawQueryString": "",
        "headers": headers or {},
        "requestContext": {
            "requestId": "gateway-1",
            "http": {"method": "POST", "path": "/things", "sourceIp": "192.0.2.1"},
        },
        "body": body,
        "isBase64Encoded": encoded,
    }


def sent(event: dict[str, Any], door: Any = echo, shape: Any = Thing) -> ApiResponse:
    answer = endpoint(shape)(door)(event, Context())
    return ApiResponse(answer["statusCode"], answer["headers"], answer["body"])


def test_a_body_in_base64_is_read() -> None:
    body = base64.b64encode(b'{"name":"x"}').decode()
    assert sent(event_of(body, encoded=True)).json == {"name": "x"}


@pytest.mark.parametrize("body", ["%%%", "YQ", "é", "YQ==YQ==", "=" * 10])
def test_base64_that_is_none_is_refused(body: str) -> None:
    problem(sent(event_of(body, encoded=True)), 400, "body_unreadable")


def test_text_that_no_wire_can_carry_is_refused() -> None:
    problem(sent(event_of('{"name":"\ud800"}')), 400, "body_unreadable")


def test_bytes_that_were_lost_on_their_way_are_told() -> None:
    """As a gateway that decodes loosely hands them over: 14 bytes were sent."""
    event = event_of('{"name":"J\ufffd\ufffd"}', headers={"Content-Length": "14"})
    said = problem(sent(event), 400, "text_invalid")
    assert "not UTF-8" in said["detail"]


@pytest.mark.parametrize("length", ["18", None, "", "-1", "18, 18", "x"])
def test_a_replacement_character_that_was_sent_is_a_character(length: str | None) -> None:
    body = '{"name":"J\ufffd\ufffd"}'
    headers = {} if length is None else {"Content-Length": length}
    assert sent(event_of(body, headers=headers)).status == 200
    encoded = base64.b64encode(body.encode()).decode()
    of_base64 = {"Content-Length": str(len(encoded))}
    assert sent(event_of(encoded, encoded=True, headers=of_base64)).status == 200


@pytest.mark.parametrize("encoded", [False, True])
def test_a_megabyte_is_too_much(encoded: bool) -> None:
    text = '{"name":"' + "x" * 1_000_000 + '"}'
    body = base64.b64encode(text.encode()).decode() if encoded else text
    problem(sent(event_of(body, encoded=encoded)), 413, "body_too_large")


def test_the_limit_counts_bytes_not_letters() -> None:
    fits = '{"name":"' + "x" * (BODY_LIMIT - 11) + '"}'
    assert sent(event_of(fits)).status == 200
    problem(sent(event_of(fits + " ")), 413, "body_too_large")
    problem(sent(event_of('{"name":"' + "ü" * (BODY_LIMIT // 2) + '"}')), 413, "body_too_large")


@pytest.mark.parametrize("kind", ["application/json", "Application/JSON; charset=utf-8", None])
def test_json_is_json_however_it_is_spelt(kind: str | None) -> None:
    headers = {} if kind is None else {"Content-Type": kind}
    assert sent(event_of('{"name":"x"}', headers=headers)).status == 200


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "", "json"]
)
def test_what_is_not_called_json_is_refused(kind: str) -> None:
    said = sent(event_of('{"name":"x"}', headers={"content-type": kind}))
    assert problem(said, 400, "content_type_unsupported")["errors"][0]["path"] == "Content-Type"


@pytest.mark.parametrize("headers", [None, {}, {"x": None}, {"x": ["a"]}])
def test_odd_headers_are_no_fault(headers: Any) -> None:
    event = event_of('{"name":"x"}')
    event["headers"] = headers
    assert sent(event).status == 200


@pytest.mark.parametrize("query", ["&&&", "%", "%ff=%00", "=", "a=1;b=2", "a" * 5000])
def test_odd_queries_are_no_fault(query: str) -> None:
    assert post({"name": "x"}, query=query).status == 200


@pytest.mark.parametrize("thing", ["", " " * 200, "x" * 129, "a\x00b", "a\nb", "\ud800", "\u202e"])
def test_ids_that_cannot_be_ours_are_not_found(thing: str) -> None:
    said = call(endpoint()(lambda request: {}), "GET /things/{id}", id=thing)
    problem(said, 404, "not_found")


@pytest.mark.parametrize("key", ["x" * 256, "ключ", "a\tb", "a\x7f"])
def test_an_idempotency_key_is_plain_and_short(key: str) -> None:
    refused = problem(post({"name": "x"}, key=key), 400, "idempotency_key_invalid")
    assert refused["errors"][0]["path"] == "Idempotency-Key"


def test_a_route_that_needs_a_key_says_so() -> None:
    handler = endpoint()(lambda request: {"key": request.idempotent.key})
    problem(call(handler, "POST /things", key=""), 400, "idempotency_key_missing")
    event = event_of(None, headers={"idempotency-key": ""})
    problem(sent(event, lambda request: {"key": request.key}, None), 400, "idempotency_key_invalid")


def test_a_body_that_nobody_reads_is_let_be() -> None:
    assert call(endpoint()(lambda request: {}), "GET /things", raw="{{{").status == 200


# ---------------------------------------------------------------------------------- what comes out


def test_an_answer_is_json_that_nobody_keeps() -> None:
    said = post({"name": "ü😀"})
    assert said.text == '{"name":"ü😀"}'
    assert said.headers["Content-Type"] == "application/json"
    assert said.headers["Cache-Control"] == "no-store"
    assert said.headers["X-Content-Type-Options"] == "nosniff"


def test_a_model_is_answered_without_its_blanks() -> None:
    class View(BaseModel):
        kind: str = Field(default="x", serialization_alias="type")
        nothing: int | None = None

    assert call(endpoint(status=201)(lambda request: View()), "GET /x").json == {"type": "x"}


def test_a_door_may_choose_status_headers_and_kind() -> None:
    page = Response("<p>hi</p>", 202, {"content-type": "text/html", "cache-control": "max-age=1"})
    said = call(endpoint()(lambda request: page), "GET /x")
    assert (said.status, said.text) == (202, "<p>hi</p>")
    assert said.headers["content-type"] == "text/html"
    assert "Content-Type" not in said.headers
    assert "Cache-Control" not in said.headers


def test_bytes_go_out_as_they_are() -> None:
    handler = endpoint()(lambda request: Response(b"\x00\xff", 200, {"Content-Type": "image/png"}))
    answer = handler(event_of(None), Context())
    assert answer["isBase64Encoded"]
    assert base64.b64decode(answer["body"]) == b"\x00\xff"


def test_nothing_is_answered_with_nothing() -> None:
    assert call(endpoint()(lambda request: Response(None, 204)), "GET /x").text == ""


@pytest.mark.parametrize("answer", [object(), {"a": {1, 2}}, {"a": float("nan")}, {(1,): 2}])
def test_an_answer_that_cannot_be_written_is_a_fault_not_a_crash(answer: Any) -> None:
    assert call(endpoint()(lambda request: answer), "GET /x").status == 500


def test_what_anybody_may_keep_has_a_tag_and_is_not_sent_twice() -> None:
    handler = endpoint()(lambda request: cacheable(request, {"b": 1, "a": 2}, seconds=300))
    first = call(handler, "GET /x")
    assert first.headers["Cache-Control"] == "public, max-age=300"
    tag = first.headers["ETag"]
    for known in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        again = call(handler, "GET /x", headers={"If-None-Match": known})
        assert (again.status, again.text, again.headers["ETag"]) == (304, "", tag)
    assert call(handler, "GET /x", headers={"If-None-Match": '"other"'}).status == 200


# -------------------------------------------------------------------------------------- refusals


def leaves(kind: type[ShopError] = ShopError) -> list[type[ShopError]]:
    below = kind.__subclasses__()
    return [leaf for child in below for leaf in leaves(child)] if below else [kind]


@pytest.mark.parametrize("kind", leaves())
def test_every_refusal_has_a_status_and_the_one_shape(kind: type[ShopError]) -> None:
    def door(request: Request[None]) -> None:
        raise kind("no", path="$.x")

    said = problem(call(endpoint()(door), "GET /x"), http_status(kind), kind.code)
    assert said["errors"] == [{"code": kind.code, "detail": "no", "path": "$.x"}]


@pytest.mark.slow
def test_a_kind_of_refusal_without_a_status_does_not_go_unseen() -> None:
    with pytest.raises(LookupError):
        http_status(type("Odd", (ShopError,), {}))
    gc.collect()  # other tests count the tree's leaves


def test_all_problems_are_told() -> None:
    def door(request: Request[None]) -> None:
        raise InvalidRequest("two", problems=[Problem("a", "first", "$.a"), Problem("b", "second")])

    said = problem(call(endpoint()(door), "GET /x"), 400, "invalid")
    assert said["errors"] == [
        {"code": "a", "detail": "first", "path": "$.a"},
        {"code": "b", "detail": "second"},
    ]


def test_who_must_sign_in_is_told_how_and_who_must_wait_how_long() -> None:
    def refuse(error: ShopError) -> Mapping[str, str]:
        def door(request: Request[None]) -> None:
            raise error

        return call(endpoint()(door), "GET /x").headers

    assert refuse(Unauthenticated("sign in"))["WWW-Authenticate"].startswith("Bearer")
    assert int(refuse(Unavailable("later"))["Retry-After"]) > 0
    assert int(refuse(errors.RateLimited("later"))["Retry-After"]) > 0


# ---------------------------------------------------------------------------------------- faults


def aws(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "x"}}, "PutItem")


def raising(error: Exception) -> Any:
    def door(request: Request[None]) -> None:
        raise error

    return call(endpoint()(door), "GET /x")


@pytest.mark.parametrize(
    "error",
    [
        aws("ThrottlingException"),
        aws("ProvisionedThroughputExceededException"),
        aws("InternalServerError"),
        PutError("no", cause=aws("RequestLimitExceeded")),
        ReadTimeoutError(endpoint_url="http://dynamodb"),
    ],
)
def test_a_supplier_that_is_busy_is_a_503_to_be_tried_again(error: Exception) -> None:
    said = raising(error)
    problem(said, 503, "busy")
    assert "Retry-After" in said.headers


@pytest.mark.parametrize(
    "error", [ZeroDivisionError(), KeyError("x"), aws("ValidationException"), RecursionError()]
)
def test_our_own_fault_is_a_500_that_tells_nothing(error: Exception) -> None:
    said = raising(error)
    assert said.status == 500
    assert said.json == {
        "type": "about:blank",
        "title": "Internal Server Error",
        "status": 500,
        "code": "fault",
    }


def test_a_missing_setting_is_named() -> None:
    with pytest.raises(KeyError, match="TABLE_NOBODY"):
        http.required_setting("TABLE_NOBODY")


# ----------------------------------------------------------------------- correlation and the log


@pytest.fixture
def log_lines() -> Iterator[list[dict[str, Any]]]:
    lines: list[dict[str, Any]] = []

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(json.loads(http.log.registered_formatter.format(record)))

    listener = Listener()
    http.log._logger.addHandler(listener)
    level = http.log.log_level
    http.log.setLevel("INFO")
    yield lines
    http.log._logger.removeHandler(listener)
    http.log.setLevel(level)


def test_a_request_id_goes_through_log_and_answer(log_lines: list[dict[str, Any]]) -> None:
    wanted = str(uuid.uuid4())
    said = post({}, headers={"Request-Id": wanted})
    assert said.headers["Request-Id"] == wanted
    assert log_lines[-1]["correlation_id"] == wanted


@pytest.mark.parametrize("odd", ["", "a b", "x" * 129, 'a"b', "a\nInjected: 1", "ü"])
def test_an_odd_request_id_is_replaced(odd: str) -> None:
    said = sent(event_of('{"name":"x"}', headers={"request-id": odd}))
    assert said.headers["Request-Id"] == "gateway-1"


PRIVATE = (
    "jane.doe@example.com",
    "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2ln",
    "+49 170 1234567",
    "4242 4242 4242 4242",
    "tok_success",
    "whsec_abcdef",
)


def test_the_log_holds_no_bodies_and_nothing_personal(log_lines: list[dict[str, Any]]) -> None:
    def door(request: Request[Thing]) -> None:
        class Strict(BaseModel):
            n: int

        try:
            Strict.model_validate({"n": "".join(street)})
        except ValueError as error:
            raise RuntimeError(" and ".join(PRIVATE)) from error

    street = ("Haupt", "strasse 1")
    handler = endpoint(Thing)(door)
    said = call(handler, "POST /things", {"name": "Jane Doe"})
    assert said.status == 500
    text = json.dumps(log_lines, ensure_ascii=False)
    assert log_lines[-1]["fault"] == "RuntimeError"
    assert "test_http.py" in log_lines[-1]["trace"]
    for private in (*PRIVATE, "Jane Doe", "Hauptstrasse"):
        assert private not in text, private


def test_a_refusal_is_one_line_with_its_code(log_lines: list[dict[str, Any]]) -> None:
    post({"name": 1, "jane@example.com": 1})
    (line,) = log_lines
    assert (line["code"], line["status"], line["level"]) == ("invalid", 400, "INFO")
    assert "jane" not in json.dumps(line)


def test_an_ordinary_request_logs_nothing(log_lines: list[dict[str, Any]]) -> None:
    post({"name": "x"})
    assert log_lines == []
