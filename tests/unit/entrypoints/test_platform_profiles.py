"""Platform profiles: their schema, how they are fetched, and how long they are cached."""

import contextlib
import copy
import http.client
import ipaddress
import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from shop.entrypoints import profile_fetch
from shop.entrypoints.platform_profiles import (
    FAILURE_CACHE_SECONDS,
    STALE_IF_ERROR_SECONDS,
    ProfileCache,
    owns_namespace,
    parse_profile,
)
from shop.entrypoints.profile_fetch import (
    MAX_CACHE_SECONDS,
    MAX_PROFILE_BYTES,
    MIN_CACHE_SECONDS,
    FetchedDocument,
)
from shop.kernel.errors import DependencyFailed, InvalidRequest, ShopError, Unprocessable
from tests.kit.platform import EVERYTHING, VERSION, Platform, profile
from tests.kit.ucp_validator import ucp_problems

CART = "dev.ucp.shopping.cart"


def raw(document: Any) -> bytes:
    return json.dumps(document).encode()


# ---------------------------------------------------------------------------------------- schema


def test_valid_profile_has_version_and_capabilities() -> None:
    parsed = parse_profile(raw(profile()), EVERYTHING)
    assert parsed.version == VERSION
    assert parsed.capabilities == {name: frozenset({VERSION}) for name in EVERYTHING}


def test_other_capabilities_of_the_profile_are_dropped() -> None:
    assert set(parse_profile(raw(profile()), {CART}).capabilities) == {CART}


def altered(change: Callable[[Any], Any]) -> Any:
    """Return a complete profile after a change."""
    document = profile(services=None)
    document["ucp"]["services"] = {
        "dev.ucp.shopping": [
            {
                "version": VERSION,
                "spec": "https://ucp.dev/x",
                "schema": "https://ucp.dev/x.json",
                "transport": "rest",
                "endpoint": "https://a.example",
            }
        ]
    }
    document["ucp"]["payment_handlers"] = {
        "com.example.pay": [
            {
                "id": "p",
                "version": "2026-01-01",
                "spec": "https://example.com",
                "schema": "https://example.com/s.json",
                "available_instruments": [{"type": "card"}],
            }
        ]
    }
    document["keys"] = [{"kid": "1", "kty": "EC", "crv": "P-256", "x": "a", "y": "b"}]
    change(document)
    return document


def put(path: str, value: Any) -> Callable[[Any], Any]:
    def change(document: Any) -> None:
        *parents, last = (int(p) if p.isdigit() else p for p in path.split("/"))
        for part in parents:
            document = document[part]
        document[last] = value

    return change


def drop(path: str) -> Callable[[Any], Any]:
    def change(document: Any) -> None:
        *parents, last = (int(p) if p.isdigit() else p for p in path.split("/"))
        for part in parents:
            document = document[part]
        del document[last]

    return change


