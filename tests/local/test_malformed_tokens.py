"""The emulated gateway answers every malformed token with 401."""

import asyncio
import base64
import json
from typing import Any

import pytest

from local import emulator_patches


def token(header: object, claims: object = None) -> str:
    parts = (json.dumps(part).encode() for part in (header, claims))
    return ".".join([*(base64.urlsafe_b64encode(p).decode().rstrip("=") for p in parts), "eA"])


@pytest.mark.parametrize(
    "malformed",
    [
        token([]),
        token("kid"),
        token(7),
        token(None),
        token({"kid": []}),
        token({"kid": {"a": 1}}),
        token({"kid": "k"}, []),
        token({"kid": "k", "alg": "none"}, {"sub": "jane"}),
        "W10",
        "W10.W10",
        "..",
        "a.b.c",
        "\u00e4.\u00f6.\u00fc",
        "%%%.%%%.%%%",
        "W" * 9_000 + ".W10.x",
        base64.urlsafe_b64encode(b"[" * 100_000).decode() + ".W10.x",
    ],
)
def test_malformed_token_returns_401(monkeypatch: pytest.MonkeyPatch, malformed: str) -> None:
    from ministack.services import apigateway

    async def keys(_: str) -> dict[str, Any]:
        return {"keys": [{"kid": "k", "n": "AQAB", "e": "AQAB"}]}

    monkeypatch.setattr(apigateway, "_validate_jwt_authorizer", apigateway._validate_jwt_authorizer)
    monkeypatch.setattr(apigateway, "_fetch_jwks", keys)
    emulator_patches.reject_malformed_tokens()
    authorizer = {
        "identitySource": ["$request.header.Authorization"],
        "jwtConfiguration": {"issuer": "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_p"},
    }
    claims, _, error = asyncio.run(
        apigateway._validate_jwt_authorizer(
            {}, authorizer, {"authorization": f"Bearer {malformed}"}, {}
        )
    )
    assert claims is None
    assert error is not None
    assert error[0] == 401
    assert json.loads(error[2]) == {"message": "Unauthorized"}
