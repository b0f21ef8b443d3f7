"""Buyers and postal addresses, with UCP's field names.

Carts, checkouts and orders share these values. Their JSON form holds the fields that are set, so
that a stored document and a response look alike.
"""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from shop.kernel.frozen import frozen


@frozen(slots=False)
class Buyer:
    """The person or business that buys. A guest needs an ``email`` only.

    ``tax_id`` is a checked VAT number of the European Union, in normal form.
    """

    email: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    full_name: str | None = None
    phone_number: str | None = None
    tax_id: str | None = None

    def with_defaults_from(self, other: "Buyer") -> "Buyer":
        """Return this buyer, with fields of ``other`` where this one has none."""
        return Buyer(**{**other.to_dict(), **self.to_dict()})

    def to_dict(self) -> dict[str, str]:
        """Return the fields that are set, as JSON values."""
        return _set_fields(self)

    @classmethod
    def from_dict(cls, raw: Mapping[str, str]) -> "Buyer":
        """Read the result of :meth:`to_dict`."""
        return cls(**raw)


@frozen(slots=False)
class PostalAddress:
    """A UCP postal address. It may be incomplete while its buyer still edits the checkout.

    ``id`` names it among the destinations of its checkout; ``address_country`` is ISO 3166-1
    alpha-2 and ``address_region`` a subdivision of it.
    """

    id: str | None = None
    street_address: str | None = None
    extended_address: str | None = None
    address_locality: str | None = None
    address_region: str | None = None
    address_country: str | None = None
    postal_code: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    full_name: str | None = None
    phone_number: str | None = None

    def to_dict(self) -> dict[str, str]:
        """Return the fields that are set, as JSON values."""
        return _set_fields(self)

    @classmethod
    def from_dict(cls, raw: Mapping[str, str]) -> "PostalAddress":
        """Read the result of :meth:`to_dict`."""
        return cls(**raw)


def _set_fields(value: Any) -> dict[str, str]:
    return {
        field.name: text
        for field in fields(value)
        if (text := getattr(value, field.name)) is not None
    }
