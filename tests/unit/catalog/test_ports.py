"""What every catalogue does, in memory or in DynamoDB."""

from dataclasses import replace
from typing import Any

import pytest

from shop.catalog.model import (
    Card,
    Category,
    Option,
    OptionChoice,
    PriceBand,
    Product,
    Search,
    Status,
    Variant,
    VariantStatus,
    card_of,
    search_for,
)
from shop.catalog.store import changes
from shop.kernel.errors import Conflict, Invalid, NotFound, Stale
from shop.kernel.money import Money
from tests.unit.catalog.goods import LATER, shirt, simple


def new(catalogue: Any, *products: Product) -> None:
    for product in products:
        catalogue.save(product, expected_version=0)


def titles(catalogue: Any, search: Search, *, size: int = 50) -> list[str]:
    """What a search finds, read to the end page by page."""
    found: list[Card] = []
    cursor = None
    for _ in range(200):
        page = catalogue.search(search, limit=size, cursor=cursor)
        assert len(page.items) <= size
        found += page.items
        cursor = page.cursor
        if cursor is None:
            return [card.title for card in found]
    raise AssertionError("the pages have no end")


def test_what_was_saved_is_read_back_whole(catalogue: Any) -> None:
    product = replace(
        shirt(),
        html="<p>A <b>light</b> shirt</p>",
        tags=("summer", "Größe", "茶"),
        source="abc",
        categories=(Category("Apparel > Shirts"), Category("aa-1-13", "shopify")),
    )
    saved = catalogue.save(product, expected_version=0)
    assert saved == replace(product, version=1)
    assert catalogue.product("shirt") == saved


def test_an_unknown_product_is_not_found(catalogue: Any) -> None:
    with pytest.raises(NotFound):
        catalogue.product("nothing")
    assert catalogue.products(["nothing"]) == {}


def test_a_new_product_does_not_overwrite_another(catalogue: Any) -> None:
    new(catalogue, shirt())
    with pytest.raises(Conflict) as refused:
        catalogue.save(simple("shirt", "Another"), expected_version=0)
    assert refused.value.code == "id_taken"
    assert catalogue.product("shirt").title == "Linen Shirt"


@pytest.mark.parametrize("version", [2, 7])
def test_a_change_from_an_old_version_is_stale(catalogue: Any, version: int) -> None:
    new(catalogue, shirt())
    with pytest.raises(Stale):
        catalogue.save(shirt(title="Changed"), expected_version=version)
    assert catalogue.product("shirt").title == "Linen Shirt"


def test_many_products_are_read_by_id_each_once(catalogue: Any) -> None:
    catalogue.save_many([simple(f"p{n}", f"Thing {n}") for n in range(120)])
    wanted = [f"p{n}" for n in range(120)] * 2 + ["nothing"]
    assert len(catalogue.products(wanted)) == 120


def test_variants_come_with_their_product_if_they_are_on_sale(catalogue: Any) -> None:
    product = shirt()
    gone = replace(product.variants[1], status=VariantStatus.DISCONTINUED)
    product = replace(product, variants=(product.variants[0], gone, *product.variants[2:]))
    new(catalogue, product, shirt("draft", status=Status.DRAFT))
    asked = ["shirt.1", "shirt.2", "shirt.9", "shirt", "draft.1", "nothing.1"]
    found = catalogue.variants(asked)
    assert found.keys() == {"shirt.1"}
    its_product, its_variant = found["shirt.1"]
    assert (its_product.id, its_variant.sku) == ("shirt", "SHIRT-BLUE-S")


def test_a_category_is_known_with_those_above_it_while_something_in_it_is_on_sale(
    catalogue: Any,
) -> None:
    shown = (Category("Footwear>Running"), Category("Sale"))
    new(
        catalogue,
        simple("a", "Trail Shoe", categories=shown),
        simple("b", "Hat", categories=(Category("Hats"),), status=Status.DRAFT),
    )
    for name in ("Footwear", "Footwear > Running", "Footwear>Running", "Sale"):
        assert catalogue.has_category(name), name
    for name in ("footwear", "Running", "Hats", "Foot", "", ">", "Sale > Running"):
        assert not catalogue.has_category(name), name


def test_a_word_finds_products_title_matches_first(catalogue: Any) -> None:
    new(
        catalogue,
        simple("a", "Blue Chair", tags=("garden",)),
        simple("z", "Garden Chair"),
        simple("m", "Lamp"),
    )
    assert titles(catalogue, search_for("gardens")) == ["Garden Chair", "Blue Chair"]
    assert titles(catalogue, search_for("nothing")) == []


