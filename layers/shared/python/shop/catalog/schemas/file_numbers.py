"""Prices and weights as files write them. A text is never interpreted, only read or explained."""

import re
from decimal import Decimal

from shop.kernel.errors import InvalidRequest
from shop.kernel.money import CURRENCIES, Money, parse_money

DECIMAL_SIGNS = {"point": ".", "comma": ","}
"""The decimal signs that a sender may state, by name."""
_SPACES = "\u0020\u00a0\u2009\u202f"
_GROUP_SIGNS = f"'\u2019_{_SPACES}"
_CURRENCY_SIGN = re.compile(
    r"[$\u00a2-\u00a5\u058f\u060b\u09f2\u09f3\u0e3f\u17db\u20a0-\u20cf\ufdfc\uff04\uffe0\uffe1\uffe5\uffe6]"
    r"|\b(?:" + "|".join(sorted(CURRENCIES)) + r"|kr|Fr|SFr|CHF|Rs|zł|Kč|Ft|lei|лв|руб)\b\.?",
    re.IGNORECASE,
)
MAX_GRAMS = 10**9


def parse_price(text: str, currency: str, decimal: str = "point") -> Money:
    """Parse a price in major units with the stated decimal sign.

    Raises :class:`InvalidRequest` (``price_invalid``) that says what is wrong with the text: a
    currency sign, thousands separators or the other decimal sign. ``1,299`` has two meanings.
    """
    sign = DECIMAL_SIGNS[decimal]
    plain = text.strip()
    if _is_plain(plain, sign):
        number = plain.replace(sign, ".")
        try:
            return parse_money(number, currency)
        except InvalidRequest as error:
            detail = error.detail.replace(repr(number), repr(text))
            if "decimals" in detail:
                detail += " Round it."
            raise InvalidRequest(detail, code=error.code) from None
    if cause := _cause(plain, decimal):
        raise InvalidRequest(f"{text!r} is not a price: {cause}", code="price_invalid")
    example = f"129{sign}99"
    raise InvalidRequest(
        f"{text!r} is not a price. Write digits only, as in {example}.", code="price_invalid"
    )


def parse_grams(text: str, decimal: str = "point") -> int | None:
    """Parse and round grams: exports convert pounds to values such as 226.796185.

    Shopify writes 0 for an article that was never weighed: ``None``. A weight is never rounded to
    zero. Raises ``ValueError`` with the problem.
    """
    sign = DECIMAL_SIGNS[decimal]
    if not text:
        return None
    grams = Decimal(text.replace(sign, ".")) if _is_plain(text, sign) else None
    if grams is None or grams > MAX_GRAMS:
        raise ValueError(f"Must be a number of grams from 0 to {MAX_GRAMS}, not {text!r}.")
    return max(round(grams), 1) if grams else None


def _is_plain(text: str, sign: str) -> bool:
    return bool(re.fullmatch(rf"[0-9]+(?:{re.escape(sign)}[0-9]*)?|{re.escape(sign)}[0-9]+", text))


def _cause(text: str, decimal: str) -> str | None:
    """Return what is wrong with a price, and the remedy; ``None`` if it is no number at all."""
    sign = DECIMAL_SIGNS[decimal]
    other_name, other = next(item for item in DECIMAL_SIGNS.items() if item[0] != decimal)
    number = _CURRENCY_SIGN.sub("", text).strip(_SPACES)
    problems = ["it has a currency sign"] if number != text else []
    if number.startswith(("-", "\u2212", "(")):
        return "it is below zero. Write 0 or more."
    whole = number.rstrip("0123456789")
    fraction = number[len(whole) :]
    groups = rf"[0-9]{{1,3}}(?:[{re.escape(other + _GROUP_SIGNS)}][0-9]{{2,3}})*"
    if re.fullmatch(rf"[0-9]{{1,3}}{re.escape(other)}[0-9]{{3}}", number):
        digits = number.replace(other, "")
        clear = number.replace(other, sign)
        problems.append(f"its {other!r} may part thousands or decimals")
        remedy = f"Write {digits} or {clear}, or send decimal={other_name}."
    elif re.fullmatch(rf"[0-9]+{re.escape(other)}[0-9]{{1,4}}", number):
        problems.append(f"it has a decimal {other_name}")
        remedy = f"Write {number.replace(other, sign)}, or send decimal={other_name}."
    elif re.fullmatch(rf"{groups}(?:{re.escape(sign)}[0-9]*)?", number):
        plain = re.sub(rf"[^0-9{re.escape(sign)}]", "", number)
        problems += ["it has thousands separators"] if plain != number else []
        remedy = f"Write {plain}."
    elif re.fullmatch(rf"[0-9]{{1,3}}(?:{re.escape(sign)}[0-9]{{3}})+{re.escape(other)}", whole):
        plain = whole[:-1].replace(sign, "") + sign + fraction
        problems.append(f"it has thousands separators and a decimal {other_name}")
        remedy = f"Write {plain}."
    else:
        return None
    return f"{' and '.join(problems)}. {remedy}" if problems else None
