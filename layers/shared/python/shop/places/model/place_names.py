"""Names and codes of countries and regions, as ``shop/places/data/place_names.txt`` lists them.

The file is read at the first text that is not a known code, because most requests send codes. A
look-up searches the file's text; it is never parsed as a whole.
"""

import re
import unicodedata
from functools import cache, lru_cache
from pathlib import Path

from shop.kernel.text_folding import clean, fold

TABLE = Path(__file__).parents[1] / "data" / "place_names.txt"
"""Folded names by country and region; ``local/place_table.py`` writes it and explains its form."""

_SHORT_WORDS = {"st": "saint", "ste": "sainte"}
_KIND_OF_REGION = re.compile(
    r"\s+(?:state|province|prefecture|canton|sheng|ken)$|^(?:state|province|canton) of\s+"
    r"|(?:特别行政区|特別行政區|自治区|自治區|省|市|県|府|都)$",
    re.IGNORECASE,
)


def name_key(text: str) -> str:
    """Return the form in which names are compared: folded letters and digits only.

    "Québec" and "QUEBEC", "St. Lucia" and "Saint Lucia", "N.S.W." and "nsw" are equal.
    """
    plain = fold(text).replace("&", " and ")
    words = "".join(each if _is_of_word(each) else " " for each in plain).split()
    if len(words) > 1 and words[0] == "the":
        words = words[1:]
    return "".join(_SHORT_WORDS.get(word, word) for word in words)


def _is_of_word(char: str) -> bool:
    # Vowel signs of Indic scripts are marks, and part of the word.
    return char.isalnum() or unicodedata.category(char) in ("Mn", "Mc")


def country_by_name(text: str) -> str | None:
    """Return the country of a name, alias or alpha-3 code; ``None`` if there is none."""
    return _code_of_name(_block("countries"), name_key(text))


def region_by_text(country: str, text: str) -> str | None:
    """Return the region of a code or name, with or without the country's prefix or a kind."""
    block = _block(country)
    wanted = clean(text)
    prefix = re.match(rf"{country}\s*[-_/ ]\s*", wanted, re.IGNORECASE)
    rest = wanted[prefix.end() :] if prefix else ""
    without_kind = _KIND_OF_REGION.sub("", wanted)
    return (
        (_code_in(block, rest) if prefix else None)
        or _code_in(block, wanted)
        or _code_of_name(block, name_key(wanted))
        or _code_of_name(block, name_key(rest))
        or _code_of_name(block, name_key(without_kind))
    )


def is_region_code(country: str, code: str) -> bool:
    """Return whether a text is exactly the code of a region, without the country's prefix."""
    return _line_of(_block(country), code) is not None


@lru_cache(maxsize=1_000)
def parents_of(country: str, code: str) -> tuple[str, ...]:
    """Return the regions that a region is part of, the nearest first."""
    block = _block(country)
    parents: list[str] = []
    line = _line_of(block, code)
    while line is not None and "<" in (head := line.partition("|")[0]):
        parents.append(head.partition("<")[2])
        line = _line_of(block, parents[-1])
    return tuple(parents)


@cache
def _table() -> str:
    return TABLE.read_text(encoding="utf-8")


@lru_cache(maxsize=32)
def _block(name: str) -> str:
    """Return the lines of a country's regions, each after a line break; "" without regions."""
    _, found, rest = _table().partition(f"\n[{name}]\n")
    return "\n" + rest.partition("\n[")[0] + "\n" if found else ""


def _code_in(block: str, text: str) -> str | None:
    """Return the code that a text is, in any case and with dots or spaces between its letters."""
    joined = re.sub(r"[\s.\-]", "", text).upper()
    if not joined.isascii() or not joined.isalnum():
        return None
    return joined if _line_of(block, joined) is not None else None


def _line_of(block: str, code: str) -> str | None:
    start = -1
    if code.isalnum():
        start = max(block.find(f"\n{code}|"), block.find(f"\n{code}<"))
    return block[start + 1 : block.index("\n", start + 1)] if start >= 0 else None


def _code_of_name(block: str, key: str) -> str | None:
    position = block.find(f"|{key}|") if key else -1
    if position < 0:
        return None
    start = block.rindex("\n", 0, position) + 1
    return block[start:position].partition("|")[0].partition("<")[0]
