"""One form for the singular and the plural of an English word.

Endings decide, and lists name the words whose ending misleads. The form need not be a word:
*berry* and *berries* are ``berri``. A new entry needs a new ``INDEX_VERSION``
(``shop/catalog/model/search_index.py``).
"""

_ONE_FORM = {
    "man": "men",
    "woman": "women",
    "child": "children",
    "feet": "foot",
    "teeth": "tooth",
    "mice": "mouse",
    "geese": "goose",
    "oxen": "ox",
    "axes": "axe",
    "quizzes": "quiz",
    "leaves": "leaf",
    "knives": "knife",
    "wives": "wife",
    **{f"{stem}ves": f"{stem}f" for stem in "scar shel bookshel wol hal loa dwar thie hoo".split()},
}
"""Irregular words, most of them plurals."""
_SINGULAR_IN_S = frozenset(
    "lens canvas atlas christmas bias alias thermos rhinoceros chaos cosmos pancreas cyclops news"
    " iris ibis tennis paris pelvis mantis clematis trellis debris metropolis chrysalis gas".split()
)
"""Singular words in -s, whose ending is that of a plural such as *pans* or *bikinis*."""
_PLURAL_IN_US = frozenset(
    "menus gurus tutus emus gnus haikus bayous caribous bureaus plateaus chateaus tofus"
    " sudokus".split()
)
"""Plurals of -u; other words in -us are singular, such as *bus*."""
_NOUNS_IN_USE = ("house", "louse", "mouse", "blouse", "spouse", "grouse", "cause", "pause", "lause")
_SHORT_NOUNS_IN_USE = frozenset(("use", "fuse", "muse", "ruse", "excuse", "recluse"))
"""Nouns in -use, whose plural ends like that of -us: *houses*, but *buses*."""
_NOUNS_IN_OE = frozenset("shoe horseshoe snowshoe toe tiptoe canoe hoe oboe aloe doe foe".split())
"""Nouns in -oe, whose plural ends like that of -o: *shoes*, but *potatoes*."""
_NOUNS_IN_CHE = frozenset(
    "ache headache toothache backache cache niche quiche creche mustache moustache cliche brioche"
    " pastiche psyche porsche avalanche gouache cartouche douche peche".split()
)
"""Nouns in -che, whose plural ends like that of -ch: *quiches*, but *watches*."""


def singular(word: str) -> str:
    """Return one form for singular and plural of a folded word."""
    if len(word) < 3 or not word.isascii() or not word.isalpha():
        return word
    one = _ONE_FORM.get(word) or _without_plural(word)
    one = _ONE_FORM.get(one, one)
    if len(one) > 3 and one.endswith("ie"):
        return one[:-1]
    if len(one) > 3 and one.endswith("y"):
        return one[:-1] + "i"
    return one


def _without_plural(word: str) -> str:
    if not word.endswith("s") or word.endswith(("ss", "sis")) or word in _SINGULAR_IN_S:
        return word
    if len(word) == 3:
        # "tvs" is a plural, "bus" is not.
        return word if set(word) & set("aeiouy") else word[:-1]
    if word.endswith("es"):
        return word[:-2] if _has_plural_in_es(word[:-2]) else word[:-1]
    if word.endswith("us"):
        return word[:-1] if word in _PLURAL_IN_US else word
    return word[:-1]


def _has_plural_in_es(stem: str) -> bool:
    """Return whether a plural in -es is that of ``stem``, not of ``stem`` and an *e*."""
    noun_in_e = f"{stem}e"
    if stem.endswith("ch"):
        return noun_in_e not in _NOUNS_IN_CHE
    if stem.endswith("o"):
        return len(stem) > 2 and noun_in_e not in _NOUNS_IN_OE
    if stem.endswith("us"):
        return not noun_in_e.endswith(_NOUNS_IN_USE) and noun_in_e not in _SHORT_NOUNS_IN_USE
    return stem in _SINGULAR_IN_S or stem.endswith(("ss", "sh", "x", "zz", "tz"))
