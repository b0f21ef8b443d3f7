"""Tokenizer of the search index: the same words for indexed text and for queries.

Case, accents and width are folded (``Café`` becomes ``cafe``), and English plurals too, so *shoes*
finds a *shoe*. Chinese and Japanese have no spaces between words: a run of such characters becomes
overlapping pairs (bigrams), the usual method without a dictionary. Indexed text also gets single
characters, so a query of one character has results.
"""

import re
import unicodedata

MAX_WORD_LENGTH = 40
"""Characters of a word that are compared; longer words are cut, in text and query alike."""

STOP_WORDS = frozenset(
    "a an and are as at be by for from in is it of on or our that the this to with your".split()
)
"""Words of nearly every title: they distinguish no product and would only make long lists."""

_ACCENTS = re.compile("[\u0300-\u036f]")
_RUNS = re.compile(
    "(?P<cjk>[\u3005-\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff"
    "\U00020000-\U0003134f]+)|(?P<word>(?:[^\\W_\u3005-\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
    "\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003134f])+)"
)
_APOSTROPHES = re.compile("['\u2019\u02bc]")


def fold(text: str) -> str:
    """Return text without case, accents or width: ``"ＣＡＦÉ"`` becomes ``"cafe"``."""
    parts = unicodedata.normalize("NFKD", text)
    plain = _ACCENTS.sub("", parts)
    # Casefolding can produce new marks and compatibility forms (U+0130 does): decompose again.
    again = _ACCENTS.sub("", unicodedata.normalize("NFKD", plain.casefold()))
    return unicodedata.normalize("NFC", again)


def tokenize(text: str, *, is_query: bool = False) -> tuple[str, ...]:
    """Return the words of a text, each once, in order: ``"The Mugs, 2 pieces"`` has mug, 2, piece.

    A query (``is_query``) has no single Chinese or Japanese characters beside pairs: each pair must
    match.
    """
    words: dict[str, None] = {}
    for run in _RUNS.finditer(_APOSTROPHES.sub("", fold(text))):
        if run["cjk"]:
            words.update(dict.fromkeys(_pairs(run["cjk"], is_query=is_query)))
            continue
        word = _singular(run["word"])[:MAX_WORD_LENGTH]
        if word not in STOP_WORDS:
            words[word] = None
    return tuple(words)


def _pairs(run: str, *, is_query: bool) -> list[str]:
    pairs = [run[i : i + 2] for i in range(len(run) - 1)]
    if is_query:
        return pairs or [run]
    return [*pairs, *run]


def _singular(word: str) -> str:
    """Return one form for singular and plural; it need not be a word (``berri``)."""
    if len(word) < 4 or not word.isascii() or not word.isalpha():
        return word
    if word.endswith(("sses", "ches", "shes", "xes")):
        return word[:-2]
    if word.endswith("s") and not word.endswith(("ss", "us", "is")):
        word = word[:-1]
    if len(word) > 3 and word.endswith("ie"):
        return word[:-1]
    if len(word) > 3 and word.endswith("y"):
        return word[:-1] + "i"
    return word
