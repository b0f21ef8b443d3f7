"""Folding and tokenizing of indexed text and queries."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shop.catalog.model import tokenize
from shop.catalog.model.tokenizer import MAX_WORD_LENGTH, STOP_WORDS, tokenize_query
from tests.kit.search_words import finds


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("The Mugs, 2 pieces", ("mug", "2", "piece", "2piece")),
        ("yours, and ours", ()),
        ("Café CRÈME", ("cafe", "creme")),
        ("Straße", ("strasse",)),
        ("ＦＵＬＬ width", ("full", "width")),
        ("İstanbul", ("istanbul",)),
        ("men's shirt", ("men", "shirt")),
        ("T-Shirts & tops_2", ("t", "shirt", "tshirt", "top", "2")),
        ("1,000 pieces of 3,5 mm", ("1000", "piece", "3.5", "mm", "3.5mm")),
        ("U.S.A. flag, 24/7", ("usa", "flag", "24", "7")),
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
        *(
            tuple(pair.split("/"))
            for pair in (
                "kimono/kimonos iris/irises lens/lenses canvas/canvases potato/potatoes hero/heroes"
                " bus/buses cactus/cactuses menu/menus bikini/bikinis kiwi/kiwis taxi/taxis"
                " blouse/blouses mouse/mice virus/viruses chorus/choruses walrus/walruses"
                " fuse/fuses man/men woman/women child/children"
                " knife/knives shelf/shelves leaf/leaves"
                " scarf/scarves glove/gloves sleeve/sleeves toe/toes canoe/canoes quiche/quiches"
                " ache/aches axe/axes quiz/quizzes waltz/waltzes size/sizes case/cases vase/vases"
                " rose/roses gas/gases tv/tvs cd/cds dvd/dvds photo/photos thermos/thermoses"
                " atlas/atlases pie/pies key/keys movie/movies sofa/sofas bra/bras lace/laces"
                " piano/pianos tattoo/tattoos halo/halos torso/torsos purse/purses nurse/nurses"
                " christmas/christmases mantis/mantises trellis/trellises genius/geniuses"
            ).split()
        ),
    ],
)
def test_singular_and_plural_find_each_other(one: str, many: str) -> None:
    assert tokenize(one) == tokenize(many)


def test_chinese_is_found_by_pairs_and_by_single_characters() -> None:
    indexed = tokenize("青花茶杯 300ml")
    for query in ("青花茶杯", "茶杯", "杯", "花茶", "300ml"):
        assert set(tokenize(query, is_query=True)) <= set(indexed), query
    assert not set(tokenize("杯茶", is_query=True)) <= set(indexed)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        *(("tea", "tease"), ("brow", "browse"), ("goo", "goose"), ("new", "news"), ("gas", "ga")),
        *(("ten", "tense"), ("shoe", "show"), ("glass", "glas"), ("bus", "but"), ("can", "canvas")),
        *(("pant", "panty"), ("3.5mm", "35mm"), ("1,000", "1.000"), ("half", "halve")),
    ],
)
def test_different_words_do_not_find_each_other(one: str, other: str) -> None:
    assert not finds(one, other)
    assert not finds(other, one)


@pytest.mark.parametrize(
    "spellings",
    [
        ("Wi-Fi Router", "WiFi router", "Wi Fi router", "wi‑fi ROUTERS"),
        ("T-Shirt", "tshirt", "T Shirt", "T–Shirts", "t­-shirt"),
        ("3.5mm Jack", "3.5 mm jack", "3,5 mm jack", "3.5-mm jack", "3.5㎜ Jack"),
        ("500ml Bottle", "500 ml bottle", "500 ML bottles"),
        ("iPhone 15 Case", "iphone15 case", "iPhone-15 case"),
        ("L'Oréal Cream", "loreal cream", "L’Oreal creams", "l oreal cream"),
        ("O'Neill Shirt", "oneill shirt", "O’Neill shirt", "O Neill shirt"),
        ("H&M Dress", "h & m dress", "hm dress"),
        ("U.S.A. Flag", "USA flag"),
        ("Fjällräven® Kånken™", "fjallraven kanken", "FJÄLLRÄVEN Kånken"),
        ("Œuvre Łódź", "oeuvre lodz"),
        ("Men's Shirt", "mens shirts", "men’s shirt"),
        ("A‑B Switch", "A-B switch", "a–b switch"),
        ("1,000 Pieces", "1000 pieces"),
        ("½ Litre", "1/2 litre"),
        ("USB-C Hub", "usb c hub", "usbc hub"),
        ("In-Ear Headphones", "in ear headphones"),
    ],
)
def test_every_spelling_of_a_compound_finds_the_others(spellings: tuple[str, ...]) -> None:
    missed = [(q, title) for q in spellings for title in spellings if not finds(q, title)]
    assert missed == []


@pytest.mark.parametrize(
    ("query", "titles"),
    [
        ("tooth-brush", ("Toothbrush", "Tooth-Brush", "Tooth Brush")),
        ("multi-tool", ("Multitool", "Multi-Tool", "Multi Tool", "Tool, Multi")),
        ("shirt-red-xl", ("SHIRT-RED-XL", "Red Shirt XL", "shirtredxl")),
    ],
)
def test_a_query_with_hyphens_finds_its_parts_and_the_joined_word(
    query: str, titles: tuple[str, ...]
) -> None:
    assert [title for title in titles if not finds(query, title)] == []


@pytest.mark.parametrize("operator", ['"mug"', "+mug", "-mug", "mug*", "(mug)", "mug OR", "mug~2"])
def test_a_query_has_no_operators(operator: str) -> None:
    assert tokenize_query(operator)[0][:1] == ("mug",)


@example("o-r")
@example("a/n/d")
@given(st.text(max_size=80))
def test_words_are_short_distinct_and_never_empty(text: str) -> None:
    words = tokenize(text)
    assert len(set(words)) == len(words)
    assert all(0 < len(word) <= MAX_WORD_LENGTH for word in words)
    assert not STOP_WORDS.intersection(words)


@given(st.text(max_size=80))
def test_indexed_text_is_found_by_the_same_query(text: str) -> None:
    assert set(tokenize(text, is_query=True)) <= set(tokenize(text))
    for reading in tokenize_query(text):
        assert set(reading) <= set(tokenize(text))


@given(st.text(max_size=40), st.text(max_size=40))
def test_a_part_of_a_title_finds_the_whole(one: str, other: str) -> None:
    assert finds(one, f"{other} {one} {other}") or not tokenize(one)


@given(
    *[st.text(alphabet=st.sampled_from("aAbst15.,-&' '/xé茶mlо’\u2011\u00ad½()"), max_size=14)] * 2
)
def test_a_part_of_a_title_with_compounds_and_numbers_finds_the_whole(one: str, other: str) -> None:
    assert finds(one, f"{other} {one} {other}") or not tokenize(one)


@given(st.text(max_size=60))
def test_case_does_not_matter(text: str) -> None:
    assert tokenize(text.casefold()) == tokenize(text.casefold().casefold())
    assert tokenize(text.lower()) == tokenize(text.lower().casefold())
