"""One plain base URL for the shop on a laptop, instead of CloudFront.

The emulator finds an API by a Host header or a path that no ordinary client sends, and it serves
some paths (``/health``, ``/_ministack/reset``) itself. The proxy therefore adds the API's address
before each path. It forwards method, path, query, headers and body unchanged, streams
both ways, and has API Gateway's limits: 10 MB, and 30 seconds by a laptop's clock. Its own errors
and those of the gateway have the shop's format, ``application/problem+json`` of RFC 9457.
"""

import argparse
import asyncio
import json
import logging
import signal
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from http import HTTPStatus
from pathlib import Path

from aiohttp import ClientResponse, ClientSession, ClientTimeout, TCPConnector, web
from aiohttp.client_exceptions import ClientConnectionError, ClientError
from multidict import CIMultiDict
from yarl import URL

from local.emulator_patches import TIMEOUT_FACTOR
from local.processes import LOOPBACK, watch_lifeline

log = logging.getLogger("doorbuster.cdn_proxy")

MAX_BODY_BYTES = 10_000_000
"""API Gateway's limit."""
TIMEOUT_SECONDS = 30.0 * TIMEOUT_FACTOR
"""API Gateway's timeout for a Lambda, extended as the Lambda's own."""

HOP_BY_HOP = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
"""RFC 9110 §7.6.1: headers that apply to one connection only."""

TOO_LARGE = web.RequestKey("too_large", bool)


class CdnProxy:
    """Forwards requests to one API of the emulator."""

    def __init__(self, upstream: str) -> None:
        """``upstream`` is the API's own base URL, without a slash at the end."""
        self._upstream = upstream

    def application(self) -> web.Application:
        application = web.Application(middlewares=[as_problem_response])
        application.router.add_route("*", "/{path:.*}", self._forward, expect_handler=handle_expect)
        application.cleanup_ctx.append(self._connections)
        return application

    async def _connections(self, _: web.Application) -> AsyncIterator[None]:
        self._session = ClientSession(
            auto_decompress=False,
            connector=TCPConnector(limit=0),
            timeout=ClientTimeout(total=None, sock_connect=5, sock_read=TIMEOUT_SECONDS),
            skip_auto_headers=("User-Agent", "Accept-Encoding", "Content-Type", "Accept"),
        )
        yield
        await self._session.close()

    async def _forward(self, request: web.Request) -> web.StreamResponse:
        if (request.content_length or 0) > MAX_BODY_BYTES:
            return problem_response(
                413, "body_too_large", f"The body must have at most {MAX_BODY_BYTES:,} bytes."
            )
        answer: web.StreamResponse | None = None
        try:
            async with self._session.request(
                request.method,
                URL(self._upstream + target_path(request), encoded=True),
                headers=forwarded_headers(request),
                data=limited_body(request) if request.body_exists else None,
                allow_redirects=False,
            ) as reply:
                if (problem := await gateway_problem(reply)) is not None:
                    return problem
                answer = response_head(reply)
                await answer.prepare(request)
                async for chunk in reply.content.iter_any():
                    await answer.write(chunk)
                await answer.write_eof()
                return answer
        except TimeoutError:
            if answer is not None:
                raise
            return problem_response(
                504,
                "gateway_timeout",
                f"The shop did not respond within {TIMEOUT_SECONDS:.0f} seconds.",
            )
        except ClientConnectionError:
            if request.get(TOO_LARGE):
                return problem_response(
                    413, "body_too_large", f"The body must have at most {MAX_BODY_BYTES:,} bytes."
                )
            if answer is not None:
                raise
            return problem_response(
                502, "cloud_down", "The emulated AWS does not run. Start it with: make up."
            )
        except ClientError as error:
            if answer is not None:
                raise
            return problem_response(
                502, "bad_gateway", f"The response of the emulated AWS is invalid: {error}."
            )


def response_head(reply: ClientResponse) -> web.StreamResponse:
    """Return a response with status and headers of the reply, without those of its connection."""
    answer = web.StreamResponse(status=reply.status, reason=reply.reason)
    for name, value in reply.headers.items():
        if name.lower() not in HOP_BY_HOP:
            answer.headers.add(name, value)
    return answer


GATEWAY_CODES = {
    401: "unauthenticated",
    403: "forbidden",
    404: "route_unknown",
    429: "too_many_requests",
    500: "fault",
    502: "bad_gateway",
    503: "unavailable",
    504: "gateway_timeout",
}
"""Codes for the responses that API Gateway sends itself, by status."""
GATEWAY_BODY_BYTES = 1_000
"""Bytes of such a response; it has one short sentence."""


