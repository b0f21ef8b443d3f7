"""The fold of texts that people type."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shop.kernel.text_folding import OWN_FORMS, clean, clean_key, fold, is_blank

texts = st.text(max_size=40)
ordinary_texts = texts.filter(
    lambda text: not set(unicodedata.normalize("NFC", text)) & set(OWN_FORMS)
)
HYPHENS = (
    "\u002d\u00ad\u058a\u05be\u1806\u2010\u2011\u2012\u2013\u2014\u2015\u2212\u2e3a"
    "\ufe58\ufe63\uff0d"
)


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("Fjällräven® Kånken™", "fjallraven kanken"),
        ("Łódź", "lodz"),
        ("œuvre ŒUVRE", "oeuvre oeuvre"),
        ("Straße STRASSE ẞ", "strasse strasse ss"),
        ("İstanbul Iğdır ısı", "istanbul igdir isi"),
        ("Ørsted Æble Đà Þór Ħal", "orsted aeble da thor hal"),
        ("ﬁne ﬄ Ĳ ǆ", "fine ffl ij dz"),
        ("ＭＵＧ　１２３", "mug 123"),
        ("m² 10㎏ ①", "m2 10kg 1"),
        ("1½ ½ ¾", "1 1/2 1/2 3/4"),
        ("٣٤ ३४ ๓๔ 𝟛𝟜", "34 34 34 34"),
        ("e\u0301 é", "e e"),
        ("so\u00adft ze\u200bro wi\u2060de \ufeffbom le\u200eft", "soft zero wide bom left"),
        ("❤\ufe0f heart", "❤ heart"),
        ("it’s it's itʼs it`s it´s it＇s", "it's it's it's it's it's it's"),
        ("Hawaiʻi", "hawai'i"),
        ("a\u00a0b\u2009c\td\n e ", "a b c d e"),
        ("ΣΊΣΥΦΟΣ σίσυφος", "σισυφοσ σισυφοσ"),
        ("Ёлка", "елка"),
        ("أَحْمَد", "احمد"),
        ("שָׁלוֹם", "שלום"),
        ("नमस्ते", "नमस्ते"),
        ("한국 青花", "한국 青花"),
        ("", ""),
    ],
)
def test_texts_that_people_take_for_the_same_have_one_fold(text: str, folded: str) -> None:
    assert fold(text) == folded


@pytest.mark.parametrize("hyphen", HYPHENS)
def test_every_hyphen_is_one_hyphen(hyphen: str) -> None:
    assert fold(f"A{hyphen}B") == ("ab" if hyphen == "\u00ad" else "a-b")


@pytest.mark.parametrize(
    ("one", "other"),
    [("が", "か"), ("ば", "ぱ"), ("न", "नि"), ("mug", "mag"), ("o", "0"), ("1", "l"), ("ー", "-")],
)
def test_different_words_stay_different(one: str, other: str) -> None:
    assert fold(one) != fold(other)


def test_a_clean_text_keeps_case_and_accents() -> None:
    assert clean(" Jos\u0301e\u200b  Ｌópez – Łódź™ ") == "Jośe López - Łódź"


def test_a_key_of_ascii_characters_is_never_changed() -> None:
    assert clean_key("MUG  `1`") == "MUG  `1`"
    assert clean_key("MUG‑ＲＥＤ\u200b") == "MUG-RED"


@given(texts)
def test_folding_twice_is_folding_once(text: str) -> None:
    assert clean(clean(text)) == clean(text)
    assert fold(fold(text)) == fold(text) == fold(clean(text))


@given(texts, st.sampled_from(["NFC", "NFD"]))
def test_canonically_equivalent_texts_have_one_fold(text: str, form: str) -> None:
    same = unicodedata.normalize(form, text)  # type: ignore[arg-type]
    assert clean(same) == clean(text)
    assert fold(same) == fold(text)


@given(ordinary_texts, st.sampled_from(["NFKC", "NFKD"]))
def test_compatibility_forms_have_one_fold(text: str, form: str) -> None:
    assert fold(unicodedata.normalize(form, text)) == fold(text)  # type: ignore[arg-type]


@pytest.mark.slow
def test_every_character_of_unicode_folds_once_and_in_every_form() -> None:
    for code in range(0x110000):
        char = chr(code)
        if unicodedata.category(char) in ("Cn", "Co", "Cs"):
            continue
        folded = fold(char)
        assert fold(folded) == folded, hex(code)
        if set(unicodedata.normalize("NFC", char)) & set(OWN_FORMS):
            continue
        assert fold(unicodedata.normalize("NFKD", char)) == folded, hex(code)
        assert fold(unicodedata.normalize("NFD", char)) == folded, hex(code)


@given(st.text(alphabet=st.characters(max_codepoint=127), max_size=40))
def test_ascii_text_is_in_lower_case_with_single_spaces(text: str) -> None:
    assert fold(text) == " ".join(text.replace("`", "'").lower().split())


# Blank texts

BLANKS = (
    " ",
    "\t",
    "\u00a0",
    "\u2003",
    "\u200b",
    "\u2060",
    "\ufeff",
    "\u00ad",
    "\u3164",
    "\uffa0",
    "\u115f",
    "\u2800",
    "\u202e",
    "\ufe0f",
    "\u2028",
    "\x7f",
    "\x00",
    "\U000e0020",
    "\U000e0100",
)
"""Characters of which nothing is visible."""


@pytest.mark.parametrize("text", ["", *BLANKS, "".join(BLANKS)], ids=ascii)
def test_text_without_a_visible_character_is_blank(text: str) -> None:
    assert is_blank(text)


@pytest.mark.parametrize(
    "text", ["a", ".", "-", "é", "e\u0301", "雨", "🙂", "٣", "\u28ff", "‑", "™"]
)
def test_text_with_a_visible_character_is_not_blank(text: str) -> None:
    assert not is_blank(text)
    assert not is_blank(f"\u200b{text}\u2060")


@given(st.text())
def test_blank_texts_are_those_that_only_have_blanks(text: str) -> None:
    assert is_blank(text) == all(map(is_blank, text))
    assert is_blank(text) or text.strip()
