"""Invalid tokens, addresses and bytes get a proper error, and a fault names its file."""

import base64
import json
import uuid

import pytest

from local.cloud import Cloud
from local.emulator import LAMBDAS_LOG
from local.http_actors import Carrier, HttpClient, wait_until

pytestmark = pytest.mark.journey

LIST = base64.urlsafe_b64encode(b"[]").decode().rstrip("=")
NULL = base64.urlsafe_b64encode(b"null").decode()
GARBLED = [f"{LIST}.{LIST}.eA", f"{NULL}.e30.eA", "no-token", "a.b.c", ".." * 2_000]


@pytest.mark.parametrize("token", GARBLED, ids=["list", "null", "word", "letters", "dots"])
@pytest.mark.parametrize("route", ["GET /account/orders", "GET /staff/orders", "GET /orders/ord_x"])
def test_malformed_token_returns_401(cloud: Cloud, route: str, token: str) -> None:
    reply = HttpClient(cloud.url).request(route, headers={"Authorization": f"Bearer {token}"})
    assert reply.status == 401


@pytest.mark.parametrize(
    ("route", "status", "code"),
    [
        ("GET /nothing", 404, "route_unknown"),
        ("POST /_ministack/reset", 404, "route_unknown"),
        ("DELETE /carts/cart_1", 405, "method_not_allowed"),
        ("GET /carts", 405, "method_not_allowed"),
    ],
)
def test_address_without_a_route_returns_the_shops_own_error(
    cloud: Cloud, route: str, status: int, code: str
) -> None:
    reply = HttpClient(cloud.url).request(route)
    assert reply.status == status
    assert reply.body["code"] == code
    assert reply.headers["Content-Type"] == "application/problem+json"


def test_bytes_that_are_not_utf8_are_rejected_with_their_position(
    guest: HttpClient, carrier: Carrier
) -> None:
    reply = guest.request("POST /catalog/search", raw=b'{"query":"J\xff\xfe"}')
    assert reply.status == 400, reply.text
    assert "Byte 12 of the body (0xFF) is not UTF-8" in reply.text
    reply = carrier.send(b'{"description":"Caf\xe9"}', delivery=f"msg_{uuid.uuid4().hex}")
    assert (reply.status, reply.body["code"]) == (400, "text_invalid")
    assert "Byte 20 of the body (0xE9)" in reply.body["detail"]


@pytest.mark.parametrize("encoding", ["windows-1252", "utf-16"])
def test_file_is_read_in_its_encoding(staff: HttpClient, encoding: str) -> None:
    word = f"café{uuid.uuid4().hex[:8]}"
    file = f"Handle,Title,Variant SKU,Variant Price\n{word[4:]},{word},{word[4:]},5.00\n"
    csv = {"Content-Type": "text/csv"}
    if encoding == "windows-1252":
        rejected = staff.request(
            "POST /staff/imports?currency=USD", raw=file.encode(encoding), headers=csv
        )
        assert rejected.status == 400
        assert "Line 2, byte 13 (0xE9" in rejected.body["detail"]
    query = "&encoding=windows-1252" if encoding == "windows-1252" else ""
    route = f"POST /staff/imports?currency=USD{query}"
    accepted = staff.request(route, raw=file.encode(encoding), headers=csv)
    assert accepted.status == 200, accepted.text
    assert accepted.body["created"] == 1


def test_unexpected_error_is_logged_in_the_named_file(cloud: Cloud) -> None:
    client, request = cloud.client("lambda"), f"req-{uuid.uuid4().hex}"
    pages = client.get_paginator("list_functions").paginate()
    names = [function["FunctionName"] for page in pages for function in page["Functions"]]
    name = next(name for name in names if "search" in name.lower())
    event = {"headers": {"request-id": request}, "requestContext": {"requestId": "none"}}
    answer = client.invoke(FunctionName=name, Payload=json.dumps(event))
    assert json.loads(answer["Payload"].read())["statusCode"] == 500

    def lines() -> list[str]:
        return (cloud.home / LAMBDAS_LOG).read_text().splitlines()

    log = wait_until(lines, lambda lines: any(request in line for line in lines))
    at = next(number for number, line in enumerate(log) if request in line)
    assert f" ERROR {name}: unexpected " in log[at]
    assert "fault=KeyError" in log[at]
    assert log[at + 1] == "    Traceback (most recent call last):"


def test_storefront_of_another_origin_can_call_the_shop(cloud: Cloud) -> None:
    page = {"Origin": "http://localhost:5173"}
    wanted = {"Access-Control-Request-Headers": "content-type,idempotency-key,shop-channel"}
    preflight = HttpClient(cloud.url).request(
        "OPTIONS /carts", headers={**page, **wanted, "Access-Control-Request-Method": "POST"}
    )
    assert preflight.status == 204, preflight.text
    allowed = preflight.headers["Access-Control-Allow-Headers"].lower().split(",")
    assert {"content-type", "idempotency-key", "shop-channel"} <= set(allowed)
    found = HttpClient(cloud.url).request("POST /catalog/search", {"query": "mug"}, headers=page)
    assert found.status == 200, found.text
    assert found.headers["Access-Control-Allow-Origin"] == "*"
    assert "request-id" in found.headers["Access-Control-Expose-Headers"].lower()
