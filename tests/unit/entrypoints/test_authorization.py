"""Who may: tokens and claims, good ones and all the bad ones."""

import json
import threading
import time
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from shop.entrypoints import authorization
from shop.entrypoints.authorization import Caller, authenticate
from shop.entrypoints.http import endpoint
from shop.kernel.errors import Forbidden, Unauthenticated, Unavailable
from tests.kit.shop import ApiResponse, call

pytestmark = pytest.mark.slow

CLIENT = "shop-client"


class Keys(NamedTuple):
    issuer: str
    private: rsa.RSAPrivateKey
    public_pem: bytes
    stranger: rsa.RSAPrivateKey
    served: dict[str, Any]


@pytest.fixture(scope="module")
def pair() -> tuple[rsa.RSAPrivateKey, rsa.RSAPrivateKey]:
    made = [rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(2)]
    return made[0], made[1]


@pytest.fixture
def keys(
    pair: tuple[rsa.RSAPrivateKey, rsa.RSAPrivateKey], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Keys]:
    """An issuer on the loopback interface that publishes one key."""
    private, stranger = pair
    jwk = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(private.public_key()))
    served: dict[str, Any] = {
        "status": 200,
        "asked": 0,
        "keys": [{**jwk, "kid": "k1", "use": "sig", "alg": "RS256"}],
    }

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            served["asked"] += 1
            self.send_response(served["status"])
            self.end_headers()
            self.wfile.write(json.dumps({"keys": served["keys"]}).encode())

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.005,), daemon=True).start()
    issuer = f"http://127.0.0.1:{server.server_address[1]}/pool"
    monkeypatch.setenv("ACCESS", "shopper")
    monkeypatch.setenv("TOKEN_ISSUER", issuer)
    monkeypatch.setenv("TOKEN_KEYS", f"{issuer}/.well-known/jwks.json")
    monkeypatch.setenv("TOKEN_CLIENTS", f"other-app,{CLIENT}")
    authorization._keys.cache_clear()
    pem = private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    yield Keys(issuer, private, pem, stranger, served)
    server.shutdown()
    server.server_close()
    authorization._keys.cache_clear()


def claims(idempotency: Keys, **changed: Any) -> dict[str, Any]:
    now = int(time.time())
    made = {
        "sub": "4d1c9a4e-0000-4000-8000-000000000001",
        "iss": idempotency.issuer,
        "client_id": CLIENT,
        "token_use": "access",
        "scope": "openid",
        "username": "jane",
        "iat": now,
        "exp": now + 3600,
        **changed,
    }
    return {name: value for name, value in made.items() if value is not None}


def token(
    idempotency: Keys,
    *,
    kid: str | None = "k1",
    key: Any = None,
    groups: Any = None,
    **changed: Any,
) -> str:
    headers = {} if kid is None else {"kid": kid}
    made = {
        **claims(idempotency, **changed),
        **({} if groups is None else {"cognito:groups": groups}),
    }
    return jwt.encode(made, key or idempotency.private, "RS256", headers=headers)


def bearer(text: str) -> dict[str, Any]:
    return {"headers": {"Authorization": f"Bearer {text}"}, "requestContext": {}}


def refused(event: dict[str, Any]) -> str:
    with pytest.raises(Unauthenticated) as refusal:
        authenticate(event)
    return refusal.value.code


# ------------------------------------------------------------------------- tokens checked in here


def test_a_guest_shows_nothing_and_owns_what_guests_own(keys: Keys) -> None:
    caller = authenticate({"headers": {}, "requestContext": {}})
    assert (caller.customer, caller.owner) == (None, "guest")
    assert keys.served["asked"] == 0


def test_a_good_token_names_its_customer(keys: Keys) -> None:
    caller = authenticate(bearer(token(keys, groups=["vip"])))
    assert caller.customer == caller.owner == "4d1c9a4e-0000-4000-8000-000000000001"
    assert (caller.username, caller.groups) == ("jane", frozenset({"vip"}))


def test_the_issuers_keys_are_asked_for_once(keys: Keys) -> None:
    for _ in range(3):
        authenticate(bearer(token(keys)))
    assert keys.served["asked"] == 1


@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Bearer ", "Basic dXNlcjpwdw==", "bearer", "Token x", "Bearer " + "x" * 9000],
)
def test_a_header_without_a_bearer_token_is_refused(keys: Keys, header: str) -> None:
    event = {"headers": {"authorization": header}, "requestContext": {}}
    assert refused(event) == "unauthenticated"


@pytest.mark.parametrize(
    "text", ["x", "a.b.c", "....", "eyJ.eyJ.x", "\x00", "ü.ü.ü", "null", "e30.e30.", "a b c"]
)
def test_garbage_is_refused(keys: Keys, text: str) -> None:
    assert refused(bearer(text)) == "token_invalid"


