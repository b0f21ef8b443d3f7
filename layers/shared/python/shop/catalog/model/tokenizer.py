"""Tokenizer of the search index: the same words for indexed text and for queries.

Texts are folded (:func:`shop.kernel.text_folding.fold`), and English plurals too, so *shoes* finds
a *shoe*. docs/rules/catalog.md, section 2, has the rules.

A *compound* is written in several ways: ``Wi-Fi``, ``WiFi``, ``Wi Fi``; ``3.5mm``, ``3.5 mm``.
Indexed text has its parts and the joined word. A query has two *readings*, the joined words or all
parts; a product matches if it has all words of one reading.

Chinese and Japanese have no spaces between words: a run of such characters becomes overlapping
pairs (bigrams), the usual method without a dictionary. Indexed text also gets single characters,
so a query of one character has results.
"""

import re
from collections.abc import Iterable, Iterator
from itertools import pairwise

from shop.kernel.text_folding import fold

MAX_WORD_LENGTH = 40
"""Characters of a word that are compared; longer words are cut, in text and query alike."""

STOP_WORDS = frozenset(
    "a an and are as at be by for from in is it of on or our that the this to with your".split()
)
"""Words of nearly every title: they distinguish no product and would only make long lists."""

MAX_SHORT_LENGTH = 2
"""Length of a word that is often written together with its neighbour: the *t* of *t-shirt*."""

_CJK = "\u3005-\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff"
_CJK += "\U00020000-\U0003134f"
_CHARACTER = rf"[^\W_{_CJK}]"
_WORD = rf"(?<![\d.])\d+\.\d+(?!\.?\d){_CHARACTER}*|{_CHARACTER}+"
_RUNS = re.compile(rf"(?P<cjk>[{_CJK}]+)|(?P<compound>(?:{_WORD})(?:[-&](?:{_WORD}))*)")
_PART = re.compile(_WORD)
_ELISION = re.compile(r"(?<!\w)([a-z])'(?=\w\w)")
_ACRONYM = re.compile(r"(?<![\w.])(?:[^\W\d_]\.){2,}(?:[^\W\d_](?!\w))?")
_INITIALS = re.compile(r"(?<!\w)([^\W\d_]) ?& ?([^\W\d_])(?!\w)")
_THOUSANDS = re.compile(r"(?<![\d.,])(\d{1,3})((?:,\d{3})+)(?!,?\d)")
_DECIMAL_COMMA = re.compile(r"(?<![\d.,])(\d+),(\d+)(?![.,]?\d)")
_NUMBER_AND_WORD = re.compile(r"(\d+(?:\.\d+)?)([^\W\d_]+)|([^\W\d_]{2,})(\d+)")
_LAST_WORD = re.compile(r"[a-z]+$")
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_UNITS = frozenset(
    "mm cm dm m km inch ft yd mg g kg lb oz ml cl dl l gal kb mb gb tb mah ah wh kwh w kw v mv hz"
    " khz mhz ghz mp px dpi rpm psi hp".split()
)
"""Units of measurement: ``3.5 mm`` is one word, as ``3.5mm``."""


def tokenize(text: str, *, is_query: bool = False) -> tuple[str, ...]:
    """Return the words of a text, each once, in order: ``"The Mugs, 2 pieces"`` has mug, 2, piece.

    For a query, these are the words of its first reading.
    """
    return _unique(_joined_reading(text) if is_query else _indexed(text))


