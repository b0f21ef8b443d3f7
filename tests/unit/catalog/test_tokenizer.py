"""Folding and tokenizing of indexed text and queries."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shop.catalog.model import fold, tokenize
from shop.catalog.model.tokenizer import MAX_WORD_LENGTH, STOP_WORDS


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("The Mugs, 2 pieces", ("mug", "2", "piece")),
        ("yours, and ours", ()),
        ("Café CRÈME", ("cafe", "creme")),
        ("Straße", ("strasse",)),
        ("ＦＵＬＬ width", ("full", "width")),
        ("İstanbul", ("istanbul",)),
        ("men's shirt", ("men", "shirt")),
        ("T-Shirts & tops_2", ("t", "shirt", "top", "2")),
        ("x" * 60, ("x" * MAX_WORD_LENGTH,)),
        ("!!! — …", ()),
        ("the and of", ()),
    ],
)
def test_text_is_cut_into_words_without_case_accents_or_stop_words(
    text: str, words: tuple[str, ...]
) -> None:
    assert tokenize(text) == words


@pytest.mark.parametrize(
    ("one", "many"),
    [
        ("shoe", "shoes"),
        ("watch", "watches"),
        ("dress", "dresses"),
        ("glass", "glasses"),
        ("box", "boxes"),
        ("berry", "berries"),
        ("cookie", "cookies"),
        ("tie", "ties"),
        ("toy", "toys"),
        ("tray", "trays"),
        ("house", "houses"),
        ("brush", "brushes"),
        ("bus", "bus"),
        ("iris", "iris"),
    ],
)
def test_singular_and_plural_find_each_other(one: str, many: str) -> None:
    assert tokenize(one) == tokenize(many)


def test_chinese_is_found_by_pairs_and_by_single_characters() -> None:
    indexed = tokenize("青花茶杯 300ml")
    for query in ("青花茶杯", "茶杯", "杯", "花茶", "300ml"):
        assert set(tokenize(query, is_query=True)) <= set(indexed), query
    assert not set(tokenize("杯茶", is_query=True)) <= set(indexed)


def test_japanese_voiced_sound_marks_are_not_accents() -> None:
    assert fold("が") != fold("か")
    assert fold("ｶﾞ") == fold("ガ")


@given(st.text(max_size=60))
def test_folding_twice_is_folding_once(text: str) -> None:
    assert fold(fold(text)) == fold(text)


@given(st.text(max_size=80))
def test_words_are_short_distinct_and_never_empty(text: str) -> None:
    words = tokenize(text)
    assert len(set(words)) == len(words)
    assert all(0 < len(word) <= MAX_WORD_LENGTH for word in words)
    assert not STOP_WORDS.intersection(words)


@given(st.text(max_size=80))
def test_indexed_text_is_found_by_the_same_query(text: str) -> None:
    assert set(tokenize(text, is_query=True)) <= set(tokenize(text))


@given(st.text(max_size=40), st.text(max_size=40))
def test_a_part_of_a_title_finds_the_whole(one: str, other: str) -> None:
    assert set(tokenize(one, is_query=True)) <= set(tokenize(f"{other} {one} {other}"))


@given(st.text(max_size=60))
def test_case_does_not_matter(text: str) -> None:
    assert tokenize(text.casefold()) == tokenize(text.casefold().casefold())
    assert tokenize(text.lower()) == tokenize(text.lower().casefold())
