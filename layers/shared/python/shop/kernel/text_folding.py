"""One fold for texts that people type: search words, codes, places, look-ups, email addresses.

Three forms are compared:

- :func:`visible` only removes what a person cannot see or tell apart, for email addresses.
- :func:`clean` unifies the spelling. It keeps case and accents.
- :func:`fold` also removes case and accents.

All are idempotent, and canonically equivalent texts (NFC, NFD) have one result. For ``clean`` and
``fold``, so have their compatibility forms (NFKC, NFKD), except for the characters in
:data:`OWN_FORMS`. The stored keys of codes, categories and search words depend on these functions:
a change needs a new ``INDEX_VERSION`` (``shop/catalog/model/search_index.py``).
docs/rules/catalog.md §2 has the rules.
"""

import unicodedata
from functools import lru_cache

OWN_FORMS = {
    **dict.fromkeys("™℠®©℗", ""),
    **dict.fromkeys("´`｀", "'"),
    # A number before it must not touch it: "1½" is "1 1/2", not "11/2".
    **{chr(code): f" {chr(code)}" for code in (0xBC, 0xBD, 0xBE, *range(0x2150, 0x2160), 0x2189)},
}
"""Characters whose compatibility form would be wrong: ``Kånken™`` is not ``kankentm``."""

_APOSTROPHES = frozenset("'‘’‚‛′‵ʹʻʼʽˈˊˋ՚׳ꞌ＇")
_DASHES = frozenset("-\u02d7\u2043\u2212")
"""Dashes beside those of Unicode's category Pd."""
_INVISIBLE = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u3164\uffa0")
"""Invisible characters beside those of category Cf and the variation selectors."""
BRAILLE_BLANK = "\u2800"
"""A pattern of Braille without dots. It is a sign and no white space, but nobody sees it."""
_SHAPELESS = frozenset({"Cc", "Cf", "Cs", "Zs", "Zl", "Zp"})
"""Categories of controls, formats and blanks."""
_BASE_FORMS = str.maketrans(
    dict(zip("łøđðħŧıŋɨɓƀɖɗƙɫɲƥɍƭʈʉʋƴƶȥǥɠə", "lodhhtinibbddklnprttuvyzzgge", strict=True))
    | {"ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ĸ": "k"}
)
"""Letters of Latin alphabets that Unicode does not decompose, in small form."""
_ACCENTS = (
    (0x02B0, 0x036F),
    (0x0483, 0x0487),
    (0x0591, 0x05C7),
    (0x0610, 0x061A),
    (0x0640, 0x0640),
    (0x064B, 0x065F),
    (0x0670, 0x0670),
    (0x06D6, 0x06ED),
    (0x1AB0, 0x1AFF),
    (0x1DC0, 0x1DFF),
    (0x20D0, 0x20FF),
    (0xFE20, 0xFE2F),
)
"""Accents, and the points of Hebrew and Arabic that people omit. The vowel signs of Indic scripts
and the voicing marks of Japanese distinguish words and stay."""


def visible(text: str) -> str:
    """Return the text as a person sees it: without invisible characters, in ordinary width.

    Dashes become ``-``, apostrophes ``'``, white space single spaces. Every other character stays.
    """
    if text.isascii():
        return " ".join(text.split())
    seen = "".join(map(_visible, unicodedata.normalize("NFC", text)))
    return " ".join(unicodedata.normalize("NFC", seen).split())


def clean(text: str) -> str:
    """Return the text in one spelling, with its case and accents.

    1. Trade mark signs go. A fraction (½) is set apart from the number before it.
    2. Compatibility forms are replaced: full-width letters, ligatures, superscripts (NFKC).
    3. Invisible characters go: soft hyphens, zero-width characters, directions, variations.
    4. Dashes become ``-``, apostrophes ``'``, fraction slashes ``/``, digits of all scripts 0-9.
    5. White space becomes single spaces, without any at the ends.
    """
    if text.isascii():
        return " ".join(text.replace("`", "'").split())
    own = "".join(OWN_FORMS.get(char, char) for char in unicodedata.normalize("NFC", text))
    plain = "".join(map(_plain, unicodedata.normalize("NFKD", own)))
    return " ".join(unicodedata.normalize("NFC", plain).split())


def is_blank(text: str) -> bool:
    """Return whether nothing of a text is visible: white space, controls, zero-width characters.

    A required text must not be blank. A blank field of an address is absent.
    """
    return not any(map(_has_shape, text))


def clean_key(text: str) -> str:
    """Return the spelling of a key of ASCII characters, such as a SKU, that a person typed.

    ASCII text is the key itself, without blanks at the ends. Any other has been pasted: ``MUG‑RED``
    with a non-breaking hyphen.
    """
    return text.strip() if text.isascii() else clean(text)


def fold(text: str) -> str:
    """Return the form in which texts of people are compared: ``"ＣＡＦÉ"`` becomes ``"cafe"``.

    After :func:`clean`, case goes (ß becomes ``ss``), then accents, then the strokes and ligatures
    of Latin letters (Ł, Ø, Đ, ı, Æ, Œ).
    """
    cleaned = clean(text)
    if cleaned.isascii():
        return cleaned.lower()
    folded = _without_accents(_without_accents(cleaned).casefold())
    return clean(folded.translate(_BASE_FORMS))


def _without_accents(text: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFKD", text) if not _is_accent(c))


@lru_cache(maxsize=4_096)
def _is_accent(char: str) -> bool:
    code = ord(char)
    return (
        code >= 0x02B0
        and any(low <= code <= high for low, high in _ACCENTS)
        and unicodedata.category(char) in ("Mn", "Me", "Lm", "Sk")
    )


@lru_cache(maxsize=4_096)
def _plain(char: str) -> str:
    """Return the spelling of one decomposed character; "" for an invisible one."""
    if unicodedata.category(char) == "Nd":
        return str(unicodedata.decimal(char))
    return "/" if char in "\u2044\u2215" else _visible(char)


@lru_cache(maxsize=4_096)
def _has_shape(char: str) -> bool:
    # The last block is reserved for tags and variations; none of its characters has a shape.
    is_blank_sign = char == BRAILLE_BLANK or "\U000e0000" <= char <= "\U000e0fff"
    return (
        not is_blank_sign and unicodedata.category(char) not in _SHAPELESS and bool(_visible(char))
    )


@lru_cache(maxsize=4_096)
def _visible(char: str) -> str:
    """Return one character as it looks; "" for an invisible one."""
    if char in _APOSTROPHES:
        return "'"
    if "\uff01" <= char <= "\uff5e":
        return _visible(chr(ord(char) - 0xFEE0))
    category = unicodedata.category(char)
    if category == "Pd" or char in _DASHES:
        return "-"
    is_variation = "\ufe00" <= char <= "\ufe0f" or "\U000e0100" <= char <= "\U000e01ef"
    return "" if category == "Cf" or is_variation or char in _INVISIBLE else char
