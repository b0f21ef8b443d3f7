"""What counts as text: the same answer for every field in which people write.

The pure half of the checks; a floor's wire puts them on its fields, and says nothing of its own.
Each raises ``ValueError`` with a sentence for whoever sent it.
"""

import re

from shop.kernel.money import CURRENCIES

CONTROL_CHARACTERS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
"""Control characters but tab and line ends: no keyboard writes them, no printer prints them."""
TAG = re.compile(r"<[a-zA-Z/!?]")
"""Where a browser sees a tag begin (HTML, "Data state"); "5 < 6" and "<3" are text."""
MARKUP_MESSAGE = "this is plain text; a tag has no place in it"
_LINE_ENDS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_PHONE = re.compile(r"\+?[0-9][0-9 ().\-/]{3,28}|\([0-9+][0-9 ().\-/]{3,28}")
_EMAIL = re.compile(
    r"[^@\s<>\"(),:;\\\[\]\x00-\x1f\x7f-\x9f]{1,64}@"
    r"(?:[^@\s<>\"(),:;\\\[\]\x00-\x1f\x7f-\x9f.]{1,63}\.)+[^@\s<>\"(),:;\\\[\]\x00-\x1f\x7f-\x9f.]{2,63}"
)


def validate_line(text: str) -> str:
    """One line of text, as on a label: a name, a street, a postal code."""
    if _LINE_ENDS.search(text):
        raise ValueError("this is one line of text; it has no control characters or line ends")
    return text


def validate_currency(text: str) -> str:
    """A currency that people pay with, as ISO 4217 has it."""
    if text not in CURRENCIES:
        raise ValueError("this is no currency of ISO 4217, such as USD or EUR")
    return text


def validate_phone(text: str) -> str:
    """A telephone number as people write them: 5 to 15 digits (ITU-T E.164) and what parts them."""
    digits = sum(c.isdigit() for c in text)
    if not _PHONE.fullmatch(text) or not 5 <= digits <= 15:
        raise ValueError("this is no telephone number, such as +1 212 555 0100")
    return text


def validate_email(text: str) -> str:
    """An address that mail can be sent to: something, an @, a domain with a dot."""
    if len(text) > 254 or not _EMAIL.fullmatch(text):
        raise ValueError("this is no e-mail address, such as jane@example.com")
    return text