async def gateway_problem(reply: ClientResponse) -> web.Response | None:
    """Return API Gateway's own error in the shop's format; ``None`` for every other response.

    A response of a Lambda has a ``Request-Id``. One of the gateway has none, and the body
    ``{"message": …}``: its authorizer rejects the tokens of staff and account routes.
    """
    code = GATEWAY_CODES.get(reply.status)
    is_own = "Request-Id" not in reply.headers and reply.content_type == "application/json"
    if code is None or not is_own or (reply.content_length or 0) > GATEWAY_BODY_BYTES:
        return None
    try:
        message = json.loads(await reply.read())["message"]
    except (ValueError, KeyError, TypeError):
        message = HTTPStatus(reply.status).phrase
    detail = (
        "The token is missing, invalid or expired. Sign in and send a new one."
        if reply.status == 401
        else f"{str(message).removesuffix('.')}. Try again."
    )
    problem = problem_response(reply.status, code, detail)
    for name in ("WWW-Authenticate", "Retry-After"):
        if name in reply.headers:
            problem.headers[name] = reply.headers[name]
    if reply.status == 401:
        problem.headers.setdefault("WWW-Authenticate", 'Bearer realm="shop"')
    return problem


class BodyTooLarge(ValueError):
    """A body without a declared length exceeded the limit; the request is aborted."""


async def limited_body(request: web.Request) -> AsyncIterator[bytes]:
    size = 0
    async for chunk in request.content.iter_any():
        size += len(chunk)
        if size > MAX_BODY_BYTES:
            request[TOO_LARGE] = True
            raise BodyTooLarge
        yield chunk


def forwarded_headers(request: web.Request) -> CIMultiDict[str]:
    """Return the client's headers without those of its connection, plus ``X-Forwarded-*``."""
    headers: CIMultiDict[str] = CIMultiDict(
        (name, value)
        for name, value in request.headers.items()
        if name.lower() not in HOP_BY_HOP and name.lower() not in ("host", "expect")
    )
    client = request.remote or LOOPBACK
    before = headers.get("X-Forwarded-For")
    headers["X-Forwarded-For"] = f"{before}, {client}" if before else client
    headers["X-Forwarded-Host"] = request.host
    headers["X-Forwarded-Proto"] = request.scheme
    return headers


def target_path(request: web.Request) -> str:
    """Return path and query as sent, also where the whole URL was sent (RFC 9112 §3.2.2)."""
    target = request.raw_path
    if not target.startswith("/") and "://" in target:
        target = target.partition("://")[2].partition("/")[2]
    return f"/{target.removeprefix('/')}"


def problem_response(status: int, code: str, detail: str) -> web.Response:
    """Return an error in the shop's own format (RFC 9457)."""
    body = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "code": code,
        "detail": detail,
        "errors": [{"code": code, "detail": detail}],
    }
    return web.Response(
        status=status, text=json.dumps(body), content_type="application/problem+json"
    )


@web.middleware
async def as_problem_response(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Give aiohttp's own errors (``CONNECT``, ``OPTIONS *``) the format of all others."""
    try:
        return await handler(request)
    except web.HTTPException as error:
        return problem_response(
            error.status,
            "route_unknown",
            "The address does not exist. Use one of docs/openapi.json.",
        )


async def handle_expect(request: web.Request) -> web.Response | None:
    """Answer ``Expect: 100-continue``; nothing else may be expected (RFC 9110 §10.1.1)."""
    if request.headers["Expect"].lower() == "100-continue":
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        return None
    return problem_response(417, "expectation_failed", "Expect must be 100-continue.")


def _malformed_request(
    _: web.RequestHandler,
    request: web.BaseRequest,
    status: int = 500,
    exc: BaseException | None = None,
    message: str | None = None,
) -> web.StreamResponse:
    """Answer a request that aiohttp cannot parse, in place of its plain text."""
    if request.writer.output_size > 0:
        raise ConnectionError("the response has already started") from exc
    if status < 500:
        answer = problem_response(status, "request_malformed", "The request is not valid HTTP.")
    else:
        log.error("a request failed in the proxy", exc_info=exc)
        answer = problem_response(status, "fault", "The proxy failed.")
    answer.force_close()
    return answer


def runner(application: web.Application) -> web.AppRunner:
    """Return the server of the application. Bodies keep the client's compression."""
    web.RequestHandler.handle_error = _malformed_request  # type: ignore[method-assign,assignment]
    return web.AppRunner(application, access_log=None, shutdown_timeout=1, auto_decompress=False)


async def serve(port: int, upstream: str) -> None:
    proxy = runner(CdnProxy(upstream).application())
    await proxy.setup()
    await web.TCPSite(proxy, LOOPBACK, port).start()
    closing = asyncio.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(name, closing.set)
    await closing.wait()
    await proxy.cleanup()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument(
        "--home", type=Path, required=True, help="the cloud that this proxy belongs to"
    )
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--upstream", required=True)
    parser.add_argument("--lifeline", type=int)
    args = parser.parse_args()
    if args.lifeline is not None:
        threading.Thread(target=watch_lifeline, args=(args.lifeline,), daemon=True).start()
    asyncio.run(serve(args.port, args.upstream))


if __name__ == "__main__":
    main()
