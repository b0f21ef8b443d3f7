"""The CDN proxy forwards requests unchanged and hides the emulator behind it."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from aiohttp import ClientSession, web

from local import cdn_proxy
from local.cdn_proxy import CdnProxy
from tests.local.polling import GUARD_SECONDS

Act = Callable[[ClientSession, str], Awaitable[None]]


def through_the_proxy(
    upstream: Callable[[web.Request], Awaitable[web.StreamResponse]], act: Act
) -> None:
    """Start a proxy to one handler at ``/api/$default``, and run ``act`` as its client."""

    async def run() -> None:
        cloud_application = web.Application(client_max_size=20_000_000)
        cloud_application.router.add_route("*", "/{path:.*}", upstream)
        async with (
            Listening(cloud_application) as cloud,
            Listening(CdnProxy(f"{cloud}/api/$default").application()) as proxy,
            ClientSession(cookie_jar=None) as client,
        ):
            await act(client, proxy)

    asyncio.run(run())


class Listening:
    """A server on a free port; its address is the value of the context."""

    def __init__(self, application: web.Application) -> None:
        self._runner = cdn_proxy.runner(application)

    async def __aenter__(self) -> str:
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        return f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()


async def echo(request: web.Request) -> web.StreamResponse:
    """Respond with the request as it arrived."""
    body = await request.read()
    seen = {
        "method": request.method,
        "target": request.raw_path,
        "headers": {name.lower(): value for name, value in request.headers.items()},
        "body": body.decode("latin-1"),
    }
    return web.json_response(seen, status=201)


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_method_path_query_and_body_are_forwarded_unchanged(method: str) -> None:
    async def act(client: ClientSession, proxy: str) -> None:
        from yarl import URL

        target = "/carts/a%2Fb/%C3%A4?q=%2B1&q=2&empty="
        body = b'{"n": 1}' if method not in ("GET", "OPTIONS") else None
        async with client.request(method, URL(proxy + target, encoded=True), data=body) as answer:
            assert answer.status == 201
            seen = await answer.json()
        assert seen["method"] == method
        assert seen["target"] == "/api/$default" + target
        assert seen["body"].encode() == (body or b"")

    through_the_proxy(echo, act)


def test_headers_are_forwarded_with_the_address_of_the_client() -> None:
    async def act(client: ClientSession, proxy: str) -> None:
        sent = {
            "Host": "shop.example",
            "Idempotency-Key": "k-1",
            "Authorization": "Bearer x",
            "UCP-Agent": 'profile="https://a.example/p"',
            "X-Forwarded-For": "203.0.113.9",
            "X-Forwarded-Host": "evil.example",
        }
        async with client.get(f"{proxy}/carts", headers=sent) as answer:
            headers = (await answer.json())["headers"]
        assert headers["idempotency-key"] == "k-1"
        assert headers["authorization"] == "Bearer x"
        assert headers["ucp-agent"] == 'profile="https://a.example/p"'
        assert headers["x-forwarded-for"] == "203.0.113.9, 127.0.0.1"
        assert headers["x-forwarded-host"] == "shop.example"
        assert headers["x-forwarded-proto"] == "http"
        assert headers["host"].startswith("127.0.0.1:")

    through_the_proxy(echo, act)


@pytest.mark.parametrize("path", ["/_ministack/reset", "/health", "/../../_ministack/reset", "/"])
def test_no_path_reaches_the_emulator_itself(path: str) -> None:
    async def act(client: ClientSession, proxy: str) -> None:
        from yarl import URL

        async with client.post(URL(proxy + path, encoded=True)) as answer:
            assert (await answer.json())["target"].startswith("/api/$default/")

    through_the_proxy(echo, act)


def test_response_is_returned_unchanged() -> None:
    async def respond_with_all_parts(_: web.Request) -> web.StreamResponse:
        answer = web.Response(status=303, body=b"\x00\xff" * 50_000)
        answer.headers["Location"] = "/elsewhere"
        answer.headers["ETag"] = '"7"'
        answer.headers.add("Set-Cookie", "a=1")
        answer.headers.add("Set-Cookie", "b=2")
        return answer

    async def act(client: ClientSession, proxy: str) -> None:
        async with client.get(f"{proxy}/x", allow_redirects=False) as answer:
            assert answer.status == 303
            assert answer.headers["Location"] == "/elsewhere"
            assert answer.headers["ETag"] == '"7"'
            assert answer.headers.getall("Set-Cookie") == ["a=1", "b=2"]
            assert await answer.read() == b"\x00\xff" * 50_000

    through_the_proxy(respond_with_all_parts, act)


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (401, '{"message":"Unauthorized"}', "unauthenticated"),
        (403, '{"message":"Forbidden"}', "forbidden"),
        (404, '{"message":"Not Found"}', "route_unknown"),
        (429, '{"message":"Too Many Requests"}', "too_many_requests"),
        (500, '{"message":"Internal Server Error"}', "fault"),
        (503, "[]", "unavailable"),
        (502, "no JSON", "bad_gateway"),
    ],
)
def test_error_of_the_gateway_is_a_json_problem(status: int, body: str, code: str) -> None:
    async def reject(_: web.Request) -> web.StreamResponse:
        return web.Response(status=status, text=body, content_type="application/json")

    async def act(client: ClientSession, proxy: str) -> None:
        async with client.get(f"{proxy}/staff/orders") as answer:
            assert (answer.status, answer.content_type) == (status, "application/problem+json")
            problem = json.loads(await answer.text())
            assert ("WWW-Authenticate" in answer.headers) == (status == 401)
        assert (problem["status"], problem["code"]) == (status, code)
        assert problem["errors"] == [{"code": code, "detail": problem["detail"]}]

    through_the_proxy(reject, act)


def test_error_of_a_lambda_is_forwarded_unchanged() -> None:
    async def reject(_: web.Request) -> web.StreamResponse:
        headers = {"Request-Id": "r-1"}
        return web.json_response({"message": "mine"}, status=401, headers=headers)

    async def act(client: ClientSession, proxy: str) -> None:
        async with client.get(f"{proxy}/carts/1") as answer:
            assert (answer.status, await answer.json()) == (401, {"message": "mine"})

    through_the_proxy(reject, act)


def test_body_over_the_limit_is_rejected_with_and_without_a_declared_length() -> None:
    async def undeclared() -> AsyncIterator[bytes]:
        for _ in range(11):
            yield b"x" * 1_000_000

    async def act(client: ClientSession, proxy: str) -> None:
        for body in (b"x" * 10_000_001, undeclared()):
            async with client.post(f"{proxy}/x", data=body) as answer:
                assert answer.status == 413
                assert (await answer.json(content_type=None))["code"] == "body_too_large"
        async with client.post(f"{proxy}/x", data=b"x" * 10_000_000) as answer:
            assert answer.status == 201

    through_the_proxy(echo, act)


def test_stopped_cloud_returns_502_with_the_command_that_starts_it() -> None:
    async def run() -> None:
        proxy = CdnProxy("http://127.0.0.1:1/api").application()
        async with Listening(proxy) as url, ClientSession() as client, client.get(url) as answer:
            assert answer.status == 502
            assert answer.content_type == "application/problem+json"
            problem = json.loads(await answer.text())
            assert problem["code"] == "cloud_down"
            assert "make up" in problem["detail"]

    asyncio.run(run())


def test_lambda_that_does_not_respond_in_time_returns_504(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(cdn_proxy, "TIMEOUT_SECONDS", 0.2)
    client_has_response = asyncio.Event()

    async def respond_too_late(_: web.Request) -> web.StreamResponse:
        await client_has_response.wait()
        return web.Response()

    async def act(client: ClientSession, proxy: str) -> None:
        async with client.get(f"{proxy}/x") as answer:
            assert answer.status == 504
        client_has_response.set()

    through_the_proxy(respond_too_late, act)


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"GET / HTTP/1.1\r\nHost: x\r\nno header\r\n\r\n", 400),
        (b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"a" * 20_000 + b"\r\n\r\n", 400),
        (b"GET /\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: much\r\n\r\n", 400),
        (b"BREW / HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"no HTTP at all\r\n\r\n", 400),
        (b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", 404),
        (b"CONNECT a:1 HTTP/1.1\r\nHost: x\r\n\r\n", 404),
        (b"GET / HTTP/1.1\r\nHost: x\r\nExpect: money\r\n\r\n", 417),
    ],
)
def test_rejection_of_the_proxy_itself_is_a_json_problem(sent: bytes, status: int) -> None:
    async def act(_: ClientSession, proxy: str) -> None:
        head, body = (await raw_exchange(proxy, sent)).split(b"\r\n\r\n", 1)
        assert head.split()[1] == str(status).encode()
        assert b"content-type: application/problem+json" in head.lower()
        problem = json.loads(body)
        assert problem["status"] == status
        assert problem["code"]
        assert problem["errors"][0]["code"] == problem["code"]

    through_the_proxy(echo, act)


@pytest.mark.parametrize("target", [b"http://elsewhere.example/carts?q=1", b"/carts?q=1"])
def test_absolute_url_is_forwarded_as_its_path(target: bytes) -> None:
    async def act(_: ClientSession, proxy: str) -> None:
        request = b"GET " + target + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        body = (await raw_exchange(proxy, request)).partition(b"\r\n\r\n")[2]
        assert json.loads(body)["target"] == "/api/$default/carts?q=1"

    through_the_proxy(echo, act)


def test_compressed_body_is_forwarded_compressed() -> None:
    import gzip

    compressed = gzip.compress(b'{"n": 1}')

    async def act(client: ClientSession, proxy: str) -> None:
        headers = {"Content-Encoding": "gzip", "Content-Length": str(len(compressed))}
        async with client.post(f"{proxy}/x", data=compressed, headers=headers) as answer:
            assert (await answer.json())["body"].encode("latin-1") == compressed

    through_the_proxy(echo, act)


async def raw_exchange(proxy: str, sent: bytes) -> bytes:
    """Return the response to bytes that no client library would send."""
    reading, writing = await asyncio.open_connection("127.0.0.1", int(proxy.rpartition(":")[2]))
    writing.write(sent)
    received = b""
    while b"}" not in received:
        more = await asyncio.wait_for(reading.read(10_000), GUARD_SECONDS)
        if not more:
            break
        received += more
    writing.close()
    return received