SERVICE = "ucp/services/dev.ucp.shopping/0"
CAPABILITY = f"ucp/capabilities/{CART}/0"
HANDLER = "ucp/payment_handlers/com.example.pay/0"
VALID_CHANGES = (
    put("ucp/unknown", {"a": 1}),
    put("more", 1),
    drop("keys"),
    drop("ucp/capabilities"),
    put("ucp/status", "success"),
    put(f"{CAPABILITY}/extends", "dev.ucp.shopping.checkout"),
    put(f"{CAPABILITY}/extends", ["dev.ucp.shopping.checkout"]),
    put(f"{CAPABILITY}/config", {"webhook_url": "https://a.example"}),
    put(f"{SERVICE}/transport", "a2a"),
    put(f"{SERVICE}/transport", "mcp"),
    put(f"{HANDLER}/available_instruments", [{"type": "card", "constraints": {}}]),
    put("keys", []),
    put("keys", [{"kid": "1", "kty": "something-new"}]),
)
INVALID_CHANGES = (
    drop("ucp"),
    put("ucp", []),
    drop("ucp/version"),
    put("ucp/version", "draft"),
    put("ucp/version", 20260825),
    put("ucp/status", "fine"),
    drop("ucp/services"),
    put("ucp/services", []),
    put("ucp/services", {"nodots": []}),
    drop("ucp/payment_handlers"),
    put("ucp/payment_handlers", {"Com.Example": []}),
    put("ucp/capabilities", [CART]),
    put("ucp/capabilities", {CART: {"version": VERSION}}),
    put("ucp/capabilities", {CART: [VERSION]}),
    drop(f"{CAPABILITY}/version"),
    drop(f"{CAPABILITY}/spec"),
    drop(f"{CAPABILITY}/schema"),
    put(f"{CAPABILITY}/schema", None),
    put(f"{CAPABILITY}/extends", []),
    put(f"{CAPABILITY}/extends", 1),
    put(f"{CAPABILITY}/extends", None),
    put(f"{CAPABILITY}/config", "x"),
    put(f"{CAPABILITY}/id", None),
    drop(f"{SERVICE}/transport"),
    put(f"{SERVICE}/transport", "pigeon"),
    drop(f"{SERVICE}/spec"),
    drop(f"{SERVICE}/schema"),
    drop(f"{HANDLER}/id"),
    put(f"{HANDLER}/available_instruments", []),
    put(f"{HANDLER}/available_instruments", [{}]),
    put("ucp/map_order", {"capabilities": CART}),
    put("keys", {}),
    put("keys", [{"kid": "1"}]),
    put("keys", [{"kid": "1", "kty": "EC", "crv": "P-256"}]),
    put("keys", [{"kid": "1", "kty": "OKP", "crv": "Ed25519", "x": "a", "d": "secret"}]),
    put("keys", [{"kid": "1", "kty": "EC", "crv": "P-256", "x": "a", "y": "b", "alg": "ES384"}]),
)


@pytest.mark.parametrize("change", VALID_CHANGES)
def test_profile_within_the_schema_is_accepted(change: Callable[[Any], Any]) -> None:
    document = altered(change)
    assert ucp_problems("platform_profile", document) == []
    parse_profile(raw(document), EVERYTHING)


@pytest.mark.parametrize("change", INVALID_CHANGES)
def test_profile_outside_the_schema_is_malformed(change: Callable[[Any], Any]) -> None:
    document = altered(change)
    assert ucp_problems("platform_profile", document)
    with pytest.raises(Unprocessable) as error:
        parse_profile(raw(document), EVERYTHING)
    assert error.value.code == "profile_malformed"


@pytest.mark.parametrize(
    "text", [b"", b"<html>", b"[]", b"null", b'"x"', b"\xff\xfe", b"[" * 50_000, b'{"ucp":']
)
def test_document_that_is_not_json_is_malformed(text: bytes) -> None:
    with pytest.raises(Unprocessable) as error:
        parse_profile(text, EVERYTHING)
    assert error.value.code == "profile_malformed"


def test_error_message_is_short_for_long_names() -> None:
    document = profile()
    document["ucp"]["capabilities"]["x" * 50_000] = []
    with pytest.raises(Unprocessable) as error:
        parse_profile(raw(document), EVERYTHING)
    assert len(error.value.detail) < 1000


