"""Authentication: valid and invalid tokens, and claims that API Gateway verified."""

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


class TokenIssuer(NamedTuple):
    """An issuer that publishes one key, and the key of a stranger."""

    url: str
    private: rsa.RSAPrivateKey
    public_pem: bytes
    stranger: rsa.RSAPrivateKey
    served: dict[str, Any]
    """Its status, its keys, and the number of requests for them."""


@pytest.fixture(scope="module")
def pair() -> tuple[rsa.RSAPrivateKey, rsa.RSAPrivateKey]:
    made = [rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(2)]
    return made[0], made[1]


@pytest.fixture
def issuer(
    pair: tuple[rsa.RSAPrivateKey, rsa.RSAPrivateKey], monkeypatch: pytest.MonkeyPatch
) -> Iterator[TokenIssuer]:
    """A token issuer on the loopback interface."""
    private, stranger = pair
    jwk = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(private.public_key()))
    served: dict[str, Any] = {
        "status": 200,
        "requests": 0,
        "keys": [{**jwk, "kid": "k1", "use": "sig", "alg": "RS256"}],
    }

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            served["requests"] += 1
            self.send_response(served["status"])
            self.end_headers()
            self.wfile.write(json.dumps({"keys": served["keys"]}).encode())

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.005,), daemon=True).start()
    url = f"http://127.0.0.1:{server.server_address[1]}/pool"
    monkeypatch.setenv("ACCESS", "shopper")
    monkeypatch.setenv("TOKEN_ISSUER", url)
    monkeypatch.setenv("TOKEN_KEYS", f"{url}/.well-known/jwks.json")
    monkeypatch.setenv("TOKEN_CLIENTS", f"other-app,{CLIENT}")
    authorization._keys.cache_clear()
    pem = private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    yield TokenIssuer(url, private, pem, stranger, served)
    server.shutdown()
    server.server_close()
    authorization._keys.cache_clear()


def claims(issuer: TokenIssuer, **changed: Any) -> dict[str, Any]:
    now = int(time.time())
    made = {
        "sub": "4d1c9a4e-0000-4000-8000-000000000001",
        "iss": issuer.url,
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
    issuer: TokenIssuer,
    *,
    kid: str | None = "k1",
    key: Any = None,
    groups: Any = None,
    **changed: Any,
) -> str:
    headers = {} if kid is None else {"kid": kid}
    made = {
        **claims(issuer, **changed),
        **({} if groups is None else {"cognito:groups": groups}),
    }
    return jwt.encode(made, key or issuer.private, "RS256", headers=headers)


def bearer(text: str) -> dict[str, Any]:
    return {"headers": {"Authorization": f"Bearer {text}"}, "requestContext": {}}


def rejected(event: dict[str, Any]) -> str:
    with pytest.raises(Unauthenticated) as error:
        authenticate(event)
    return error.value.code


# ------------------------------------------------------------------------------- bearer tokens


def test_request_without_token_is_a_guest(issuer: TokenIssuer) -> None:
    caller = authenticate({"headers": {}, "requestContext": {}})
    assert (caller.customer, caller.owner) == (None, "guest")
    assert issuer.served["requests"] == 0


def test_valid_token_names_its_customer(issuer: TokenIssuer) -> None:
    caller = authenticate(bearer(token(issuer, groups=["vip"])))
    assert caller.customer == caller.owner == "4d1c9a4e-0000-4000-8000-000000000001"
    assert (caller.username, caller.groups) == ("jane", frozenset({"vip"}))


def test_keys_of_the_issuer_are_fetched_once(issuer: TokenIssuer) -> None:
    for _ in range(3):
        authenticate(bearer(token(issuer)))
    assert issuer.served["requests"] == 1


@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Bearer ", "Basic dXNlcjpwdw==", "bearer", "Token x", "Bearer " + "x" * 9000],
)
def test_header_without_bearer_token_is_rejected(issuer: TokenIssuer, header: str) -> None:
    event = {"headers": {"authorization": header}, "requestContext": {}}
    assert rejected(event) == "unauthenticated"


@pytest.mark.parametrize(
    "text", ["x", "a.b.c", "....", "eyJ.eyJ.x", "\x00", "ü.ü.ü", "null", "e30.e30.", "a b c"]
)
def test_malformed_token_is_rejected(issuer: TokenIssuer, text: str) -> None:
    assert rejected(bearer(text)) == "token_invalid"


def jwt_part(data: Any) -> str:
    return urlsafe_b64encode(json.dumps(data).encode()).rstrip(b"=").decode()


def test_token_of_another_pool_has_a_detail_of_its_own(
    issuer: TokenIssuer,
) -> None:
    # Given a token of the staff's pool, which another key has signed
    staff = token(issuer, key=issuer.stranger, iss=f"{issuer.url}/staff")
    with pytest.raises(Unauthenticated) as rejected:
        authenticate(bearer(staff))
    assert rejected.value.code == "token_invalid"
    assert rejected.value.detail == (
        "This route is for customers and guests, and the token is of other users, such as staff."
        " Staff use the routes under /staff."
    )
    # A token that only claims to be of customers stays invalid
    with pytest.raises(Unauthenticated, match="The token is invalid"):
        authenticate(bearer(token(issuer, key=issuer.stranger)))


