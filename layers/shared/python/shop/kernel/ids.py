"""Ids: random where the id is a secret, derived where a retry must get the same id."""

import base64
import hashlib
import secrets


def new_id(prefix: str) -> str:
    """Return a random id of 128 bits: the prefix, ``_`` and 26 lower-case base32 characters.

    Knowing the id is a guest's only credential for a cart, a checkout or an order. Never shorten
    it, number it, or log it next to personal data.
    """
    return f"{prefix}_{_base32(secrets.token_bytes(16))}"


def derived_id(prefix: str, *parts: str) -> str:
    """Return the id that belongs to these parts; it is as hard to guess as the parts are.

    A retried command derives the same id again, so its second write meets the first one.
    """
    # The separator keeps ("ab", "c") and ("a", "bc") apart.
    material = "\x1f".join(parts).encode()
    return f"{prefix}_{_base32(hashlib.sha256(material).digest()[:16])}"


def _base32(raw: bytes) -> str:
    return base64.b32encode(raw).decode("ascii").rstrip("=").lower()
