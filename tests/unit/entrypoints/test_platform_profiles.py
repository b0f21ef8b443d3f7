"""A platform's profile: what counts as one, how it is fetched, how long it is believed."""

import copy
import ipaddress
import json
import socket
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from shop.entrypoints import platform_profiles
from shop.entrypoints.platform_profiles import (
    FAILURE_CACHE_SECONDS,
    MAX_CACHE_SECONDS,
    MAX_PROFILE_BYTES,
    MIN_CACHE_SECONDS,
    STALE_IF_ERROR_SECONDS,
    Fetched,
    ProfileCache,
    owns_namespace,
    parse_profile,
)
from shop.kernel.errors import DependencyFailed, InvalidRequest, ShopError, Unprocessable
from tests.kit.platform import EVERYTHING, VERSION, Platform, profile
from tests.kit.ucp_validator import ucp_problems

CART = "dev.ucp.shopping.cart"


def raw(document: Any) -> bytes:
    return json.dumps(document).encode()


# ------------------------------------------------------------------------- what counts as one


def test_a_good_profile_names_version_and_capabilities() -> None:
    told = parse_profile(raw(profile()), EVERYTHING)
    assert told.version == VERSION
    assert told.capabilities == {name: frozenset({VERSION}) for name in EVERYTHING}


def test_only_what_is_asked_about_is_kept() -> None:
    assert set(parse_profile(raw(profile()), {CART}).capabilities) == {CART}


def altered(change: Callable[[Any], Any]) -> Any:
    document = profile(
        services=None,
    )
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
        *way, last = (int(p) if p.isdigit() else p for p in path.split("/"))
        for part in way:
            document = document[part]
        document[last] = value

    return change


def drop(path: str) -> Callable[[Any], Any]:
    def change(document: Any) -> None:
        *way, last = (int(p) if p.isdigit() else p for p in path.split("/"))
        for part in way:
            document = document[part]
        del document[last]

    return change


