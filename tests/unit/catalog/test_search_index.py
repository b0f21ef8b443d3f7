"""Cards, postings and queries of the search index."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shop.catalog.model import (
    Category,
    Media,
    OptionChoice,
    PriceBand,
    ProductStatus,
    VariantStatus,
    build_search,
    product_card,
    product_postings,
)
from shop.catalog.model.search_index import MAX_CARD_PRICES, MAX_INDEXED_WORDS, MAX_TEASER_LENGTH
from shop.kernel.money import Money
from tests.unit.catalog.sample_products import shirt, simple


def headings(product_id: str, **more: object) -> set[str]:
    return {p.heading for p in product_postings(shirt(product_id, **more))}


def test_a_product_is_found_by_title_category_brand_tag_and_sku_not_by_its_description() -> None:
    found = headings("shirt")
    for word in ("linen", "shirt", "apparel", "fabrikam", "summer", "blue"):
        assert f"WORD#{word}" in found
    assert "WORD#warm" not in found


def test_a_product_is_listed_in_its_category_and_in_those_above() -> None:
    assert {h for h in headings("shirt") if h.startswith("CATEGORY#")} == {
        "CATEGORY#apparel",
        "CATEGORY#apparel > shirts",
    }


def test_title_words_rank_before_tags_and_skus() -> None:
    sort_keys = {p.heading: p.sort_key for p in product_postings(shirt())}
    assert sort_keys["WORD#linen"] == "1#shirt"
    assert sort_keys["WORD#shirt"] == "1#shirt"
    assert sort_keys["WORD#summer"] == "2#shirt"
    assert sort_keys["WORD#blue"] == "3#shirt"


def test_an_unpublished_product_has_a_posting_for_staff_only() -> None:
    (only,) = product_postings(shirt(status=ProductStatus.DRAFT))
    assert only.heading.startswith("ALL#")
    assert only.sort_key == "draft#shirt"


def test_a_product_has_one_posting_under_each_heading() -> None:
    postings = product_postings(shirt(tags=("linen", "Shirts", "apparel")))
    assert len({p.heading for p in postings}) == len(postings)


def test_many_tags_do_not_displace_title_words() -> None:
    tags = tuple(" ".join(f"w{n}x{m}" for m in range(20)) for n in range(50))
    words = {p.heading for p in product_postings(shirt(tags=tags)) if p.heading.startswith("WORD#")}
    assert len(words) == MAX_INDEXED_WORDS
    assert {"WORD#linen", "WORD#shirt"} <= words


def test_the_card_shows_the_variants_on_sale() -> None:
    product = shirt()
    first = replace(product.variants[0], status=VariantStatus.DISCONTINUED)
    card = product_card(replace(product, variants=(first, *product.variants[1:])))
    assert card.featured.id == "shirt.2"
    assert (card.low, card.high) == (Money(3500, "USD"), Money(4000, "USD"))
    assert card.list_prices == (5000, 5000)
    assert card.variants == 4
    assert card.media == Media("https://cdn.example/shirt.jpg", alt="A shirt")


def test_a_long_description_is_cut_at_a_word() -> None:
    card = product_card(shirt(description="lorem ipsum " * 40))
    assert len(card.teaser) <= MAX_TEASER_LENGTH + 1
    assert card.teaser.endswith(("lorem…", "ipsum…"))


def test_a_price_between_two_variants_is_not_a_match() -> None:
    card = product_card(shirt())
    assert PriceBand(3500, 3500).contains(card)
    assert PriceBand(None, 3600).contains(card)
    assert PriceBand(4000, None).contains(card)
    assert not PriceBand(3600, 3900).contains(card)
    assert not PriceBand(None, 3499).contains(card)


def test_beyond_the_price_limit_of_a_card_the_range_decides() -> None:
    one = simple("pin", "Pin").variants[0]
    variants = tuple(
        replace(
            one, id=f"pin.{n}", price=Money(n * 100, "USD"), choices=(OptionChoice("N", str(n)),)
        )
        for n in range(1, 61)
    )
    card = product_card(simple("pin", "Pin", variants=variants))
    assert len(card.prices) == MAX_CARD_PRICES
    assert (card.prices[0], card.prices[-1]) == (100, 6000)
    assert PriceBand(5050, 5060).contains(card)


def test_prices_in_another_currency_are_not_compared() -> None:
    assert not PriceBand(1, 2, "EUR").overlaps(product_card(shirt()))
    assert PriceBand(1, 2, "USD").overlaps(product_card(shirt()))
    assert PriceBand(1, 2).overlaps(product_card(shirt()))


def test_the_longest_word_is_the_heading() -> None:
    search = build_search("red leather bag")
    assert search.headings == ("WORD#leather",)
    assert set(search.words) == {"red", "leather", "bag"}


def test_the_fingerprint_depends_on_every_part_of_the_query() -> None:
    searches = [
        build_search("mug"),
        build_search("cup"),
        build_search("mug", categories=["a"]),
        build_search(None, categories=["a"]),
        build_search("mug", price=PriceBand(1, 2)),
        build_search("mug", price=PriceBand(1, 2, "USD")),
    ]
    assert len({search.fingerprint for search in searches}) == len(searches)
    assert build_search("Mugs", categories=[" A>b "]) == build_search("mug", categories=["a > B"])


@pytest.mark.slow
@given(st.text(max_size=120))
def test_no_category_makes_a_heading_too_long_for_a_key(text: str) -> None:
    for heading in build_search(None, categories=[text * 3]).headings:
        assert len(heading.encode("utf-8", "replace")) <= 2048


@given(st.text(min_size=1, max_size=120))
def test_a_products_own_category_finds_it(text: str) -> None:
    product = simple("thing", "Thing", categories=(Category(text),))
    search = build_search(None, categories=[text])
    listed = {p.heading for p in product_postings(product)}
    assert set(search.headings) <= listed | {"CATEGORY#"} | {
        h for h in search.headings if h.startswith("ALL#")
    }
