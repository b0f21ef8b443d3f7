"""The HTTP adapter: requests, responses, errors, faults and the log."""

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
from shop.entrypoints.caching import cacheable
from shop.entrypoints.fault_mapping import http_status
from shop.entrypoints.http import (
    BODY_LIMIT,
    Request,
    Response,
    endpoint,
    headers_from,
    source_address,
)
from shop.kernel import errors
from shop.kernel.errors import InvalidRequest, Problem, ShopError, Unauthenticated, Unavailable
from tests.kit.shop import ApiResponse, Context, call


class ThingBody(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: str


def echo(request: Request[ThingBody]) -> dict[str, Any]:
    return {"name": request.body.name}


def post(body: Any = None, **more: Any) -> ApiResponse:
    return call(endpoint(ThingBody)(echo), "POST /things", body, **more)


def problem(response: ApiResponse, status: int, code: str) -> Any:
    """Check a problem document (RFC 9457) with its code and all errors, and return it."""
    assert (response.status, response.json["status"], response.json["code"]) == (
        status,
        status,
        code,
    ), response.text
    assert response.headers["Content-Type"] == "application/problem+json"
    assert response.json["title"]
    assert response.json["type"] == "about:blank"
    assert response.json["errors"]
    for error in response.json["errors"]:
        assert error["code"]
        assert error["detail"]
    return response.json


# -------------------------------------------------------------------------------------- requests


def test_handler_function_gets_the_parsed_request() -> None:
    # Given a handler function that records its requests
    requests: list[Request[Any]] = []

    def function(request: Request[Any]) -> dict[str, Any]:
        requests.append(request)
        return {}

    # When a request with every part is sent
    call(
        endpoint(ThingBody)(function),
        "PUT /things/{id}",
        raw='{"name": "ü"}',
        key="0123456789abcdef0123456789",
        headers={"X-Odd": "1"},
        query="a=1&a=2&b=%C3%BC&c",
        id="thing_1",
    )
    # Then the function gets each part
    (request,) = requests
    assert request.body == ThingBody(name="ü")
    assert request.raw_body == '{"name": "ü"}'.encode()
    assert request.path == {"id": "thing_1"}
    assert request.query == {"a": "2", "b": "ü", "c": ""}
    assert request.headers["x-odd"] == "1"
    assert request.required_idempotency_key == "0123456789abcdef0123456789"
    assert request.received_at.tzinfo is not None
    assert request.source_ip == "127.0.0.1"
    assert (request.method, request.url) == ("PUT", "/things/thing_1")


@pytest.mark.parametrize(
    ("key", "headers", "address"),
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
def test_client_address_is_that_of_cloudfront_only_with_its_key(
    key: str | None, headers: dict[str, str], address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if key is None:
        monkeypatch.delenv("EDGE_KEY", raising=False)
    else:
        monkeypatch.setenv("EDGE_KEY", key)
    event = event_of(None, headers=headers)
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


def send(event: dict[str, Any], function: Any = echo, schema: Any = ThingBody) -> ApiResponse:
    response = endpoint(schema)(function)(event, Context())
    return ApiResponse(response["statusCode"], response["headers"], response["body"])


def test_base64_body_is_decoded() -> None:
    body = base64.b64encode(b'{"name":"x"}').decode()
    assert send(event_of(body, encoded=True)).json == {"name": "x"}


@pytest.mark.parametrize("body", ["%%%", "YQ", "é", "YQ==YQ==", "=" * 10])
def test_invalid_base64_is_rejected(body: str) -> None:
    problem(send(event_of(body, encoded=True)), 400, "body_unreadable")


def test_unpaired_surrogate_is_rejected() -> None:
    problem(send(event_of('{"name":"\ud800"}')), 400, "body_unreadable")


def test_bytes_replaced_by_the_gateway_are_reported() -> None:
    """The event of a gateway that decodes leniently: the client sent 14 bytes."""
    event = event_of('{"name":"J\ufffd\ufffd"}', headers={"Content-Length": "14"})
    response = problem(send(event), 400, "text_invalid")
    assert "not UTF-8" in response["detail"]


@pytest.mark.parametrize("length", ["18", None, "", "-1", "18, 18", "x"])
def test_replacement_character_of_the_client_is_accepted(length: str | None) -> None:
    body = '{"name":"J\ufffd\ufffd"}'
    headers = {} if length is None else {"Content-Length": length}
    assert send(event_of(body, headers=headers)).status == 200
    encoded = base64.b64encode(body.encode()).decode()
    of_base64 = {"Content-Length": str(len(encoded))}
    assert send(event_of(encoded, encoded=True, headers=of_base64)).status == 200


@pytest.mark.parametrize("encoded", [False, True])
def test_body_of_a_megabyte_is_rejected(encoded: bool) -> None:
    text = '{"name":"' + "x" * 1_000_000 + '"}'
    body = base64.b64encode(text.encode()).decode() if encoded else text
    problem(send(event_of(body, encoded=encoded)), 413, "body_too_large")


def test_body_limit_counts_bytes_not_characters() -> None:
    fits = '{"name":"' + "x" * (BODY_LIMIT - 11) + '"}'
    assert send(event_of(fits)).status == 200
    problem(send(event_of(fits + " ")), 413, "body_too_large")
    problem(send(event_of('{"name":"' + "ü" * (BODY_LIMIT // 2) + '"}')), 413, "body_too_large")


@pytest.mark.parametrize("kind", ["application/json", "Application/JSON; charset=utf-8", None])
def test_json_media_type_is_case_insensitive_and_optional(kind: str | None) -> None:
    headers = {} if kind is None else {"Content-Type": kind}
    assert send(event_of('{"name":"x"}', headers=headers)).status == 200


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "", "json"]
)
def test_other_media_types_are_rejected(kind: str) -> None:
    response = send(event_of('{"name":"x"}', headers={"content-type": kind}))
    assert problem(response, 400, "content_type_unsupported")["errors"][0]["path"] == "Content-Type"


@pytest.mark.parametrize("headers", [None, {}, {"x": None}, {"x": ["a"]}])
def test_unusual_headers_cause_no_fault(headers: Any) -> None:
    event = event_of('{"name":"x"}')
    event["headers"] = headers
    assert send(event).status == 200


@pytest.mark.parametrize("query", ["&&&", "%", "%ff=%00", "=", "a=1;b=2", "a" * 5000])
def test_unusual_queries_cause_no_fault(query: str) -> None:
    assert post({"name": "x"}, query=query).status == 200


@pytest.mark.parametrize(
    "thing_id", ["", " " * 200, "x" * 129, "a\x00b", "a\nb", "\ud800", "\u202e"]
)
def test_ids_of_impossible_form_are_not_found(thing_id: str) -> None:
    response = call(endpoint()(lambda request: {}), "GET /things/{id}", id=thing_id)
    problem(response, 404, "not_found")


@pytest.mark.parametrize("key", ["x" * 256, "ключ", "a\tb", "a\x7f"])
def test_idempotency_key_must_be_short_printable_ascii(key: str) -> None:
    document = problem(post({"name": "x"}, key=key), 400, "idempotency_key_invalid")
    assert document["errors"][0]["path"] == "Idempotency-Key"


def test_missing_or_empty_idempotency_key_is_rejected() -> None:
    handler = endpoint()(lambda request: {"key": request.idempotent.key})
    problem(call(handler, "POST /things", key=""), 400, "idempotency_key_missing")
    event = event_of(None, headers={"idempotency-key": ""})
    problem(
        send(event, lambda request: {"key": request.required_idempotency_key}, None),
        400,
        "idempotency_key_invalid",
    )


def test_body_is_ignored_without_a_schema() -> None:
    assert call(endpoint()(lambda request: {}), "GET /things", raw="{{{").status == 200


# ------------------------------------------------------------------------------------- responses


def test_response_is_json_without_caching() -> None:
    response = post({"name": "ü😀"})
    assert response.text == '{"name":"ü😀"}'
    assert response.headers["Content-Type"] == "application/json"
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["X-Content-Type-Options"] == "nosniff"


def test_model_response_omits_null_members() -> None:
    class View(BaseModel):
        kind: str = Field(default="x", serialization_alias="type")
        nothing: int | None = None

    assert call(endpoint(status=201)(lambda request: View()), "GET /x").json == {"type": "x"}


def test_response_may_set_status_headers_and_media_type() -> None:
    page = Response("<p>hi</p>", 202, {"content-type": "text/html", "cache-control": "max-age=1"})
    response = call(endpoint()(lambda request: page), "GET /x")
    assert (response.status, response.text) == (202, "<p>hi</p>")
    assert response.headers["content-type"] == "text/html"
    assert "Content-Type" not in response.headers
    assert "Cache-Control" not in response.headers


def test_bytes_are_sent_as_base64() -> None:
    handler = endpoint()(lambda request: Response(b"\x00\xff", 200, {"Content-Type": "image/png"}))
    response = handler(event_of(None), Context())
    assert response["isBase64Encoded"]
    assert base64.b64decode(response["body"]) == b"\x00\xff"


def test_response_without_body_is_empty() -> None:
    assert call(endpoint()(lambda request: Response(None, 204)), "GET /x").text == ""


@pytest.mark.parametrize("result", [object(), {"a": {1, 2}}, {"a": float("nan")}, {(1,): 2}])
def test_unserializable_result_is_a_500(result: Any) -> None:
    assert call(endpoint()(lambda request: result), "GET /x").status == 500


def test_cacheable_response_has_an_etag_and_answers_304() -> None:
    handler = endpoint()(lambda request: cacheable(request, {"b": 1, "a": 2}, seconds=300))
    first = call(handler, "GET /x")
    assert first.headers["Cache-Control"] == "public, max-age=300"
    etag = first.headers["ETag"]
    for cached in (etag, f"W/{etag}", f'"other", {etag}', "*"):
        second = call(handler, "GET /x", headers={"If-None-Match": cached})
        assert (second.status, second.text, second.headers["ETag"]) == (304, "", etag)
    assert call(handler, "GET /x", headers={"If-None-Match": '"other"'}).status == 200


# ---------------------------------------------------------------------------------------- errors


def leaves(kind: type[ShopError] = ShopError) -> list[type[ShopError]]:
    below = kind.__subclasses__()
    return [leaf for child in below for leaf in leaves(child)] if below else [kind]


@pytest.mark.parametrize("kind", leaves())
def test_every_error_class_has_a_status_and_a_problem_document(kind: type[ShopError]) -> None:
    def function(request: Request[None]) -> None:
        raise kind("no", path="$.x")

    response = problem(call(endpoint()(function), "GET /x"), http_status(kind), kind.code)
    assert response["errors"] == [{"code": kind.code, "detail": "no", "path": "$.x"}]


@pytest.mark.slow
def test_error_class_without_status_raises_lookup_error() -> None:
    with pytest.raises(LookupError):
        http_status(type("Odd", (ShopError,), {}))
    gc.collect()  # other tests count the tree's leaves


def test_all_problems_are_listed() -> None:
    def function(request: Request[None]) -> None:
        raise InvalidRequest("two", problems=[Problem("a", "first", "$.a"), Problem("b", "second")])

    response = problem(call(endpoint()(function), "GET /x"), 400, "invalid")
    assert response["errors"] == [
        {"code": "a", "detail": "first", "path": "$.a"},
        {"code": "b", "detail": "second"},
    ]


def test_401_has_a_challenge_and_429_and_503_have_retry_after() -> None:
    def headers_for(error: ShopError) -> Mapping[str, str]:
        def function(request: Request[None]) -> None:
            raise error

        return call(endpoint()(function), "GET /x").headers

    assert headers_for(Unauthenticated("sign in"))["WWW-Authenticate"].startswith("Bearer")
    assert int(headers_for(Unavailable("later"))["Retry-After"]) > 0
    assert int(headers_for(errors.RateLimited("later"))["Retry-After"]) > 0


# ---------------------------------------------------------------------------------------- faults


def aws_error(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "x"}}, "PutItem")


def raising(error: Exception) -> Any:
    def function(request: Request[None]) -> None:
        raise error

    return call(endpoint()(function), "GET /x")


@pytest.mark.parametrize(
    "error",
    [
        aws_error("ThrottlingException"),
        aws_error("ProvisionedThroughputExceededException"),
        aws_error("InternalServerError"),
        PutError("no", cause=aws_error("RequestLimitExceeded")),
        ReadTimeoutError(endpoint_url="http://dynamodb"),
    ],
)
def test_transient_aws_fault_is_a_503_with_retry_after(error: Exception) -> None:
    response = raising(error)
    problem(response, 503, "contention")
    assert "Retry-After" in response.headers


@pytest.mark.parametrize(
    "error",
    [ZeroDivisionError(), KeyError("x"), aws_error("ValidationException"), RecursionError()],
)
def test_fault_is_a_500_without_details(error: Exception) -> None:
    response = raising(error)
    assert response.status == 500
    assert response.json == {
        "type": "about:blank",
        "title": "Internal Server Error",
        "status": 500,
        "code": "fault",
        "detail": "An internal error occurred. It has been logged.",
    }


def test_missing_setting_is_named() -> None:
    with pytest.raises(KeyError, match="TABLE_NOBODY"):
        http.required_setting("TABLE_NOBODY")


# --------------------------------------------------------------------------- request ids and log


@pytest.fixture
def log_lines() -> Iterator[list[dict[str, Any]]]:
    lines: list[dict[str, Any]] = []

    class RecordingHandler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(json.loads(http.log.registered_formatter.format(record)))

    log_handler = RecordingHandler()
    http.log._logger.addHandler(log_handler)
    level = http.log.log_level
    http.log.setLevel("INFO")
    yield lines
    http.log._logger.removeHandler(log_handler)
    http.log.setLevel(level)


def test_request_id_is_in_log_and_response(log_lines: list[dict[str, Any]]) -> None:
    request_id = str(uuid.uuid4())
    response = post({}, headers={"Request-Id": request_id})
    assert response.headers["Request-Id"] == request_id
    assert log_lines[-1]["correlation_id"] == request_id


@pytest.mark.parametrize("request_id", ["", "a b", "x" * 129, 'a"b', "a\nInjected: 1", "ü"])
def test_invalid_request_id_is_replaced(request_id: str) -> None:
    response = send(event_of('{"name":"x"}', headers={"request-id": request_id}))
    assert response.headers["Request-Id"] == "gateway-1"


PERSONAL_DATA = (
    "jane.doe@example.com",
    "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2ln",
    "+49 170 1234567",
    "4242 4242 4242 4242",
    "tok_success",
    "whsec_abcdef",
)


def test_log_has_no_bodies_and_no_personal_data(log_lines: list[dict[str, Any]]) -> None:
    def function(request: Request[ThingBody]) -> None:
        class Strict(BaseModel):
            n: int

        try:
            Strict.model_validate({"n": "".join(street)})
        except ValueError as error:
            raise RuntimeError(" and ".join(PERSONAL_DATA)) from error

    street = ("Haupt", "strasse 1")
    handler = endpoint(ThingBody)(function)
    response = call(handler, "POST /things", {"name": "Jane Doe"})
    assert response.status == 500
    log_text = json.dumps(log_lines, ensure_ascii=False)
    assert log_lines[-1]["fault"] == "RuntimeError"
    assert "test_http.py" in log_lines[-1]["trace"]
    for text in (*PERSONAL_DATA, "Jane Doe", "Hauptstrasse"):
        assert text not in log_text, text


def test_error_is_logged_in_one_line_with_its_code(log_lines: list[dict[str, Any]]) -> None:
    post({"name": 1, "jane@example.com": 1})
    (line,) = log_lines
    assert (line["code"], line["status"], line["level"]) == ("invalid", 400, "INFO")
    assert "jane" not in json.dumps(line)


def test_successful_request_logs_nothing(log_lines: list[dict[str, Any]]) -> None:
    post({"name": "x"})
    assert log_lines == []


# ------------------------------------------------------------------------------ query parameters


@pytest.mark.parametrize(
    ("known", "query", "problems"),
    [
        ("", "x=1", [("unknown_field", "x")]),
        ("cursor,limit", "limti=5", [("unknown_field", "limti")]),
        (
            "cursor,limit",
            "limit=5&Limit=5&page=2",
            [("unknown_field", "Limit"), ("unknown_field", "page")],
        ),
        ("cursor,limit", "limit=5&limit=6", [("duplicate", "limit")]),
        ("limit", "a=1&a=2&limit=1&limit=1", [("unknown_field", "a"), ("duplicate", "limit")]),
        ("limit", "", []),
        ("limit", "limit=5", []),
        ("limit", "limit=", []),
        ("limit", "%6Cimit=5", []),
        ("limit", "=5", [("unknown_field", "")]),
        ("limit", f"{'x' * 5_000}=1", [("unknown_field", "x" * 64)]),
        ("limit", "%00a%0A=1", [("unknown_field", "a")]),
    ],
)
def test_unknown_and_repeated_parameters_are_rejected(
    monkeypatch: pytest.MonkeyPatch, known: str, query: str, problems: list[tuple[str, str]]
) -> None:
    monkeypatch.setenv("QUERY", known)
    response = post({"name": "x"}, query=query)
    if not problems:
        assert response.status == 200
        return
    body = problem(response, 400, problems[0][0])
    assert [(each["code"], each.get("path", "")) for each in body["errors"]] == problems


def test_known_parameters_are_named_by_the_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QUERY", "cursor,limit")
    assert "Use cursor, limit." in problem(post({}, query="x=1"), 400, "unknown_field")["detail"]