def test_all_words_must_match(catalogue: Any) -> None:
    new(catalogue, simple("a", "Red Leather Bag"), simple("b", "Leather Belt", tags=("red",)))
    assert titles(catalogue, search_for("leather red")) == ["Red Leather Bag", "Leather Belt"]
    assert titles(catalogue, search_for("red bag")) == ["Red Leather Bag"]
    assert titles(catalogue, search_for("red shoe")) == []


def test_chinese_titles_are_found(catalogue: Any) -> None:
    new(catalogue, simple("a", "青花茶杯"), simple("b", "茶壶"))
    assert titles(catalogue, search_for("茶杯")) == ["青花茶杯"]
    assert sorted(titles(catalogue, search_for("茶"))) == sorted(["青花茶杯", "茶壶"])


def test_categories_are_alternatives_and_hold_what_is_below_them(catalogue: Any) -> None:
    new(
        catalogue,
        simple("a", "Shirt", categories=(Category("Apparel > Shirts"),)),
        simple("b", "Boot", categories=(Category("Footwear"), Category("Apparel"))),
        simple("c", "Lamp", categories=(Category("Home"),)),
    )

    def found(*categories: str) -> list[str]:
        return sorted(titles(catalogue, search_for(None, categories=categories)))

    assert found("apparel") == ["Boot", "Shirt"]
    assert found("Footwear", "APPAREL > shirts") == ["Boot", "Shirt"]
    assert found("footwear", "apparel") == ["Boot", "Shirt"]
    assert found("shirts") == []
    assert titles(catalogue, search_for("lamp", categories=["home", "apparel"])) == ["Lamp"]
    assert titles(catalogue, search_for("lamp", categories=["apparel"])) == []


def test_prices_are_compared_variant_by_variant(catalogue: Any) -> None:
    new(catalogue, shirt(), simple("mug", "Mug", price=1200))

    def found(low: int | None, high: int | None, currency: str | None = None) -> list[str]:
        band = PriceBand(low, high, currency)
        return sorted(titles(catalogue, search_for(None, price=band)))

    assert found(None, 1200) == ["Mug"]
    assert found(1201, None) == ["Linen Shirt"]
    assert found(3600, 3900) == []
    assert found(1200, 4000, "USD") == ["Linen Shirt", "Mug"]
    assert found(1, 2, "EUR") == ["Linen Shirt", "Mug"]
    assert titles(catalogue, search_for("mug", price=PriceBand(1, 2))) == []


@pytest.mark.slow
def test_pages_neither_lose_nor_repeat(catalogue: Any) -> None:
    products = [
        simple(f"p{n:02}", f"Mug {n:02}", price=100 * n, categories=(Category("Kitchen"),))
        for n in range(1, 24)
    ]
    new(catalogue, *products)
    all_titles = sorted(p.title for p in products)
    for question in (
        search_for("mug"),
        search_for(None, categories=["kitchen"]),
        search_for(None, categories=["kitchen", "home", "Kitchen"]),
        search_for(None, price=PriceBand(0, None)),
        search_for("mug", categories=["kitchen"], price=PriceBand(0, 10**6, "USD")),
    ):
        for size in (1, 5, 23, 50):
            assert sorted(titles(catalogue, question, size=size)) == all_titles, (question, size)


def test_the_last_page_says_so(catalogue: Any) -> None:
    new(catalogue, *(simple(f"p{n}", "Mug") for n in range(10)))
    assert catalogue.search(search_for("mug"), limit=10).cursor is None
    first = catalogue.search(search_for("mug"), limit=9)
    assert first.cursor is not None
    rest = catalogue.search(search_for("mug"), limit=9, cursor=first.cursor)
    assert (len(rest.items), rest.cursor) == (1, None)


@pytest.mark.parametrize("cursor", ["", "garbage", "e30", "bnVsbA", "eyJxIjoxfQ", "🙂", "W10"])
def test_a_made_up_cursor_is_refused(catalogue: Any, cursor: str) -> None:
    with pytest.raises(Invalid) as refused:
        catalogue.search(search_for("mug"), limit=5, cursor=cursor)
    assert refused.value.code == "cursor_invalid"


def test_the_cursor_of_another_question_is_refused(catalogue: Any) -> None:
    new(catalogue, *(simple(f"p{n}", "Mug Cup") for n in range(3)))
    cursor = catalogue.search(search_for("mug"), limit=1).cursor
    with pytest.raises(Invalid):
        catalogue.search(search_for("cup"), limit=1, cursor=cursor)


