"""Authentication of callers: from API Gateway's verified claims, or from a bearer token.

Every doubt rejects the request:

- the access of the function must be configured;
- a token that is sent must be valid;
- a required group must be among the claims;
- only Cognito *access* tokens count. An ID token states who a user is, not what the user may do.

Cognito's access tokens name the client in ``client_id`` and have no ``aud``. An HTTP API passes
``cognito:groups`` as the string ``"[admin ops]"``.
"""

import os
from collections.abc import Mapping
from dataclasses import field
from functools import lru_cache
from typing import Any

from shop.kernel.errors import Forbidden, Unauthenticated, Unavailable
from shop.kernel.frozen import frozen

MAX_TOKEN_LENGTH = 8192
"""Characters; Cognito's tokens have about 1,000."""

MAX_NAME_LENGTH = 100
"""Characters of a name in histories and journals."""


@frozen(slots=False)
class Caller:
    """The authenticated caller. ``customer`` is the Cognito subject, ``None`` for a guest.

    ``username`` names the caller to people, in histories and journals. It identifies nobody: two
    persons may have one name.
    """

    customer: str | None = None
    groups: frozenset[str] = field(default_factory=frozenset)
    username: str | None = None

    @property
    def owner(self) -> str:
        """The key under which the caller's data is stored; all guests share one."""
        return self.customer or "guest"


def authenticate(event: Mapping[str, Any]) -> Caller:
    """Return the caller of an event, as far as the function's access requires one.

    Raises :class:`Unauthenticated` for a missing token where one is required and for any invalid
    token, and :class:`Forbidden` if the claims contain none of the required groups.
    """
    access = os.environ["ACCESS"]
    if access in ("public", "webhook"):
        return Caller()
    if access == "shopper":
        # API Gateway has no optional authorizer, hence this token is verified here.
        header = _authorization_header(event)
        return Caller() if header is None else _caller_from(_verified_claims(header))
    claims = _gateway_claims(event)
    # An unknown access is denied, too.
    if access not in ("customer", "staff") or claims is None:
        raise Unauthenticated("Please sign in first.", path="Authorization")
    caller = _caller_from(claims)
    if access == "staff":
        required = frozenset(filter(None, os.environ["ACCESS_GROUPS"].split(",")))
        if not caller.groups & required:
            groups = ", ".join(sorted(required))
            raise Forbidden(f"This request requires one of the groups {groups}.")
    return caller


def _authorization_header(event: Mapping[str, Any]) -> str | None:
    for name, value in (event.get("headers") or {}).items():
        if name.lower() == "authorization":
            return str(value)
    return None


def _gateway_claims(event: Mapping[str, Any]) -> Mapping[str, Any] | None:
    authorizer = event["requestContext"].get("authorizer") or {}
    claims = (authorizer.get("jwt") or {}).get("claims")
    return claims if isinstance(claims, Mapping) and claims else None


def _caller_from(claims: Mapping[str, Any]) -> Caller:
    if claims.get("token_use") != "access":
        raise _invalid_token("The token must be an access token.")
    if claims.get("iss") != os.environ["TOKEN_ISSUER"]:
        raise _invalid_token("The token must be issued by this shop's user pool.")
    if claims.get("client_id") not in os.environ["TOKEN_CLIENTS"].split(","):
        raise _invalid_token("The token must be issued for a client of this shop.")
    subject = claims.get("sub")
    # "guest" is the owner key of all guests.
    if not isinstance(subject, str) or not 1 <= len(subject) <= 128 or subject == "guest":
        raise _invalid_token("The token must name a user.")
    return Caller(
        customer=subject,
        groups=_groups(claims.get("cognito:groups")),
        username=_readable_name(claims) or subject,
    )


def _readable_name(claims: Mapping[str, Any]) -> str:
    """Return the name or email address of the token, else Cognito's username, as one line.

    Cognito's own access tokens have the username only, which is the email address in the staff's
    pool. A pre token generation trigger may add the others.
    """
    for claim in ("name", "email", "username"):
        value = claims.get(claim)
        if isinstance(value, str) and (text := " ".join(value.split())[:MAX_NAME_LENGTH]):
            return text
    return ""


def _groups(claim: Any) -> frozenset[str]:
    """Return Cognito groups from a list, from ``"[admin ops]"`` (HTTP API), or from ``"a,b"``."""
    if isinstance(claim, (list, tuple)):
        return frozenset(str(g) for g in claim)
    if not isinstance(claim, str):
        return frozenset()
    return frozenset(filter(None, claim.strip().strip("[]").replace(",", " ").split()))


def _verified_claims(header: str) -> Mapping[str, Any]:
    scheme, _, token = header.partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token or len(token) > MAX_TOKEN_LENGTH:
        detail = "Send 'Authorization: Bearer …', or omit the header to continue as a guest."
        raise Unauthenticated(detail, path="Authorization")

    import jwt  # lazy: most callers are guests

    try:
        key = _keys().get_signing_key_from_jwt(token).key
        claims: Mapping[str, Any] = jwt.decode(
            token,
            key,
            algorithms=["RS256"],
            issuer=os.environ["TOKEN_ISSUER"],
            options={"require": ["exp", "iss", "sub", "token_use"], "verify_aud": False},
        )
    except jwt.ExpiredSignatureError:
        detail = "The token has expired. Please sign in again."
        raise Unauthenticated(detail, code="token_expired", path="Authorization") from None
    # The keys could not be fetched, so the token may be valid.
    except jwt.PyJWKClientConnectionError:
        detail = "Tokens cannot be verified at the moment. Please try again."
        raise Unavailable(detail) from None
    # ValueError and TypeError: the token is untrusted, and not every failure is a PyJWTError.
    except (jwt.PyJWTError, ValueError, TypeError):
        raise _invalid_token(_reason(token)) from None
    return claims


def _reason(token: str) -> str:
    """Return why a token is rejected. Its claims are not verified, so they choose a text only."""
    import jwt  # lazy: most callers are guests

    try:
        issuer = jwt.decode(token, options={"verify_signature": False}).get("iss")
    except (jwt.PyJWTError, ValueError, TypeError):
        issuer = None
    if not isinstance(issuer, str) or issuer == os.environ["TOKEN_ISSUER"]:
        return "The token is invalid."
    return (
        "This route is for customers and guests, and the token is of other users, such as staff."
        " Staff use the routes under /staff."
    )


def _invalid_token(reason: str) -> Unauthenticated:
    return Unauthenticated(reason, code="token_invalid", path="Authorization")


@lru_cache(maxsize=1)
def _keys() -> Any:
    import jwt  # lazy: most callers are guests

    return jwt.PyJWKClient(os.environ["TOKEN_KEYS"], cache_jwk_set=True, lifespan=3600, timeout=3)