def part(data: Any) -> str:
    return urlsafe_b64encode(json.dumps(data).encode()).rstrip(b"=").decode()


def test_a_tampered_token_is_refused(keys: Keys) -> None:
    head, _, signature = token(keys).split(".")
    richer = part(claims(keys, **{"cognito:groups": ["admin"]}))
    assert refused(bearer(f"{head}.{richer}.{signature}")) == "token_invalid"


def test_a_token_whose_signature_is_cut_or_changed_is_refused(keys: Keys) -> None:
    head, body, signature = token(keys).split(".")
    flipped = ("B" if signature[0] != "B" else "C") + signature[1:]
    for bad in ("", signature[:-8], flipped, signature[::-1]):
        assert refused(bearer(f"{head}.{body}.{bad}")) == "token_invalid"


@pytest.mark.parametrize("alg", ["none", "None", "NONE", "nOnE"])
def test_a_token_that_is_not_signed_is_refused(keys: Keys, alg: str) -> None:
    head = part({"alg": alg, "typ": "JWT", "kid": "k1"})
    for signature in ("", "x"):
        assert refused(bearer(f"{head}.{part(claims(keys))}.{signature}")) == "token_invalid"


def test_the_public_key_is_no_password(keys: Keys) -> None:
    """HS256 with the published RSA key as its secret: the classic confusion."""
    import hashlib
    import hmac

    for secret in (keys.public_pem, keys.served["keys"][0]["n"].encode()):
        head = part({"alg": "HS256", "typ": "JWT", "kid": "k1"})
        signed = f"{head}.{part(claims(keys))}"
        mac = hmac.new(secret, signed.encode(), hashlib.sha256).digest()
        signature = urlsafe_b64encode(mac).rstrip(b"=").decode()
        assert refused(bearer(f"{signed}.{signature}")) == "token_invalid"


def test_another_algorithm_of_the_right_key_is_refused(keys: Keys) -> None:
    text = jwt.encode(claims(keys), keys.private, "PS256", headers={"kid": "k1"})
    assert refused(bearer(text)) == "token_invalid"


def test_a_strangers_signature_is_refused(keys: Keys) -> None:
    assert refused(bearer(token(keys, key=keys.stranger))) == "token_invalid"


def test_a_key_that_the_token_brings_along_is_not_used(keys: Keys) -> None:
    jwk = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(keys.stranger.public_key()))
    head = {"jwk": jwk, "jku": "http://127.0.0.1:9/evil", "kid": "k1"}
    text = jwt.encode(claims(keys), keys.stranger, "RS256", headers=head)
    assert refused(bearer(text)) == "token_invalid"


@pytest.mark.parametrize("kid", ["unknown", None, "../../k1"])
def test_a_key_that_the_issuer_does_not_have_is_refused(keys: Keys, kid: str | None) -> None:
    assert refused(bearer(token(keys, kid=kid))) == "token_invalid"


def test_unknown_keys_do_not_hammer_the_issuer(keys: Keys) -> None:
    for number in range(20):
        refused(bearer(token(keys, kid=f"unknown-{number}")))
    assert keys.served["asked"] <= 2


def test_an_expired_token_says_so(keys: Keys) -> None:
    assert refused(bearer(token(keys, exp=int(time.time()) - 1))) == "token_expired"


def test_a_token_from_the_future_is_refused(keys: Keys) -> None:
    later = int(time.time()) + 600
    assert refused(bearer(token(keys, nbf=later))) == "token_invalid"
    assert refused(bearer(token(keys, iat=later))) == "token_invalid"


@pytest.mark.parametrize(
    "changed",
    [
        {"iss": "http://evil.example/pool"},
        {"iss": None},
        {"exp": None},
        {"sub": None},
        {"sub": ""},
        {"sub": "guest"},
        {"sub": "x" * 200},
        {"client_id": "another-shop"},
        {"client_id": None},
        {"client_id": ""},
        {"client_id": f"other-app,{CLIENT}"},
        {"token_use": "id"},
        {"token_use": None},
    ],
)
def test_a_token_that_is_not_for_this_is_refused(keys: Keys, changed: dict[str, Any]) -> None:
    assert refused(bearer(token(keys, **changed))) == "token_invalid"


def test_an_id_token_is_no_access_token(keys: Keys) -> None:
    text = token(keys, token_use="id", aud=CLIENT, client_id=None, email="jane@example.com")
    assert refused(bearer(text)) == "token_invalid"


def test_an_issuer_that_is_away_is_no_fault_of_the_tokens(keys: Keys) -> None:
    keys.served["status"] = 503
    with pytest.raises(Unavailable):
        authenticate(bearer(token(keys)))


