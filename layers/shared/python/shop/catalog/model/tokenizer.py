"""How text becomes words that find it again, the same way for what is kept and what is asked.

Case, accents and width are folded (``Café`` is ``cafe``), English plurals too, so that *shoes*
find a *shoe*. Chinese and Japanese are written without spaces: a run of such characters is cut
into overlapping pairs, the usual way where no dictionary is at hand, and into single characters
where text is kept, so that a question of one character is answered as well.
"""

import re
import unicodedata

MAX_WORD_LENGTH = 40
"""Characters of a word that count; what is longer is cut, in text and question alike."""

STOP_WORDS = frozenset(
    "a an and are as at be by for from in is it of on or our that the this to with your".split()
)
"""Words that nearly every title has: they tell nothing apart and would only make long lists."""

_ACCENTS = re.compile("[\u0300-\u036f]")
_RUNS = re.compile(
    "(?P<cjk>[\u3005-\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff"
    "\U00020000-\U0003134f]+)|(?P<word>(?:[^\\W_\u3005-\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
    "\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003134f])+)"
)
_APOSTROPHES = re.compile("['\u2019\u02bc]")


def fold(text: str) -> str:
    """Text without case, accents or width: ``"ＣＡＦÉ"`` and ``"café"`` are both ``"cafe"``."""
    parts = unicodedata.normalize("NFKD", text)
    plain = _ACCENTS.sub("", parts)
    # Casefolding can bring marks and compatibility forms to light (U+0130 is one), hence once more.
    again = _ACCENTS.sub("", unicodedata.normalize("NFKD", plain.casefold()))
    return unicodedata.normalize("NFC", again)


def tokenize(text: str, *, is_query: bool = False) -> tuple[str, ...]:
    """The words of a text, each once, in order; ``asked`` is how a question is cut.

    ``words_in("The Mugs, 2 pieces")`` is ``("mug", "2", "piece")``.
    """
    found: dict[str, None] = {}
    for run in _RUNS.finditer(_APOSTROPHES.sub("", fold(text))):
        if run["cjk"]:
            found.update(dict.fromkeys(_pairs(run["cjk"], asked=is_query)))
            continue
        word = _singular(run["word"])[:MAX_WORD_LENGTH]
        if word not in STOP_WORDS:
            found[word] = None
    return tuple(found)


def _pairs(run: str, *, asked: bool) -> list[str]:
    pairs = [run[i : i + 2] for i in range(len(run) - 1)]
    if asked:
        return pairs or [run]
    return [*pairs, *run]


def _singular(word: str) -> str:
    """One form for singular and plural. Not always a word (``berri``), always the same for both."""
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
