"""Buyers, postal and email addresses, with UCP's field names.

Carts, checkouts and orders share these values. Their JSON form holds the fields that are set, so
that a stored document and a response look alike.
"""

import re
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from shop.kernel.errors import InvalidValue
from shop.kernel.frozen import frozen

EMAIL_MESSAGE = "Must be an email address, such as jane@example.com."
EMAIL_NOT_ASCII = (
    "Must be an email address with ASCII characters before the @, such as jane@example.com: the"
    " shop can send mail to no other."
)

_ATEXT = r"[A-Za-z0-9_!#$%&'*+\-/=?^`{|}~]+"
_LABEL = r"(?!..--)[A-Za-z0-9](?:[A-Za-z0-9\-]{0,61}[A-Za-z0-9])?"
_PLAIN_EMAIL = re.compile(
    rf"(?=.{{1,64}}@)(?P<name>{_ATEXT}(?:\.{_ATEXT})*)"
    rf"@(?P<domain>(?:{_LABEL}\.)+(?!(?:arpa|invalid|local|localhost|onion)\Z)"
    r"[A-Za-z]{2,63})",
    re.ASCII | re.IGNORECASE,
)
"""Addresses of ASCII characters that need no look at a table of Unicode."""
_JOINER = re.compile(r"(?<=[\u0590-\U0010ffff])([\u200c\u200d])")
"""Joiners that domains of Arabic and Indic scripts need."""
MAX_EMAIL_LENGTH = 254


@frozen(slots=False)
class EmailAddress:
    """A valid email address, in the spellings that its uses need.

    ``spelling`` is the one that the buyer sent, without invisible characters. ``domain`` is in
    Unicode and lower case, ``ascii_domain`` its Punycode.
    """

    spelling: str
    name: str
    domain: str
    ascii_domain: str

    @property
    def mailbox(self) -> str:
        """Return one spelling for all spellings of the address: case does not distinguish them."""
        return f"{self.name.lower()}@{self.domain}"

    @property
    def deliverable(self) -> str:
        """Return the spelling for the mail service, which accepts ASCII characters only."""
        return f"{self.name}@{self.ascii_domain}"


def parse_email(text: str) -> EmailAddress:
    """Return the address that a text is. Raises InvalidValue (``email_invalid``).

    Names of examples and tests (example.com, shop.test) are addresses. No DNS is asked.
    """
    from shop.kernel.text_folding import visible  # lazy: to read an order parses no address

    text = "".join(part if _is_joiner(part) else visible(part) for part in _JOINER.split(text))
    plain = _PLAIN_EMAIL.fullmatch(text)
    if plain is not None and len(text) <= MAX_EMAIL_LENGTH:
        domain = plain["domain"].lower()
        return EmailAddress(text, plain["name"], domain, domain)
    return _parse_international_email(text)


def _is_joiner(text: str) -> bool:
    return text in ("\u200c", "\u200d")


def _parse_international_email(text: str) -> EmailAddress:
    # The tables of Unicode cost 20 ms of a cold start.
    from email_validator import EmailNotValidError, validate_email  # lazy: few addresses need it

    name, _, domain = text.rpartition("@")
    if not name.isascii() and domain:
        raise InvalidValue("email_invalid", EMAIL_NOT_ASCII)
    try:
        address = validate_email(
            text,
            check_deliverability=False,
            allow_smtputf8=False,
            strict=True,
            test_environment=True,
        )
    except EmailNotValidError:
        raise InvalidValue("email_invalid", EMAIL_MESSAGE) from None
    if re.search(r"\.[^.]{2,}\Z", address.domain) is None:
        raise InvalidValue("email_invalid", EMAIL_MESSAGE)
    return EmailAddress(text, name, address.domain, address.ascii_domain)


def mailbox_of(email: str) -> str | None:
    """Return one spelling for all spellings of an address; ``None`` if it is none."""
    try:
        return parse_email(email).mailbox
    except InvalidValue:
        return None


def deliverable_email(email: str) -> str:
    """Return the spelling of a stored address for the mail service."""
    try:
        return parse_email(email).deliverable
    except InvalidValue:
        return email  # stored by a former release: the mail service decides


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
