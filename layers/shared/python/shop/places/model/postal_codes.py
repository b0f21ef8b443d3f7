"""Postal codes as people type them, in the forms that rules compare."""

import re

from shop.kernel.text_folding import clean

_SIGN = re.compile(r"([A-Z]{1,3})([^0-9A-Z]*)(?=[0-9])")
_BRITISH_SIGN = re.compile(r"(?:GB|UK)[^0-9A-Z]*(?=[A-Z])")
_ZIP = re.compile(r"(?:[A-Z]{2,3}[^0-9A-Z]*)?([0-9]{5})(?:[ -]*([0-9]{4}))?[^0-9A-Z]*")


def compact(text: str | None) -> str:
    """Return the letters and digits of a postal code, in capitals: ``"sw1a 1aa"`` is SW1A1AA."""
    return _alphanumeric(clean(text or "").upper())


def postal_code_forms(country: str, text: str | None) -> tuple[str, ...]:
    """Return a postal code as typed and, if mail from abroad has it, without the country's sign.

    ``D-10115`` may begin with D or with 10. A sign is a country's code, or letters set apart.
    """
    typed = clean(text or "").upper()
    whole = _alphanumeric(typed)
    sign = _SIGN.match(typed)
    if sign is not None and (sign[2] or sign[1] == country):
        return whole, _alphanumeric(typed[sign.end() :])
    return (whole,)


def without_sign(country: str, text: str | None) -> str:
    """Return a postal code without the country's sign, for countries whose codes are numbers.

    In the United Kingdom, whose codes begin with letters, only ``GB`` and ``UK`` are signs.
    """
    typed = clean(text or "").upper()
    sign = (_BRITISH_SIGN if country == "GB" else _SIGN).match(typed)
    return _alphanumeric(typed[sign.end() :] if sign is not None else typed)


def zip_parts(text: str | None) -> tuple[str, str | None] | None:
    """Return the ZIP code and its add-on code, if any; ``None`` for a text that is none."""
    match = _ZIP.fullmatch(clean(text or "").upper())
    return None if match is None else (match[1], match[2])


def _alphanumeric(text: str) -> str:
    return re.sub(r"[^0-9A-Z]", "", text)