def test_what_changes_is_found_by_its_new_words_only(catalogue: Any) -> None:
    new(catalogue, simple("a", "Red Mug", categories=(Category("Kitchen"),)))
    changed = simple("a", "Blue Cup", price=500, categories=(Category("Home"),))
    catalogue.save(changed, expected_version=1)
    assert titles(catalogue, search_for("mug")) == []
    assert titles(catalogue, search_for(None, categories=["kitchen"])) == []
    (card,) = catalogue.search(search_for("cup"), limit=5).items
    assert (card.title, card.low, card.version) == ("Blue Cup", Money(500, "USD"), 2)


def test_the_card_found_is_the_card_of_the_product(catalogue: Any) -> None:
    new(catalogue, shirt())
    (card,) = catalogue.search(search_for("linen"), limit=5).items
    assert card == card_of(catalogue.product("shirt"))


def test_an_archived_product_is_no_longer_found(catalogue: Any) -> None:
    new(catalogue, simple("a", "Mug"))
    catalogue.save(catalogue.product("a").became(Status.ARCHIVED, at=LATER), expected_version=1)
    assert titles(catalogue, search_for("mug")) == []
    assert titles(catalogue, search_for(None, price=PriceBand(0, None))) == []


def test_staff_list_everything_and_each_status_by_itself(catalogue: Any) -> None:
    new(catalogue, *(simple(f"p{n}", f"Pub {n}") for n in range(7)))
    new(catalogue, *(simple(f"d{n}", f"Draft {n}", status=Status.DRAFT) for n in range(5)))

    def listed(status: Status | None, size: int) -> list[str]:
        found: list[str] = []
        cursor = None
        while True:
            page = catalogue.listed(status=status, limit=size, cursor=cursor)
            found += [c.product_id for c in page.items]
            cursor = page.cursor
            if cursor is None:
                return sorted(found)

    everything = sorted([f"p{n}" for n in range(7)] + [f"d{n}" for n in range(5)])
    for size in (1, 2, 4, 50):
        assert listed(None, size) == everything
        assert listed(Status.DRAFT, size) == [f"d{n}" for n in range(5)]
        assert listed(Status.ARCHIVED, size) == []


def test_many_are_saved_at_once_and_the_changed_ones_refused(catalogue: Any) -> None:
    new(catalogue, simple("p3", "Old Mug"), simple("p4", "Old Mug"))
    stale = replace(simple("p3", "New Cup"), version=0)
    good = replace(simple("p4", "New Cup"), version=1)
    fresh = [simple(f"q{n}", "New Cup", tags=(f"tag{n}",)) for n in range(60)]
    refused = catalogue.save_many([stale, good, *fresh])
    assert refused.keys() == {"p3"}
    assert len(titles(catalogue, search_for("cup"))) == 61
    assert titles(catalogue, search_for("mug")) == ["Old Mug"]
    assert catalogue.product("p4").version == 2


def test_a_product_with_hundreds_of_words_is_listed_under_all_of_them(catalogue: Any) -> None:
    many = tuple(f"tag{n}" for n in range(50))
    flooded = simple("a", " ".join(f"word{n}" for n in range(30)), tags=many)
    option = tuple(OptionChoice("N", str(n)) for n in range(100))
    variants = tuple(
        replace(flooded.variants[0], id=f"a.{n}", sku=f"SKU{n}", choices=(choice,))
        for n, choice in enumerate(option, 1)
    )
    new(catalogue, replace(flooded, variants=variants))
    for word in ("word29", "tag49", "sku100"):
        assert len(titles(catalogue, search_for(word))) == 1, word
    catalogue.save(simple("a", "Plain"), expected_version=1)
    for word in ("word29", "tag49", "sku100"):
        assert titles(catalogue, search_for(word)) == [], word
    assert titles(catalogue, search_for("plain")) == ["Plain"]


def selling(product_id: str, *skus: str, **more: Any) -> Product:
    """A product of one size per SKU."""
    sizes = tuple(f"{n}" for n in range(len(skus)))
    variants = tuple(
        Variant(
            id=f"{product_id}.{n}",
            sku=sku,
            title=sku,
            price=Money(1000, "USD"),
            choices=(OptionChoice("Size", size),),
        )
        for n, (sku, size) in enumerate(zip(skus, sizes, strict=True), 1)
    )
    options = (Option("Size", sizes),)
    return simple(product_id, f"The {product_id}", variants=variants, options=options, **more)


