"""Rules for text fields, shared by all capabilities.

Schemas attach these functions to their fields. Each returns the valid text or raises
:class:`InvalidValue` with a message for the client.
"""

import re

from shop.kernel.errors import InvalidValue
from shop.kernel.money import CURRENCIES

CONTROL_CHARACTERS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
"""Control characters except tab and line breaks: they can be neither typed nor printed."""
TAG = re.compile(r"<[a-zA-Z/!?]")
"""The start of a tag for a browser (HTML, "Data state"); "5 < 6" and "<3" are text."""
MARKUP_MESSAGE = "Must be plain text without HTML tags."
_LINE_BREAKS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_LINE_END = re.compile("[\n\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
LINE_MESSAGE = "Must be one line of text, without line breaks."
_PHONE = re.compile(r"\+?[0-9][0-9 ().\-/]{3,28}|\([0-9+][0-9 ().\-/]{3,28}")


def has_line_break(text: str) -> bool:
    """Return whether a text has several lines: no title, name or label that is displayed has."""
    return _LINE_END.search(text) is not None


def validate_line(text: str) -> str:
    """Return the text if it is a single line, such as a name, a street or a postal code."""
    if _LINE_BREAKS.search(text):
        raise InvalidValue("text_invalid", "Must be one line of text without control characters.")
    return text


def absent_if_blank(text: str | None) -> str | None:
    """Return the text, or ``None`` if nothing of it is visible: the field counts as absent."""
    from shop.kernel.text_folding import is_blank  # lazy: to read an order folds no text

    return None if text is None or is_blank(text) else text


def validate_currency(text: str) -> str:
    """Return the text if it is the ISO 4217 code of a currency."""
    if text not in CURRENCIES:
        raise InvalidValue(
            "currency_unknown", "Must be an ISO 4217 currency code, such as USD or EUR."
        )
    return text


def validate_phone(text: str) -> str:
    """Return the text if it is a phone number: 5 to 15 digits (ITU-T E.164) with separators."""
    digits = sum(c.isdigit() for c in text)
    if not _PHONE.fullmatch(text) or not 5 <= digits <= 15:
        raise InvalidValue("phone_invalid", "Must be a phone number, such as +1 212 555 0100.")
    return text


def validate_email(text: str) -> str:
    """Return an email address in the buyer's spelling, without invisible characters."""
    from shop.kernel.contacts import parse_email  # lazy: the catalog validates no address

    return parse_email(text).spelling
