"""Who is asking: read from the gateway's verified claims, or from a bearer token verified here.

Fail closed: a token that is sent must be good, a group that is needed must be there, and only
Cognito *access* tokens count (an ID token tells who somebody is, not what they may do).
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from shop.kernel.errors import Forbidden, Unauthenticated

ACCESS = os.environ.get("ACCESS", "public")
"""Set from the manifest line. Absent on functions that no route leads to."""
GROUPS = frozenset(filter(None, os.environ.get("ACCESS_GROUPS", "").split(",")))


@dataclass(frozen=True)
class Caller:
    """The one who asks. ``customer`` is the Cognito subject, ``None`` for a guest."""

    customer: str | None = None
    groups: frozenset[str] = field(default_factory=frozenset)
    username: str | None = None

    @property
    def owner(self) -> str:
        """The key under which what this caller makes is kept."""
        return self.customer or "guest"


def caller_of(event: Mapping[str, Any]) -> Caller:
    """Tell who sent this event, as far as the function's access demands it.

    Raises :class:`Unauthenticated` without a good token where one is needed, or with a bad one
    where it is optional, and :class:`Forbidden` where no needed group is among the claims.
    """
    if ACCESS in ("public", "webhook"):
        return Caller()
    if ACCESS == "shopper":
        header = (event.get("headers") or {}).get("authorization")
        return _from_claims(_verified(header)) if header else Caller()
    authorizer = event["requestContext"].get("authorizer") or {}
    claims = (authorizer.get("jwt") or {}).get("claims")
    if not claims:
        raise Unauthenticated("sign in first", path="Authorization")
    caller = _from_claims(claims)
    if ACCESS == "staff" and not (caller.groups & GROUPS):
        raise Forbidden(f"this needs one of the groups {', '.join(sorted(GROUPS))}")
    return caller


def _from_claims(claims: Mapping[str, Any]) -> Caller:
    if claims.get("token_use") != "access":
        raise Unauthenticated("this is not an access token", code="token_invalid", path="Authorization")
    if claims.get("client_id") not in os.environ["TOKEN_CLIENTS"].split(","):
        raise Unauthenticated("this token is for another shop", code="token_invalid", path="Authorization")
    return Caller(
        customer=str(claims["sub"]),
        groups=_groups(claims.get("cognito:groups")),
        username=str(claims.get("username", claims["sub"])),
    )


def _groups(claim: Any) -> frozenset[str]:
    """Cognito groups as a list, as an HTTP API writes them (``"[admin ops]"``), or as ``"a,b"``."""
    if isinstance(claim, (list, tuple)):
        return frozenset(str(g) for g in claim)
    if not isinstance(claim, str):
        return frozenset()
    return frozenset(filter(None, claim.strip().strip("[]").replace(",", " ").split()))


def _verified(header: str) -> Mapping[str, Any]:
    import jwt  # imported here: guests, who are most callers, never pay for it

    scheme, _, token = header.partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Unauthenticated("send 'Authorization: Bearer …' or leave it out", path="Authorization")
    try:
        key = _keys().get_signing_key_from_jwt(token.strip()).key
        claims: Mapping[str, Any] = jwt.decode(
            token.strip(),
            key,
            algorithms=["RS256"],
            issuer=os.environ["TOKEN_ISSUER"],
            options={"require": ["exp", "iss", "sub", "token_use"], "verify_aud": False},
        )
    except jwt.ExpiredSignatureError:
        raise Unauthenticated(
            "this token has expired; sign in again", code="token_expired", path="Authorization"
        ) from None
    except (jwt.PyJWTError, ValueError):
        raise Unauthenticated("this token is not good", code="token_invalid", path="Authorization") from None
    return claims


@lru_cache(maxsize=1)
def _keys() -> Any:
    import jwt

    return jwt.PyJWKClient(os.environ["TOKEN_KEYS"], cache_jwk_set=True, lifespan=3600, timeout=3)