def tokenize_query(text: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the joined words of a query, and its parts: words of which all must match.

    The second reading is empty if it would find nothing more than the first one.
    """
    joined, parts = _unique(_joined_reading(text)), _unique(_parts_reading(text))
    return joined, () if parts == joined else parts


def _indexed(text: str) -> Iterator[str]:
    for run in _runs(text):
        if isinstance(run, str):
            yield from (*_pairs(run), *run)
            continue
        for parts in run:
            yield from _words(parts)
            if len(parts) > 1:
                yield from _words(["".join(parts)])
        for one, other in pairwise(run):
            if len(one) == len(other) == 1 and _are_often_joined(one[0], other[0]):
                yield from _words([one[0] + other[0]])


def _joined_reading(text: str) -> Iterator[str]:
    for run in _runs(text):
        if isinstance(run, str):
            yield from _pairs(run) or run
            continue
        before = ""
        for parts in run:
            joined = "".join(parts)
            if before and len(parts) == 1 and _may_be_one_word(before, joined):
                yield _word(before + joined)
                before = ""
                continue
            yield from _words([before] if before else [])
            before = joined if len(parts) == 1 else ""
            if len(parts) > 1:
                yield from _words([joined])
        yield from _words([before] if before else [])


def _parts_reading(text: str) -> Iterator[str]:
    for run in _runs(text):
        if isinstance(run, str):
            yield from _pairs(run) or run
            continue
        for parts in run:
            # Two such words are indexed as one, also where a space parts them.
            is_indexed_as_one = len(parts) == 2 and _are_often_joined(*parts)
            yield from _words(["".join(parts)] if is_indexed_as_one else parts)


def _runs(text: str) -> Iterator[str | list[list[str]]]:
    """Return Chinese and Japanese texts, and runs of compounds with only spaces between them."""
    folded = _spelled(text)
    run: list[list[str]] = []
    end = 0
    for found in _RUNS.finditer(folded):
        if run and (found["cjk"] or folded[end : found.start()].strip(" ")):
            yield run
            run = []
        if found["cjk"]:
            yield found["cjk"]
        elif run and found["compound"] in _UNITS and _is_number(run[-1]):
            run[-1] = [*run[-1], found["compound"]]
        else:
            run.append(_parts(found["compound"]))
        end = found.end()
    if run:
        yield run


def _spelled(text: str) -> str:
    """Fold a text and unify numbers, elisions (``l'eau``) and acronyms (``U.S.A.``)."""
    folded = _ELISION.sub(r"\1-", fold(text)).replace("'", "")
    folded = _INITIALS.sub(r"\1&\2", folded)
    folded = _ACRONYM.sub(lambda found: found[0].replace(".", ""), folded)
    folded = _THOUSANDS.sub(lambda found: found[1] + found[2].replace(",", ""), folded)
    return _DECIMAL_COMMA.sub(r"\1.\2", folded)


def _parts(compound: str) -> list[str]:
    """Return the parts of a compound: ``wi-fi`` has wi and fi, ``3.5mm`` has 3.5 and mm."""
    parts: list[str] = []
    for part in _PART.findall(compound):
        split = _NUMBER_AND_WORD.fullmatch(part)
        parts += [piece for piece in split.groups() if piece] if split else [part]
    return parts


def _is_number(parts: list[str]) -> bool:
    return len(parts) == 1 and _NUMBER.fullmatch(parts[0]) is not None


def _may_be_one_word(one: str, other: str) -> bool:
    """Return whether a title may write two words of a query as one: ``wi fi``.

    A number beside letters is always indexed by itself.
    """
    return one.isalpha() and other.isalpha() and _are_often_joined(one, other)


def _are_often_joined(one: str, other: str) -> bool:
    if {one, other} & STOP_WORDS or not (one + other).strip("0123456789."):
        return False
    return min(len(one), len(other)) <= MAX_SHORT_LENGTH or other in _UNITS


def _words(parts: Iterable[str]) -> Iterator[str]:
    words = map(_word, parts)
    return (word for word in words if word not in STOP_WORDS)


def _word(part: str) -> str:
    from shop.catalog.model.plurals import singular  # lazy: carts import this module, not its words

    ending = _LAST_WORD.search(part)
    if ending is None:
        return part[:MAX_WORD_LENGTH]
    return (part[: ending.start()] + singular(ending[0]))[:MAX_WORD_LENGTH]


def _unique(words: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(words))


def _pairs(run: str) -> list[str]:
    return [run[i : i + 2] for i in range(len(run) - 1)]