@pytest.mark.parametrize(
    ("name", "schema", "owned"),
    [
        ("dev.ucp.shopping.checkout", "https://ucp.dev/x.json", True),
        ("dev.ucp.shopping.checkout", "https://shopping.ucp.dev/x.json", True),
        ("com.example.payments.installments", "https://example.com/x", True),
        ("com.example.pay", "https://pay.example.com/x", True),
        ("com.example.pay", "https://EXAMPLE.com.:8443/x", True),
        ("com.example.pay", "https://evil.example/x", False),
        ("dev.ucp.shopping.checkout", "https://evil.example/x", False),
        ("com.examplecorp.pay", "https://example.com/x", False),
        ("com.example.pay", "https://cdn.example.com/x", False),
        ("dev.ucp.shopping.checkout", "http://ucp.dev/x", False),
        ("dev.ucp.shopping.checkout", "https://ucp.dev@evil.example/x", False),
        ("dev.ucp.shopping.checkout", "https://user:pw@ucp.dev/x", False),
        ("dev.ucp.shopping.checkout", "https://evil.example\\@ucp.dev/x", False),
        ("dev.ucp.shopping.checkout", "https://ucp.dev /x", False),
        ("dev.ucp.shopping.checkout", "https://dev/x", False),
        ("1.1.1.1.x", "https://1.1.1.1/x", False),
        ("1.0.127.x", "https://127.0.1/x", False),
        ("localhost.x", "https://localhost/x", False),
        ("dev.ucp", "https://[::1", False),
        ("dev.ucp", "", False),
    ],
)
def test_namespace_belongs_to_the_host_of_the_schema(name: str, schema: str, owned: bool) -> None:
    assert owns_namespace(name, schema) is owned


def test_capability_with_foreign_schema_has_no_version() -> None:
    document = profile()
    document["ucp"]["capabilities"][CART][0]["schema"] = "https://evil.example/cart.json"
    assert parse_profile(raw(document), EVERYTHING).capabilities[CART] == frozenset()


# ---------------------------------------------------------------------------------------- fetch


def error_of(url: str, *, loopback: bool = False) -> ShopError:
    with pytest.raises(ShopError) as error:
        profile_fetch.fetch(url, loopback=loopback)
    return error.value


def test_loopback_profile_is_fetched_where_it_is_allowed(agent: Platform) -> None:
    fetched = profile_fetch.fetch(agent.url, loopback=True)
    assert fetched == FetchedDocument(agent.body, 300.0)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "not a url",
        "ftp://a.example/x",
        "http://a.example/x",
        "file:///etc/passwd",
        "https://",
        "https:///x",
        "https://user@a.example/x",
        "https://a.example:99999/x",
        "https://a.example:0/x",
        "https://a.example:x/",
        "https://[::1/x",
        "https://a.example/\r\nX: y",
        "https://a.example\\@b.example/",
        "https://ä.example/",
        "https://a.example/" + "x" * 2100,
        "https://" + "a" * 64 + ".example/",
        "https://a..example/",
    ],
)
def test_url_that_is_not_https_is_not_followed(url: str) -> None:
    assert error_of(url).code == "invalid_profile_url"


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "2130706433",
        "0x7f.1",
        "0.0.0.0",  # noqa: S104
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "198.18.0.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "[::1]",
        "[::]",
        "[fe80::1]",
        "[fd00:ec2::254]",
        "[ff02::1]",
        "[::ffff:169.254.169.254]",
        "[::ffff:127.0.0.1]",
        "[64:ff9b::a9fe:a9fe]",
        "[2002:a9fe:a9fe::]",
        "[2001:0:1::1]",
        "[fec0::1]",
        "[64:ff9b::808:808]",
        "[64:ff9b:1::808:808]",
        "[::ffff:8.8.8.8]",
        "[3fff::1]",
        "192.88.99.1",
    ],
)
@pytest.mark.parametrize("scheme", ["https", "http"])
def test_private_addresses_are_not_followed(host: str, scheme: str) -> None:
    """The metadata service, private networks and this machine, in every notation."""
    assert error_of(f"{scheme}://{host}:9/x").code == "invalid_profile_url"


@pytest.mark.parametrize("host", ["10.0.0.1", "169.254.169.254", "[fd00:ec2::254]"])
def test_loopback_permission_opens_no_other_private_address(host: str) -> None:
    for scheme in ("https", "http"):
        assert error_of(f"{scheme}://{host}:9/x", loopback=True).code == "invalid_profile_url"


