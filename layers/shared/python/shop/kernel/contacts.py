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
    """E-mail address."""
    first_name: str | None = None
    """Given name."""
    last_name: str | None = None
    """Family name."""
    full_name: str | None = None
    """Full name, if it is not split into given and family name."""
    phone_number: str | None = None
    """Phone number."""
    tax_id: str | None = None
    """VAT number of the European Union, of a business."""
    consent: Mapping[str, Any] | None = None
    """Consents by purpose, as UCP's buyer consent extension defines them."""

    def with_defaults_from(self, other: "Buyer") -> "Buyer":
        """Return this buyer, with fields of ``other`` where this one has none."""
        return Buyer(**{**other.to_dict(), **self.to_dict()})

    def to_dict(self) -> dict[str, Any]:
        """Return the fields that are set, as JSON values."""
        return _set_fields(self)

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> "Buyer":
        """Read the result of :meth:`to_dict`, also of a later release with more fields."""
        return cls(**_known_fields(cls, raw))


@frozen(slots=False)
class PostalAddress:
    """A UCP postal address. It may be incomplete while its buyer still edits the checkout.

    ``id`` names it among the destinations of its checkout; ``address_country`` is ISO 3166-1
    alpha-2 and ``address_region`` a subdivision of it.
    """

    id: str | None = None
    """Id of the destination within its checkout."""
    street_address: str | None = None
    """Street and house number."""
    extended_address: str | None = None
    """Apartment, suite or floor."""
    address_locality: str | None = None
    """City or town."""
    address_region: str | None = None
    """Region within the country, such as a US state."""
    address_country: str | None = None
    """Country as an ISO 3166-1 alpha-2 code."""
    postal_code: str | None = None
    """Postal code."""
    first_name: str | None = None
    """Given name of the recipient."""
    last_name: str | None = None
    """Family name of the recipient."""
    full_name: str | None = None
    """Full name of the recipient, if it is not split."""
    phone_number: str | None = None
    """Phone number of the recipient."""

    def to_dict(self) -> dict[str, str]:
        """Return the fields that are set, as JSON values."""
        return _set_fields(self)

    @classmethod
    def from_dict(cls, raw: Mapping[str, str]) -> "PostalAddress":
        """Read the result of :meth:`to_dict`, also of a later release with more fields."""
        return cls(**_known_fields(cls, raw))


def _known_fields(cls: Any, raw: Mapping[str, Any]) -> dict[str, Any]:
    names = {field.name for field in fields(cls)}
    return {name: value for name, value in raw.items() if name in names}


def _set_fields(value: Any) -> dict[str, Any]:
    return {
        field.name: text
        for field in fields(value)
        if (text := getattr(value, field.name)) is not None
    }
