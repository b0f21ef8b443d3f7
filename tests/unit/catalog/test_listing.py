"""Cards, and the headings they lie under."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from shop.catalog.model import (
    Category,
    Media,
    OptionChoice,
    PriceBand,
    Status,
    VariantStatus,
    card_of,
    postings_of,
    search_for,
)
from shop.catalog.model.listing import MOST_PRICES, MOST_WORDS, TEASER
from shop.kernel.money import Money
from tests.unit.catalog.goods import shirt, simple


def headings(product_id: str, **more: object) -> set[str]:
    return {p.heading for p in postings_of(shirt(product_id, **more))}


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


def test_a_word_of_the_title_comes_before_one_beside_it() -> None:
    places = {p.heading: p.place for p in postings_of(shirt())}
    assert places["WORD#linen"] == "1#shirt"
    assert places["WORD#shirt"] == "1#shirt"
    assert places["WORD#summer"] == "2#shirt"
    assert places["WORD#blue"] == "3#shirt"


def test_what_is_not_published_is_in_the_staff_list_only() -> None:
    (only,) = postings_of(shirt(status=Status.DRAFT))
    assert only.heading.startswith("ALL#")
    assert only.place == "draft#shirt"


def test_a_product_has_one_place_under_each_heading() -> None:
    postings = postings_of(shirt(tags=("linen", "Shirts", "apparel")))
    assert len({p.heading for p in postings}) == len(postings)


def test_a_flood_of_tags_does_not_drown_the_title() -> None:
    tags = tuple(" ".join(f"w{n}x{m}" for m in range(20)) for n in range(50))
    words = {p.heading for p in postings_of(shirt(tags=tags)) if p.heading.startswith("WORD#")}
    assert len(words) == MOST_WORDS
    assert {"WORD#linen", "WORD#shirt"} <= words


def test_the_card_shows_what_is_on_sale() -> None:
    product = shirt()
    first = replace(product.variants[0], status=VariantStatus.DISCONTINUED)
    card = card_of(replace(product, variants=(first, *product.variants[1:])))
    assert card.featured.id == "shirt.2"
    assert (card.low, card.high) == (Money(3500, "USD"), Money(4000, "USD"))
    assert card.list_prices == (5000, 5000)
    assert card.variants == 4
    assert card.media == Media("https://cdn.example/shirt.jpg", alt="A shirt")


def test_a_long_description_is_cut_at_a_word() -> None:
    card = card_of(shirt(description="lorem ipsum " * 40))
    assert len(card.teaser) <= TEASER + 1
    assert card.teaser.endswith(("lorem…", "ipsum…"))


def test_a_price_between_two_variants_is_not_a_match() -> None:
    card = card_of(shirt())
    assert PriceBand(3500, 3500).holds(card)
    assert PriceBand(None, 3600).holds(card)
    assert PriceBand(4000, None).holds(card)
    assert not PriceBand(3600, 3900).holds(card)
    assert not PriceBand(None, 3499).holds(card)


def test_with_very_many_prices_the_range_decides() -> None:
    one = simple("pin", "Pin").variants[0]
    variants = tuple(
        replace(
            one, id=f"pin.{n}", price=Money(n * 100, "USD"), choices=(OptionChoice("N", str(n)),)
        )
        for n in range(1, 61)
    )
    card = card_of(simple("pin", "Pin", variants=variants))
    assert len(card.prices) == MOST_PRICES
    assert (card.prices[0], card.prices[-1]) == (100, 6000)
    assert PriceBand(5050, 5060).holds(card)


def test_prices_in_another_currency_are_not_compared() -> None:
    assert not PriceBand(1, 2, "EUR").speaks_of(card_of(shirt()))
    assert PriceBand(1, 2, "USD").speaks_of(card_of(shirt()))
    assert PriceBand(1, 2).speaks_of(card_of(shirt()))


def test_the_longest_word_is_looked_under() -> None:
    search = search_for("red leather bag")
    assert search.headings == ("WORD#leather",)
    assert set(search.words) == {"red", "leather", "bag"}


def test_a_question_is_told_from_another_by_all_that_it_asks() -> None:
    questions = [
        search_for("mug"),
        search_for("cup"),
        search_for("mug", categories=["a"]),
        search_for(None, categories=["a"]),
        search_for("mug", price=PriceBand(1, 2)),
        search_for("mug", price=PriceBand(1, 2, "USD")),
    ]
    assert len({q.fingerprint for q in questions}) == len(questions)
    assert search_for("Mugs", categories=[" A>b "]) == search_for("mug", categories=["a > B"])


@given(st.text(max_size=120))
def test_no_category_makes_a_heading_too_long_for_a_key(text: str) -> None:
    for heading in search_for(None, categories=[text * 3]).headings:
        assert len(heading.encode("utf-8", "replace")) <= 2048


@given(st.text(min_size=1, max_size=120))
def test_a_products_own_category_finds_it(text: str) -> None:
    product = simple("thing", "Thing", categories=(Category(text),))
    wanted = search_for(None, categories=[text])
    listed = {p.heading for p in postings_of(product)}
    assert set(wanted.headings) <= listed | {"CATEGORY#"} | {
        h for h in wanted.headings if h.startswith("ALL#")
    }