def test_tampered_token_is_rejected(issuer: TokenIssuer) -> None:
    head, _, signature = token(issuer).split(".")
    more_groups = jwt_part(claims(issuer, **{"cognito:groups": ["admin"]}))
    assert rejected(bearer(f"{head}.{more_groups}.{signature}")) == "token_invalid"


def test_token_with_altered_signature_is_rejected(issuer: TokenIssuer) -> None:
    head, body, signature = token(issuer).split(".")
    flipped = ("B" if signature[0] != "B" else "C") + signature[1:]
    for bad in ("", signature[:-8], flipped, signature[::-1]):
        assert rejected(bearer(f"{head}.{body}.{bad}")) == "token_invalid"


@pytest.mark.parametrize("alg", ["none", "None", "NONE", "nOnE"])
def test_unsigned_token_is_rejected(issuer: TokenIssuer, alg: str) -> None:
    head = jwt_part({"alg": alg, "typ": "JWT", "kid": "k1"})
    for signature in ("", "x"):
        assert rejected(bearer(f"{head}.{jwt_part(claims(issuer))}.{signature}")) == "token_invalid"


def test_hmac_with_the_public_key_is_rejected(issuer: TokenIssuer) -> None:
    """The algorithm confusion attack: HS256 with the published RSA key as its secret."""
    import hashlib
    import hmac

    for secret in (issuer.public_pem, issuer.served["keys"][0]["n"].encode()):
        head = jwt_part({"alg": "HS256", "typ": "JWT", "kid": "k1"})
        signed = f"{head}.{jwt_part(claims(issuer))}"
        mac = hmac.new(secret, signed.encode(), hashlib.sha256).digest()
        signature = urlsafe_b64encode(mac).rstrip(b"=").decode()
        assert rejected(bearer(f"{signed}.{signature}")) == "token_invalid"


def test_other_algorithm_with_the_right_key_is_rejected(issuer: TokenIssuer) -> None:
    text = jwt.encode(claims(issuer), issuer.private, "PS256", headers={"kid": "k1"})
    assert rejected(bearer(text)) == "token_invalid"


def test_signature_of_a_stranger_is_rejected(issuer: TokenIssuer) -> None:
    assert rejected(bearer(token(issuer, key=issuer.stranger))) == "token_invalid"


def test_key_inside_the_token_is_ignored(issuer: TokenIssuer) -> None:
    jwk = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(issuer.stranger.public_key()))
    head = {"jwk": jwk, "jku": "http://127.0.0.1:9/evil", "kid": "k1"}
    text = jwt.encode(claims(issuer), issuer.stranger, "RS256", headers=head)
    assert rejected(bearer(text)) == "token_invalid"


@pytest.mark.parametrize("kid", ["unknown", None, "../../k1"])
def test_unknown_key_id_is_rejected(issuer: TokenIssuer, kid: str | None) -> None:
    assert rejected(bearer(token(issuer, kid=kid))) == "token_invalid"


def test_unknown_key_ids_cause_at_most_two_requests(issuer: TokenIssuer) -> None:
    for number in range(20):
        rejected(bearer(token(issuer, kid=f"unknown-{number}")))
    assert issuer.served["requests"] <= 2


def test_expired_token_has_its_own_code(issuer: TokenIssuer) -> None:
    assert rejected(bearer(token(issuer, exp=int(time.time()) - 1))) == "token_expired"


def test_token_from_the_future_is_rejected(issuer: TokenIssuer) -> None:
    later = int(time.time()) + 600
    assert rejected(bearer(token(issuer, nbf=later))) == "token_invalid"
    assert rejected(bearer(token(issuer, iat=later))) == "token_invalid"


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
def test_token_with_wrong_claims_is_rejected(issuer: TokenIssuer, changed: dict[str, Any]) -> None:
    assert rejected(bearer(token(issuer, **changed))) == "token_invalid"


def test_id_token_is_rejected(issuer: TokenIssuer) -> None:
    text = token(issuer, token_use="id", aud=CLIENT, client_id=None, email="jane@example.com")
    assert rejected(bearer(text)) == "token_invalid"


def test_unreachable_issuer_raises_unavailable(issuer: TokenIssuer) -> None:
    issuer.served["status"] = 503
    with pytest.raises(Unavailable):
        authenticate(bearer(token(issuer)))


@pytest.mark.parametrize("served", [[], [{"kty": "oct", "k": "x"}], "rubbish"])
def test_malformed_keys_of_the_issuer_reject_the_token(issuer: TokenIssuer, served: Any) -> None:
    issuer.served["keys"] = served
    assert rejected(bearer(token(issuer))) == "token_invalid"


