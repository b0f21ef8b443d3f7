"""Who is asking: read from the gateway's verified claims, or from a bearer token verified here.

Fail closed: what the function's access is must be said, a token that is sent must be good, a group
that is needed must be there, and only Cognito *access* tokens count (an ID token tells who somebody
is, not what they may do). Cognito's access tokens name the client in ``client_id`` and have no
``aud``; an HTTP API writes ``cognito:groups`` as the string ``"[admin ops]"``.
"""

import os
from collections.abc import Mapping
from dataclasses import field
from functools import lru_cache
from typing import Any

from shop.kernel.errors import Forbidden, Unauthenticated, Unavailable
from shop.kernel.frozen import frozen

TOKEN_LENGTH = 8192
"""Characters of a bearer token that are looked at; Cognito's have about 1,000."""


@frozen(slots=False)
class Caller:
    """The one who asks. ``customer`` is the Cognito subject, ``None`` for a guest."""

    customer: str | None = None
    groups: frozenset[str] = field(default_factory=frozenset)
    username: str | None = None

    @property
    def owner(self) -> str:
        """The key under which what this caller makes is kept."""
        return self.customer or "guest"


def authenticate(event: Mapping[str, Any]) -> Caller:
    """Tell who sent this event, as far as the function's access demands it.

    Raises :class:`Unauthenticated` without a good token where one is needed, or with a bad one
    where it is optional, and :class:`Forbidden` where no needed group is among the claims.
    """
    access = os.environ["ACCESS"]
    if access in ("public", "webhook"):
        return Caller()
    if access == "shopper":
        header = _authorization(event)
        return Caller() if header is None else _from_claims(_verified(header))
    claims = _claims(event)
    if access not in ("customer", "staff") or claims is None:
        raise Unauthenticated("sign in first", path="Authorization")
    caller = _from_claims(claims)
    if access == "staff":
        needed = frozenset(filter(None, os.environ["ACCESS_GROUPS"].split(",")))
        if not caller.groups & needed:
            raise Forbidden(f"this needs one of the groups {', '.join(sorted(needed))}")
    return caller


def _authorization(event: Mapping[str, Any]) -> str | None:
    for name, value in (event.get("headers") or {}).items():
        if name.lower() == "authorization":
            return str(value)
    return None


def _claims(event: Mapping[str, Any]) -> Mapping[str, Any] | None:
    authorizer = event["requestContext"].get("authorizer") or {}
    claims = (authorizer.get("jwt") or {}).get("claims")
    return claims if isinstance(claims, Mapping) and claims else None


def _from_claims(claims: Mapping[str, Any]) -> Caller:
    if claims.get("token_use") != "access":
        raise _not_good("this is not an access token")
    if claims.get("iss") != os.environ["TOKEN_ISSUER"]:
        raise _not_good("this token is from somebody else")
    if claims.get("client_id") not in os.environ["TOKEN_CLIENTS"].split(","):
        raise _not_good("this token is for another shop")
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 1 <= len(subject) <= 128 or subject == "guest":
        raise _not_good("this token names nobody")
    return Caller(
        customer=subject,
        groups=_groups(claims.get("cognito:groups")),
        username=str(claims.get("username", subject)),
    )


def _groups(claim: Any) -> frozenset[str]:
    """Cognito groups as a list, as an HTTP API writes them (``"[admin ops]"``), or as ``"a,b"``."""
    if isinstance(claim, (list, tuple)):
        return frozenset(str(g) for g in claim)
    if not isinstance(claim, str):
        return frozenset()
    return frozenset(filter(None, claim.strip().strip("[]").replace(",", " ").split()))


def _verified(header: str) -> Mapping[str, Any]:
    scheme, _, token = header.partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token or len(token) > TOKEN_LENGTH:
        message = "send 'Authorization: Bearer …' or leave it out"
        raise Unauthenticated(message, path="Authorization")

    import jwt  # imported here: guests, who are most callers, never pay for it

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
        message = "this token has expired; sign in again"
        raise Unauthenticated(message, code="token_expired", path="Authorization") from None
    except jwt.PyJWKClientConnectionError:
        raise Unavailable("tokens cannot be checked just now; try again in a moment") from None
    except (jwt.PyJWTError, ValueError, TypeError):
        raise _not_good("this token is not good") from None
    return claims


def _not_good(reason: str) -> Unauthenticated:
    return Unauthenticated(reason, code="token_invalid", path="Authorization")


@lru_cache(maxsize=1)
def _keys() -> Any:
    import jwt

    return jwt.PyJWKClient(os.environ["TOKEN_KEYS"], cache_jwk_set=True, lifespan=3600, timeout=3)