@pytest.mark.parametrize("served", [[], [{"kty": "oct", "k": "x"}], "rubbish"])
def test_an_issuer_that_publishes_rubbish_lets_nobody_in(keys: Keys, served: Any) -> None:
    keys.served["keys"] = served
    assert refused(bearer(token(keys))) == "token_invalid"


def test_a_bad_token_is_a_401_in_the_one_shape(keys: Keys) -> None:
    handler = endpoint()(lambda request: {"owner": request.caller.owner})
    said = call(handler, "GET /x", headers={"Authorization": "Bearer x"})
    assert (said.status, said.json["code"]) == (401, "token_invalid")
    assert "WWW-Authenticate" in said.headers
    assert call(handler, "GET /x").json == {"owner": "guest"}


# ------------------------------------------------------------------- claims the gateway has checked


@pytest.fixture
def staff(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACCESS", "staff")
    monkeypatch.setenv("ACCESS_GROUPS", "admin,ops")


GOOD = {
    "sub": "s1",
    "token_use": "access",
    "client_id": CLIENT,
    "iss": "http://issuer.test",
    "cognito:groups": "[ops]",
}


def with_claims(claims: Any) -> ApiResponse:
    handler = endpoint()(lambda request: {"who": request.caller.customer})
    return call(handler, "GET /x", claims=claims)


@pytest.mark.usefixtures("staff")
@pytest.mark.parametrize(
    "groups", ["[ops]", "[vip ops]", "ops", "ops,vip", "[ops, vip]", ["ops"], ("admin", "ops")]
)
def test_one_of_the_groups_is_enough_however_it_is_written(groups: Any) -> None:
    assert with_claims({**GOOD, "cognito:groups": groups}).json == {"who": "s1"}


@pytest.mark.usefixtures("staff")
@pytest.mark.parametrize(
    "groups", ["", "[]", "[vip]", "[opsx]", "[xops]", None, [], 5, {"ops": True}, "[o ps]"]
)
def test_without_a_group_nobody_is_staff(groups: Any) -> None:
    assert with_claims({**GOOD, "cognito:groups": groups}).status == 403


@pytest.mark.usefixtures("staff")
def test_staff_endpoints_without_groups_let_nobody_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACCESS_GROUPS", "")
    assert with_claims({**GOOD, "cognito:groups": "[]"}).status == 403


@pytest.mark.parametrize("kind", ["customer", "staff"])
@pytest.mark.parametrize(
    "changed",
    [
        None,
        {},
        {"token_use": "id"},
        {"token_use": None},
        {"client_id": "another"},
        {"iss": "http://evil.example"},
        {"sub": ""},
        {"sub": None},
    ],
)
def test_claims_that_do_not_fit_let_nobody_in(
    monkeypatch: pytest.MonkeyPatch, kind: str, changed: dict[str, Any] | None
) -> None:
    monkeypatch.setenv("ACCESS", kind)
    monkeypatch.setenv("ACCESS_GROUPS", "ops")
    said = with_claims(changed if not changed else {**GOOD, **changed})
    assert said.status == 401


@pytest.mark.parametrize("kind", ["customer", "staff"])
def test_a_header_is_no_substitute_for_the_gateways_claims(
    monkeypatch: pytest.MonkeyPatch, keys: Keys, kind: str
) -> None:
    monkeypatch.setenv("ACCESS", kind)
    monkeypatch.setenv("ACCESS_GROUPS", "ops")
    assert refused(bearer(token(keys, groups=["ops"]))) == "unauthenticated"


def test_a_customer_needs_no_group(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACCESS", "customer")
    assert with_claims({**GOOD, "cognito:groups": None}).json == {"who": "s1"}


@pytest.mark.parametrize("kind", ["", "everyone", "PUBLIC"])
def test_an_access_that_is_not_known_lets_nobody_in(
    monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setenv("ACCESS", kind)
    assert with_claims(GOOD).status == 401


def test_an_access_that_is_not_said_lets_nobody_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ACCESS")
    assert with_claims(GOOD).status == 500


@pytest.mark.parametrize("kind", ["public", "webhook"])
def test_where_anyone_may_call_nobody_is_asked(monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    monkeypatch.setenv("ACCESS", kind)
    assert authenticate(bearer("rubbish")) == Caller()


def test_the_refusal_of_the_wrong_group_names_the_right_ones(
    monkeypatch: pytest.MonkeyPatch, staff: None
) -> None:
    event = {"requestContext": {"authorizer": {"jwt": {"claims": {**GOOD, "cognito:groups": ""}}}}}
    with pytest.raises(Forbidden, match="admin, ops"):
        authenticate(event)