SPECIAL_BLOCKS = (
    # IANA IPv4 special-purpose address registry, and multicast
    *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16"),
    *("172.16.0.0/12", "192.0.0.0/24", "192.0.0.9/32", "192.0.0.10/32", "192.0.0.170/31"),
    *("192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16"),
    *("192.175.48.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4"),
    *("233.252.0.0/24", "240.0.0.0/4", "255.255.255.255/32"),
    # IANA IPv6 special-purpose address registry
    *("::/128", "::1/128", "::ffff:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64"),
    *("100:0:0:1::/64", "2001::/23", "2001::/32", "2001:1::1/128", "2001:1::2/128"),
    *("2001:1::3/128", "2001:2::/48", "2001:3::/32", "2001:4:112::/48", "2001:10::/28"),
    *("2001:20::/28", "2001:30::/28", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48"),
    *("3fff::/20", "5f00::/16", "fc00::/7", "fe80::/10"),
    # Deprecated, unassigned, or IPv4 in another form
    *("::/96", "::ffff:0:0:0/96", "3ffe::/16", "4000::/3", "e000::/4", "fec0::/10", "ff00::/8"),
)
"""Blocks without an ordinary host. ``ipaddress`` calls many of their addresses global."""


@pytest.mark.parametrize("block", SPECIAL_BLOCKS)
def test_special_blocks_are_not_public(block: str) -> None:
    network = ipaddress.ip_network(block)
    middle = network[network.num_addresses // 2]
    for address in (network[0], middle, network[-1]):
        assert not profile_fetch._is_public(address), address


@pytest.mark.parametrize(
    "address",
    [
        "8.8.8.8",
        "1.1.1.1",
        "192.0.1.1",
        "192.31.195.255",
        "192.88.98.255",
        "192.88.100.1",
        "100.63.255.255",
        "100.128.0.1",
        "223.255.255.254",
        "2001:200::1",
        "2001:4860:4860::8888",
        "2606:4700:4700::1111",
        "2620:4f:7fff::1",
        "2a00:1450:4001::1",
        "3ffd::1",
    ],
)
def test_public_addresses_are_recognized(address: str) -> None:
    assert profile_fetch._is_public(ipaddress.ip_address(address))


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """The addresses that name resolution returns, by host."""
    addresses: dict[str, list[str]] = {}

    def getaddrinfo(host: str, port: int, **_: object) -> list[Any]:
        return [(2, 1, 6, "", (address, port)) for address in addresses[host]]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return addresses


def test_one_private_address_among_public_ones_is_rejected(names: dict[str, list[str]]) -> None:
    names["rebind.example"] = ["8.8.8.8", "169.254.169.254"]
    assert error_of("https://rebind.example/x").code == "invalid_profile_url"


def test_connection_uses_the_checked_address(
    names: dict[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """DNS rebinding: the name resolves to another address the second time."""
    names["rebind.example"] = ["203.0.114.7"]
    connected: list[Any] = []

    def create_connection(address: Any, timeout: float) -> Any:
        names["rebind.example"] = ["127.0.0.1"]
        connected.append(address)
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "create_connection", create_connection)
    assert error_of("https://rebind.example/x").code == "profile_unreachable"
    assert connected == [("203.0.114.7", 443)]


def test_names_without_a_public_address_have_one_error(names: dict[str, list[str]]) -> None:
    """A stranger cannot find out which names exist inside a network."""
    names |= {"empty.example": [], "inside.example": ["10.0.0.1"], "mixed.example": ["10.0.0.1"]}
    names["mixed.example"].append("8.8.8.8")
    errors = {
        (error.code, error.detail) for error in (error_of(f"https://{name}/x") for name in names)
    }
    detail = "its host must exist and have public addresses only."
    assert errors == {
        ("invalid_profile_url", f"The profile URL in UCP-Agent is not followed: {detail}")
    }
    assert error_of("https://empty.example/x", loopback=True).code == "invalid_profile_url"


@pytest.mark.parametrize(
    "failure",
    [
        ConnectionRefusedError(111, "refused"),
        ConnectionResetError(104, "reset"),
        TimeoutError("timed out"),
        OSError(113, "No route to host"),
        ssl.SSLError(1, "wrong version number"),
        ssl.SSLCertVerificationError(1, "self-signed certificate"),
        http.client.BadStatusLine("SSH-2.0-OpenSSH_9.6"),
        http.client.RemoteDisconnected("closed"),
        http.client.LineTooLong("header line"),
    ],
)
def test_error_does_not_show_whether_a_port_is_open(
    names: dict[str, list[str]], monkeypatch: pytest.MonkeyPatch, failure: Exception
) -> None:
    def create_connection(*_: object, **__: object) -> Any:
        raise failure

    names["a.example"] = ["8.8.8.8"]
    monkeypatch.setattr(socket, "create_connection", create_connection)
    error = error_of("https://a.example:22/x")
    assert error.code == "profile_unreachable"
    assert error.detail == (
        "The platform's profile cannot be fetched: there is no response within 2 seconds, or it "
        "is not valid HTTP over TLS."
    )


@pytest.mark.parametrize("answer", [None, b"", b"SSH-2.0-OpenSSH_9.6\r\n", b"HTTP/1.1 2"])
def test_every_kind_of_port_has_one_error(answer: bytes | None) -> None:
    """The port is closed, or a server closes, speaks another protocol, or stops in between."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{listening.getsockname()[1]}/x"
        server = None
        if answer is not None:
            listening.listen()
            server = threading.Thread(target=send_and_close, args=(listening, answer))
            server.start()
        error = error_of(url, loopback=True)
        if server is not None:
            server.join()
    assert error.code == "profile_unreachable"
    assert "there is no response within 2 seconds, or it is not valid HTTP" in error.detail


def send_and_close(listening: socket.socket, answer: bytes) -> None:
    connection, _ = listening.accept()
    with connection:
        connection.recv(65536)
        connection.sendall(answer)


def sent_by_server(lines: Iterator[bytes]) -> ShopError:
    """Return the error for a response of these lines, and check that the reader gave up early."""
    sent = 0

    def serve() -> None:
        nonlocal sent
        connection, _ = listening.accept()
        with connection, contextlib.suppress(OSError):
            connection.recv(65536)
            for line in lines:
                connection.sendall(line)
                sent += len(line)

    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        server = threading.Thread(target=serve)
        server.start()
        error = error_of(f"http://127.0.0.1:{listening.getsockname()[1]}/x", loopback=True)
        server.join()
    return error


STATUS = b"HTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize(
    "response",
    [
        # 99 headers, each within http.client's own limit of 64 KiB
        (STATUS, *(b"X-%d: " % n + b"a" * 60_000 + b"\r\n" for n in range(99))),
        # interim responses, of which http.client skips any number
        (b"HTTP/1.1 100 Continue\r\n\r\n",) * 20_000,
        # trailers, of which http.client skips any number
        (
            STATUS,
            b"Transfer-Encoding: chunked\r\n\r\n0\r\n",
            *(b"X: " + b"a" * 900 + b"\r\n",) * 900,
        ),
        # the names of chunks
        (
            STATUS,
            b"Transfer-Encoding: chunked\r\n\r\n",
            *(b"1;" + b"a" * 900 + b"\r\n \r\n",) * 900,
        ),
    ],
    ids=["headers", "interim responses", "trailers", "chunk extensions"],
)
def test_everything_but_the_document_counts_towards_the_limit(response: tuple[bytes, ...]) -> None:
    error = sent_by_server(iter(response))
    assert error.code == "profile_malformed"
    assert "at most 128 KiB, with all headers 144 KiB" in error.detail


def test_headers_beside_a_document_of_the_maximum_size_are_accepted(agent: Platform) -> None:
    agent.body = raw(profile()).ljust(MAX_PROFILE_BYTES)
    agent.headers["X-Long"] = "a" * 15_000
    assert len(profile_fetch.fetch(agent.url, loopback=True).raw) == MAX_PROFILE_BYTES


def test_unknown_host_is_not_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    def getaddrinfo(*_: object, **__: object) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    assert error_of("https://nobody.example/x").code == "invalid_profile_url"


def test_failing_name_resolution_is_unreachable(monkeypatch: pytest.MonkeyPatch) -> None:
    def getaddrinfo(*_: object, **__: object) -> Any:
        raise socket.gaierror(socket.EAI_AGAIN, "try again")

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    assert error_of("https://a.example/x").code == "profile_unreachable"


@pytest.mark.parametrize("status", [204 + 96, 301, 302, 307, 308, 401, 404, 500, 503])
def test_redirects_and_errors_are_unreachable_after_one_request(
    agent: Platform, status: int
) -> None:
    agent.status = status
    agent.headers["Location"] = agent.url
    error = error_of(agent.url, loopback=True)
    assert (error.code, agent.requests) == ("profile_unreachable", 1)


def test_redirect_to_the_metadata_service_is_not_followed(agent: Platform) -> None:
    agent.status = 302
    agent.headers["Location"] = "http://169.254.169.254/latest/meta-data/"
    assert error_of(agent.url, loopback=True).code == "profile_unreachable"


def test_profile_of_any_length_is_read_up_to_the_limit(
    agent: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent.chunks = (b" " * 65536 for _ in range(1000))
    sizes: list[int] = []
    read = http.client.HTTPResponse.read

    def counting_read(self: http.client.HTTPResponse, amount: int | None = None) -> bytes:
        data = read(self, amount)
        sizes.append(len(data))
        return data

    monkeypatch.setattr(http.client.HTTPResponse, "read", counting_read)
    assert error_of(agent.url, loopback=True).code == "profile_malformed"
    assert sum(sizes) == MAX_PROFILE_BYTES + 1


def test_profile_of_the_maximum_size_is_read(agent: Platform) -> None:
    agent.body = raw(profile()).ljust(MAX_PROFILE_BYTES)
    assert len(profile_fetch.fetch(agent.url, loopback=True).raw) == MAX_PROFILE_BYTES


@pytest.mark.slow
def test_slowly_sending_server_is_unreachable(
    agent: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each byte arrives within the timeout of the socket, so only the total timeout can end it."""
    # Given a server that sends single bytes for as long as the client reads
    first_byte_sent, test_ended = threading.Event(), threading.Event()

    def slow_bytes() -> Iterator[bytes]:
        while not test_ended.wait(0.01):
            yield b" "
            first_byte_sent.set()

    agent.chunks = slow_bytes()

    # When the total timeout passes after the first byte
    class ThreadThatTimesOut(threading.Thread):
        def join(self, timeout: float | None = None) -> None:
            if timeout == profile_fetch.TIMEOUT_SECONDS:
                assert first_byte_sent.wait(timeout)
            else:
                super().join(timeout)

    monkeypatch.setattr(threading, "Thread", ThreadThatTimesOut)
    try:
        error = error_of(agent.url, loopback=True)
    finally:
        test_ended.set()

    # Then the platform counts as unreachable
    assert error.code == "profile_unreachable"
    assert "no response within" in error.detail


@pytest.mark.slow
def test_silent_server_is_unreachable(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(profile_fetch, "TIMEOUT_SECONDS", 0.3)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/x"
        assert error_of(url, loopback=True).code == "profile_unreachable"


def test_closed_port_is_unreachable() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/x"
    assert error_of(url, loopback=True).code == "profile_unreachable"


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("", MIN_CACHE_SECONDS),
        ("no-store", MIN_CACHE_SECONDS),
        ("public, max-age=5", MIN_CACHE_SECONDS),
        ("public, max-age=600", 600.0),
        ("public, max-age=60, s-maxage=900", 900.0),
        ('Public, Max-Age="120"', 120.0),
        ("max-age=99999999", MAX_CACHE_SECONDS),
        ("max-age=-1", MIN_CACHE_SECONDS),
        ("max-age=" + "9" * 400, MAX_CACHE_SECONDS),
        ("x-max-age-like=7000", MIN_CACHE_SECONDS),
    ],
)
def test_cache_control_counts_within_minimum_and_maximum(header: str, seconds: float) -> None:
    assert profile_fetch._cache_seconds(header) == seconds


# ---------------------------------------------------------------------------------------- cache


class Clock:
    """A clock that the test advances."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


class Network:
    """A network with one document, or one error, at every URL."""

    def __init__(self) -> None:
        self.requests: list[str] = []
        self.document: bytes | ShopError = raw(profile())
        self.max_age = 300.0

    def __call__(self, url: str) -> FetchedDocument:
        self.requests.append(url)
        if isinstance(self.document, ShopError):
            raise self.document
        return FetchedDocument(self.document, self.max_age)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def network() -> Network:
    return Network()


@pytest.fixture
def cache(network: Network, clock: Clock) -> ProfileCache:
    return ProfileCache(EVERYTHING, fetch=network, clock=clock, max_profiles=3)


URL = "https://a.example/p"


def test_fresh_profile_is_fetched_once(cache: ProfileCache, network: Network, clock: Clock) -> None:
    cache.get(URL)
    clock.now += 299
    cache.get(URL)
    assert len(network.requests) == 1
    clock.now += 1
    cache.get(URL)
    assert len(network.requests) == 2


def test_stale_profile_is_used_while_its_platform_is_unreachable(
    cache: ProfileCache, network: Network, clock: Clock
) -> None:
    first = cache.get(URL)
    network.document = DependencyFailed("away", code="profile_unreachable")
    clock.now += 300
    assert cache.get(URL) == first
    clock.now += FAILURE_CACHE_SECONDS - 1
    assert cache.get(URL) == first
    assert len(network.requests) == 2
    clock.now += STALE_IF_ERROR_SECONDS
    with pytest.raises(DependencyFailed):
        cache.get(URL)


def test_stale_profile_is_not_used_after_an_invalid_one(
    cache: ProfileCache, network: Network, clock: Clock
) -> None:
    cache.get(URL)
    network.document = b"{}"
    clock.now += 300
    with pytest.raises(Unprocessable):
        cache.get(URL)


@pytest.mark.parametrize(
    "document",
    [
        b"rubbish",
        DependencyFailed("away", code="profile_unreachable"),
        InvalidRequest("no", code="invalid_profile_url"),
    ],
)
def test_failure_is_cached_for_a_short_time(
    cache: ProfileCache, network: Network, clock: Clock, document: bytes | ShopError
) -> None:
    network.document = document
    codes = []
    for _ in range(3):
        with pytest.raises(ShopError) as error:
            cache.get(URL)
        codes.append((type(error.value), error.value.code, error.value.detail))
    assert len(set(codes)) == 1
    assert len(network.requests) == 1
    clock.now += FAILURE_CACHE_SECONDS
    network.document = raw(profile())
    assert cache.get(URL).version == VERSION


def test_least_recently_used_profile_is_evicted_first(
    cache: ProfileCache, network: Network
) -> None:
    for name in ("a", "b", "c", "a", "d", "a", "b"):
        cache.get(name)
    assert network.requests == ["a", "b", "c", "d", "b"]


def test_invalid_profiles_evict_no_valid_one(cache: ProfileCache, network: Network) -> None:
    cache.get(URL)
    valid = network.document
    network.document = b"rubbish"
    for number in range(50):
        with pytest.raises(Unprocessable):
            cache.get(f"https://a.example/{number}")
    network.document = valid
    cache.get(URL)
    assert network.requests.count(URL) == 1
    assert len(cache._failures) == 3


def test_profiles_of_these_tests_are_valid() -> None:
    assert ucp_problems("platform_profile", profile()) == []
    assert ucp_problems("platform_profile", altered(copy.copy)) == []
