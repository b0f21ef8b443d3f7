"""Names for things: unguessable where a name is a key, derived where it must be the same twice."""

import base64
import hashlib
import secrets


def new_id(prefix: str) -> str:
    """An unguessable id, 128 random bits: ``cart_`` and 26 characters of base32, lower case.

    For a guest the id *is* the capability to see a cart, a checkout or an order, so it is never
    shortened, numbered or logged beside personal data.
    """
    return f"{prefix}_{_base32(secrets.token_bytes(16))}"


def derived_id(prefix: str, *parts: str) -> str:
    """The same id for the same parts, as unguessable as the parts are.

    A retried command derives the name it gave the first time, so the second write meets the first.
    """
    material = "\x1f".join(parts).encode()
    return f"{prefix}_{_base32(hashlib.sha256(material).digest()[:16])}"


def _base32(raw: bytes) -> str:
    return base64.b32encode(raw).decode("ascii").rstrip("=").lower()