def test_invalid_token_is_a_401_problem(issuer: TokenIssuer) -> None:
    handler = endpoint()(lambda request: {"owner": request.caller.owner})
    response = call(handler, "GET /x", headers={"Authorization": "Bearer x"})
    assert (response.status, response.json["code"]) == (401, "token_invalid")
    assert "WWW-Authenticate" in response.headers
    assert call(handler, "GET /x").json == {"owner": "guest"}


# --------------------------------------------------------------------- API Gateway's claims


@pytest.fixture
def staff(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACCESS", "staff")
    monkeypatch.setenv("ACCESS_GROUPS", "admin,ops")


VALID_CLAIMS = {
    "sub": "s1",
    "token_use": "access",
    "client_id": CLIENT,
    "iss": "http://issuer.test",
    "cognito:groups": "[ops]",
}


def with_claims(claims: Any) -> ApiResponse:
    handler = endpoint()(lambda request: {"customer": request.caller.customer})
    return call(handler, "GET /x", claims=claims)


@pytest.mark.usefixtures("staff")
@pytest.mark.parametrize(
    "groups", ["[ops]", "[vip ops]", "ops", "ops,vip", "[ops, vip]", ["ops"], ("admin", "ops")]
)
def test_one_required_group_is_enough_in_any_format(groups: Any) -> None:
    assert with_claims({**VALID_CLAIMS, "cognito:groups": groups}).json == {"customer": "s1"}


UUID = "4d1c9a4e-0000-4000-8000-000000000001"


@pytest.mark.usefixtures("staff")
@pytest.mark.parametrize(
    ("claims", "name"),
    [
        ({"username": "wanda@shop.example"}, "wanda@shop.example"),
        ({"username": UUID, "email": "wanda@shop.example"}, "wanda@shop.example"),
        ({"username": UUID, "email": "w@x.example", "name": "Wanda  Smith\n"}, "Wanda Smith"),
        ({"username": UUID, "name": " ", "email": None}, UUID),
        ({"username": UUID, "name": ["Wanda"]}, UUID),
        ({"name": "W" * 500}, "W" * 100),
        ({}, "s1"),
    ],
)
def test_caller_is_named_as_people_know_them(claims: dict[str, Any], name: str) -> None:
    base = {claim: value for claim, value in VALID_CLAIMS.items() if claim != "username"}
    handler = endpoint()(lambda request: {"name": request.caller.username})
    assert call(handler, "GET /x", claims={**base, **claims}).json == {"name": name}


@pytest.mark.usefixtures("staff")
@pytest.mark.parametrize(
    "groups", ["", "[]", "[vip]", "[opsx]", "[xops]", None, [], 5, {"ops": True}, "[o ps]"]
)
def test_caller_without_required_group_gets_403(groups: Any) -> None:
    assert with_claims({**VALID_CLAIMS, "cognito:groups": groups}).status == 403


@pytest.mark.usefixtures("staff")
def test_staff_endpoint_without_groups_rejects_everyone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ACCESS_GROUPS", "")
    assert with_claims({**VALID_CLAIMS, "cognito:groups": "[]"}).status == 403


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
def test_invalid_claims_get_401(
    monkeypatch: pytest.MonkeyPatch, kind: str, changed: dict[str, Any] | None
) -> None:
    monkeypatch.setenv("ACCESS", kind)
    monkeypatch.setenv("ACCESS_GROUPS", "ops")
    response = with_claims(changed if not changed else {**VALID_CLAIMS, **changed})
    assert response.status == 401


@pytest.mark.parametrize("kind", ["customer", "staff"])
def test_token_does_not_replace_claims_of_api_gateway(
    monkeypatch: pytest.MonkeyPatch, issuer: TokenIssuer, kind: str
) -> None:
    monkeypatch.setenv("ACCESS", kind)
    monkeypatch.setenv("ACCESS_GROUPS", "ops")
    assert rejected(bearer(token(issuer, groups=["ops"]))) == "unauthenticated"


def test_customer_needs_no_group(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACCESS", "customer")
    assert with_claims({**VALID_CLAIMS, "cognito:groups": None}).json == {"customer": "s1"}


@pytest.mark.parametrize("kind", ["", "everyone", "PUBLIC"])
def test_unknown_access_gets_401(monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    monkeypatch.setenv("ACCESS", kind)
    assert with_claims(VALID_CLAIMS).status == 401


def test_missing_access_setting_gets_500(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ACCESS")
    assert with_claims(VALID_CLAIMS).status == 500


@pytest.mark.parametrize("kind", ["public", "webhook"])
def test_public_endpoint_ignores_the_token(monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    monkeypatch.setenv("ACCESS", kind)
    assert authenticate(bearer("rubbish")) == Caller()


def test_error_names_the_required_groups(monkeypatch: pytest.MonkeyPatch, staff: None) -> None:
    event = {
        "requestContext": {
            "authorizer": {"jwt": {"claims": {**VALID_CLAIMS, "cognito:groups": ""}}}
        }
    }
    with pytest.raises(Forbidden, match="admin, ops"):
        authenticate(event)