def discontinued(product: Product, *skus: str) -> Product:
    variants = tuple(
        replace(v, status=VariantStatus.DISCONTINUED) if v.sku in skus else v
        for v in product.variants
    )
    return replace(product, variants=variants)


def refused(catalogue: Any, product: Product, version: int = 0) -> list[tuple[str | None, str]]:
    with pytest.raises(Conflict) as refusal:
        catalogue.save(product, expected_version=version)
    assert refusal.value.code == "sku_taken"
    return [(p.path, p.detail) for p in refusal.value.problems]


def test_a_sku_is_sold_by_one_product_only(catalogue: Any) -> None:
    new(catalogue, selling("tee", "S", "M"))
    assert (catalogue.seller("S"), catalogue.seller("L")) == ("tee", None)
    assert refused(catalogue, selling("shirt", "XS", "M")) == [
        ("$.variants[1].sku", "SKU M is sold by product tee already")
    ]
    assert catalogue.products(["shirt"]) == {}
    assert catalogue.seller("XS") is None
    new(catalogue, selling("cap", "C"))
    assert refused(catalogue, selling("cap", "C", "S"), 1) == [
        ("$.variants[1].sku", "SKU S is sold by product tee already")
    ]
    assert len(catalogue.product("cap").variants) == 1


@pytest.mark.parametrize("gone", ["dropped", "archived"])
def test_a_sku_that_a_product_lets_go_of_may_be_another_s(catalogue: Any, gone: str) -> None:
    tee = selling("tee", "S", "M")
    new(catalogue, tee)
    without = discontinued(tee, "M") if gone == "dropped" else tee.became(Status.ARCHIVED, at=LATER)
    catalogue.save(without, expected_version=1)
    new(catalogue, selling("shirt", "M"))
    assert catalogue.seller("M") == "shirt"
    assert catalogue.seller("S") == ("tee" if gone == "dropped" else None)
    back = tee if gone == "dropped" else replace(tee, status=Status.DRAFT)
    assert refused(catalogue, back, 2) == [
        ("$.variants[1].sku", "SKU M is sold by product shirt already")
    ]
    catalogue.save(selling("shirt", "L"), expected_version=1)
    catalogue.save(back, expected_version=2)
    assert catalogue.seller("M") == "tee"


def test_a_draft_has_its_skus_already(catalogue: Any) -> None:
    new(catalogue, selling("tee", "S", status=Status.DRAFT))
    assert refused(catalogue, selling("shirt", "S"))


def test_of_many_saved_at_once_the_first_has_the_sku(catalogue: Any) -> None:
    new(catalogue, selling("old", "O"))
    products = [selling(f"p{n}", f"S{n}") for n in range(35)]
    told = catalogue.save_many([*products, selling("twin", "S7"), selling("late", "L", "O")])
    assert {i: (why.code, why.detail) for i, why in told.items()} == {
        "twin": ("sku_taken", "SKU S7 is sold by product p7 already"),
        "late": ("sku_taken", "SKU O is sold by product old already"),
    }
    assert len(catalogue.products([p.id for p in products])) == 35
    assert catalogue.products(["twin", "late"]) == {}
    # A SKU that moves from one product to the next in one file.
    moved = replace(selling("old", "N"), version=1)
    assert catalogue.save_many([moved, selling("late", "O")]) == {}
    assert (catalogue.seller("N"), catalogue.seller("O")) == ("old", "late")


def test_all_skus_of_a_large_product_are_its_own_however_many_change(
    catalogue: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Transactions of 12 actions: moto copies its tables for each, and 100 would take minutes.
    monkeypatch.setattr(changes, "ACTIONS", 12)
    monkeypatch.setattr(changes, "ROOM", 10)
    first = selling("big", *(f"A{n}" for n in range(26)))
    new(catalogue, first)
    second = selling("big", *(f"B{n}" for n in range(26)))
    catalogue.save(second, expected_version=1)
    assert catalogue.seller("A25") is None
    assert catalogue.seller("B25") == "big"
    new(catalogue, selling("small", "A25", "A0"))
    assert len(refused(catalogue, selling("big", *(f"A{n}" for n in range(26))), 2)) == 2
    assert catalogue.seller("A1") is None
    more = {
        "other": selling("other", *(f"B{n}" for n in range(26))),
        "third": selling("third", *(f"C{n}" for n in range(26))),
    }
    assert catalogue.save_many(list(more.values())).keys() == {"other"}
    assert catalogue.seller("C13") == "third"