SERVICE = "ucp/services/dev.ucp.shopping/0"
CAPABILITY = f"ucp/capabilities/{CART}/0"
HANDLER = "ucp/payment_handlers/com.example.pay/0"
HARMLESS = (
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
HARMFUL = (
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


@pytest.mark.parametrize("change", HARMLESS)
def test_what_the_schema_allows_is_read(change: Callable[[Any], Any]) -> None:
    document = altered(change)
    assert ucp_problems("platform_profile", document) == []
    parse_profile(raw(document), EVERYTHING)


@pytest.mark.parametrize("change", HARMFUL)
def test_what_the_schema_forbids_is_malformed(change: Callable[[Any], Any]) -> None:
    document = altered(change)
    assert ucp_problems("platform_profile", document)
    with pytest.raises(Unprocessable) as refused:
        parse_profile(raw(document), EVERYTHING)
    assert refused.value.code == "profile_malformed"


@pytest.mark.parametrize(
    "text", [b"", b"<html>", b"[]", b"null", b'"x"', b"\xff\xfe", b"[" * 50_000, b'{"ucp":']
)
def test_what_is_not_even_json_is_malformed(text: bytes) -> None:
    with pytest.raises(Unprocessable) as refused:
        parse_profile(text, EVERYTHING)
    assert refused.value.code == "profile_malformed"


def test_a_refusal_does_not_repeat_a_profile_at_length() -> None:
    document = profile()
    document["ucp"]["capabilities"]["x" * 50_000] = []
    with pytest.raises(Unprocessable) as refused:
        parse_profile(raw(document), EVERYTHING)
    assert len(refused.value.detail) < 1000


@pytest.mark.parametrize(
    ("name", "schema", "good"),
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
def test_a_name_belongs_to_the_host_of_its_schema(name: str, schema: str, good: bool) -> None:
    assert owns_namespace(name, schema) is good


def test_a_capability_of_somebody_else_counts_as_not_there() -> None:
    document = profile()
    document["ucp"]["capabilities"][CART][0]["schema"] = "https://evil.example/cart.json"
    assert parse_profile(raw(document), EVERYTHING).capabilities[CART] == frozenset()


# ------------------------------------------------------------------------------ the way there


def refusal_of(url: str, *, loopback: bool = False) -> ShopError:
    with pytest.raises(ShopError) as refused:
        platform_profiles.fetch(url, loopback=loopback)
    return refused.value


def test_a_profile_on_this_machine_is_fetched_where_that_is_allowed(agent: Platform) -> None:
    fetched = platform_profiles.fetch(agent.url, loopback=True)
    assert fetched == Fetched(agent.body, 300.0)


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
def test_what_is_no_https_url_is_not_followed(url: str) -> None:
    assert refusal_of(url).code == "invalid_profile_url"


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
    ],
)
@pytest.mark.parametrize("scheme", ["https", "http"])
def test_addresses_that_are_not_public_are_not_followed(host: str, scheme: str) -> None:
    """The metadata service, the shop's own network, this machine: in every spelling."""
    assert refusal_of(f"{scheme}://{host}:9/x").code == "invalid_profile_url"


@pytest.mark.parametrize("host", ["10.0.0.1", "169.254.169.254", "[fd00:ec2::254]"])
def test_a_developers_machine_opens_itself_and_nothing_else(host: str) -> None:
    for scheme in ("https", "http"):
        assert refusal_of(f"{scheme}://{host}:9/x", loopback=True).code == "invalid_profile_url"


@pytest.mark.parametrize("address", ["8.8.8.8", "2001:4860:4860::8888", "64:ff9b::808:808"])
def test_public_addresses_are_followed(address: str) -> None:
    assert platform_profiles._is_public(ipaddress.ip_address(address))


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """A resolver that says what the test wants."""
    known: dict[str, list[str]] = {}

    def getaddrinfo(host: str, port: int, **_: object) -> list[Any]:
        return [(2, 1, 6, "", (address, port)) for address in known[host]]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return known


def test_one_bad_address_among_good_ones_is_enough(names: dict[str, list[str]]) -> None:
    names["rebind.example"] = ["8.8.8.8", "169.254.169.254"]
    assert refusal_of("https://rebind.example/x").code == "invalid_profile_url"


def test_the_address_that_was_checked_is_the_one_connected_to(
    names: dict[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that points elsewhere at the second look (DNS rebinding) gains nothing."""
    names["rebind.example"] = ["203.0.114.7"]
    connected: list[Any] = []

    def create_connection(address: Any, timeout: float) -> Any:
        names["rebind.example"] = ["127.0.0.1"]
        connected.append(address)
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "create_connection", create_connection)
    assert refusal_of("https://rebind.example/x").code == "profile_unreachable"
    assert connected == [("203.0.114.7", 443)]


def test_a_name_that_nobody_has_is_not_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    def getaddrinfo(*_: object, **__: object) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    assert refusal_of("https://nobody.example/x").code == "invalid_profile_url"


def test_a_resolver_that_is_down_is_no_fault_of_the_url(monkeypatch: pytest.MonkeyPatch) -> None:
    def getaddrinfo(*_: object, **__: object) -> Any:
        raise socket.gaierror(socket.EAI_AGAIN, "try again")

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    assert refusal_of("https://a.example/x").code == "profile_unreachable"


@pytest.mark.parametrize("status", [204 + 96, 301, 302, 307, 308, 401, 404, 500, 503])
def test_redirects_and_errors_are_not_followed_up(agent: Platform, status: int) -> None:
    agent.status = status
    agent.headers["Location"] = agent.url
    refusal = refusal_of(agent.url, loopback=True)
    assert (refusal.code, agent.requests) == ("profile_unreachable", 1)


def test_a_redirect_to_the_metadata_service_leads_nowhere(agent: Platform) -> None:
    agent.status = 302
    agent.headers["Location"] = "http://169.254.169.254/latest/meta-data/"
    assert refusal_of(agent.url, loopback=True).code == "profile_unreachable"


def test_a_profile_of_any_length_is_read_to_a_limit(agent: Platform) -> None:
    agent.chunks = (b" " * 65536 for _ in range(1000))
    began = time.monotonic()
    assert refusal_of(agent.url, loopback=True).code == "profile_malformed"
    assert time.monotonic() - began < 2


def test_a_profile_just_within_the_limit_is_read(agent: Platform) -> None:
    agent.body = raw(profile()).ljust(MAX_PROFILE_BYTES)
    assert len(platform_profiles.fetch(agent.url, loopback=True).raw) == MAX_PROFILE_BYTES


@pytest.mark.slow
def test_a_server_that_drips_does_not_hold_the_shop_up(
    agent: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(platform_profiles, "TIMEOUT_SECONDS", 0.4)

    def drops() -> Iterator[bytes]:
        for _ in range(100):
            time.sleep(0.1)
            yield b" "

    agent.chunks = drops()
    began = time.monotonic()
    assert refusal_of(agent.url, loopback=True).code == "profile_unreachable"
    assert time.monotonic() - began < 1.5


@pytest.mark.slow
def test_a_server_that_says_nothing_does_not_hold_the_shop_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(platform_profiles, "TIMEOUT_SECONDS", 0.3)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/x"
        assert refusal_of(url, loopback=True).code == "profile_unreachable"


def test_a_server_that_speaks_no_http_is_unreachable() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/x"
    assert refusal_of(url, loopback=True).code == "profile_unreachable"


@pytest.mark.parametrize(
    ("said", "kept"),
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
def test_cache_control_counts_between_a_floor_and_a_ceiling(said: str, kept: float) -> None:
    assert platform_profiles._keep(said) == kept


# --------------------------------------------------------------------------------- what is known


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


class Net:
    """A network of one page."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.page: bytes | ShopError = raw(profile())
        self.keep = 300.0

    def __call__(self, url: str) -> Fetched:
        self.asked.append(url)
        if isinstance(self.page, ShopError):
            raise self.page
        return Fetched(self.page, self.keep)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def net() -> Net:
    return Net()


@pytest.fixture
def known(net: Net, clock: Clock) -> ProfileCache:
    return ProfileCache(EVERYTHING, fetch=net, clock=clock, kept=3)


URL = "https://a.example/p"


def test_a_profile_is_fetched_once_while_it_is_fresh(
    known: ProfileCache, net: Net, clock: Clock
) -> None:
    known.get(URL)
    clock.now += 299
    known.get(URL)
    assert len(net.asked) == 1
    clock.now += 1
    known.get(URL)
    assert len(net.asked) == 2


def test_a_platform_that_is_away_is_served_for_a_while_by_what_it_said(
    known: ProfileCache, net: Net, clock: Clock
) -> None:
    first = known.get(URL)
    net.page = DependencyFailed("away", code="profile_unreachable")
    clock.now += 300
    assert known.get(URL) == first
    clock.now += FAILURE_CACHE_SECONDS - 1
    assert known.get(URL) == first
    assert len(net.asked) == 2
    clock.now += STALE_IF_ERROR_SECONDS
    with pytest.raises(DependencyFailed):
        known.get(URL)


def test_a_platform_that_turns_bad_is_not_served_by_what_it_said(
    known: ProfileCache, net: Net, clock: Clock
) -> None:
    known.get(URL)
    net.page = b"{}"
    clock.now += 300
    with pytest.raises(Unprocessable):
        known.get(URL)


@pytest.mark.parametrize(
    "page",
    [
        b"rubbish",
        DependencyFailed("away", code="profile_unreachable"),
        InvalidRequest("no", code="invalid_profile_url"),
    ],
)
def test_a_failure_is_remembered_for_a_moment_and_no_longer(
    known: ProfileCache, net: Net, clock: Clock, page: bytes | ShopError
) -> None:
    net.page = page
    codes = []
    for _ in range(3):
        with pytest.raises(ShopError) as refused:
            known.get(URL)
        codes.append((type(refused.value), refused.value.code, refused.value.detail))
    assert len(set(codes)) == 1
    assert len(net.asked) == 1
    clock.now += FAILURE_CACHE_SECONDS
    net.page = raw(profile())
    assert known.get(URL).version == VERSION


def test_the_least_recently_used_profile_goes_first(known: ProfileCache, net: Net) -> None:
    for name in ("a", "b", "c", "a", "d", "a", "b"):
        known.get(name)
    assert net.asked == ["a", "b", "c", "d", "b"]


def test_rubbish_pushes_no_platform_out(known: ProfileCache, net: Net) -> None:
    known.get(URL)
    good = net.page
    net.page = b"rubbish"
    for number in range(50):
        with pytest.raises(Unprocessable):
            known.get(f"https://a.example/{number}")
    net.page = good
    known.get(URL)
    assert net.asked.count(URL) == 1
    assert len(known._failed) == 3


def test_the_fixture_itself_is_a_good_profile() -> None:
    assert ucp_problems("platform_profile", profile()) == []
    assert ucp_problems("platform_profile", altered(copy.copy)) == []
