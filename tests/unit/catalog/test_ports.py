"""The test suite of the catalog's ports, run on the double in memory and on DynamoDB."""

from dataclasses import replace
from typing import Any

import pytest

from shop.catalog.model import (
    Category,
    Option,
    OptionChoice,
    PriceBand,
    Product,
    ProductCard,
    ProductStatus,
    Search,
    Variant,
    VariantStatus,
    build_search,
    product_card,
)
from shop.catalog.store import product_writes
from shop.kernel.errors import Conflict, InvalidRequest, NotFound, VersionConflict
from shop.kernel.money import Money
from tests.unit.catalog.sample_products import LATER, shirt, simple


def new(catalog: Any, *products: Product) -> None:
    for product in products:
        catalog.save(product, expected_version=0)


def titles(catalog: Any, search: Search, *, size: int = 50) -> list[str]:
    """Return the titles of all results of a search, read page by page."""
    found: list[ProductCard] = []
    cursor = None
    for _ in range(200):
        page = catalog.search(search, limit=size, cursor=cursor)
        assert len(page.items) <= size
        found += page.items
        cursor = page.cursor
        if cursor is None:
            return [card.title for card in found]
    raise AssertionError("the pages have no end")


def test_a_saved_product_is_read_back_unchanged(catalog: Any) -> None:
    product = replace(
        shirt(),
        html="<p>A <b>light</b> shirt</p>",
        tags=("summer", "Größe", "茶"),
        source="abc",
        categories=(Category("Apparel > Shirts"), Category("aa-1-13", "shopify")),
    )
    saved = catalog.save(product, expected_version=0)
    assert saved == replace(product, version=1)
    assert catalog.get("shirt") == saved


def test_an_unknown_product_is_not_found(catalog: Any) -> None:
    with pytest.raises(NotFound):
        catalog.get("nothing")
    assert catalog.get_many(["nothing"]) == {}


def test_a_new_product_does_not_overwrite_another(catalog: Any) -> None:
    new(catalog, shirt())
    with pytest.raises(Conflict) as raised:
        catalog.save(simple("shirt", "Another"), expected_version=0)
    assert raised.value.code == "id_taken"
    assert catalog.get("shirt").title == "Linen Shirt"


@pytest.mark.parametrize("version", [2, 7])
def test_saving_from_another_version_is_a_conflict(catalog: Any, version: int) -> None:
    new(catalog, shirt())
    with pytest.raises(VersionConflict):
        catalog.save(shirt(title="Changed"), expected_version=version)
    assert catalog.get("shirt").title == "Linen Shirt"


def test_many_products_are_read_by_id_each_once(catalog: Any) -> None:
    catalog.save_many([simple(f"p{n}", f"Thing {n}") for n in range(120)])
    ids = [f"p{n}" for n in range(120)] * 2 + ["nothing"]
    assert len(catalog.get_many(ids)) == 120


def test_variants_on_sale_are_returned_with_their_product(catalog: Any) -> None:
    product = shirt()
    first, second, *others = product.variants
    second = replace(second, status=VariantStatus.DISCONTINUED)
    product = replace(product, variants=(first, second, *others))
    new(catalog, product, shirt("draft", status=ProductStatus.DRAFT))
    ids = ["shirt.1", "shirt.2", "shirt.9", "shirt", "draft.1", "nothing.1"]
    found = catalog.get_variants(ids)
    assert found.keys() == {"shirt.1"}
    its_product, its_variant = found["shirt.1"]
    assert (its_product.id, its_variant.sku) == ("shirt", "SHIRT-BLUE-S")


def test_a_category_and_its_parents_exist_while_a_product_is_on_sale(
    catalog: Any,
) -> None:
    shown = (Category("Footwear>Running"), Category("Sale"))
    new(
        catalog,
        simple("a", "Trail Shoe", categories=shown),
        simple("b", "Hat", categories=(Category("Hats"),), status=ProductStatus.DRAFT),
    )
    for name in ("Footwear", "Footwear > Running", "Footwear>Running", "Sale"):
        assert catalog.has_category(name), name
    for name in ("footwear", "Running", "Hats", "Foot", "", ">", "Sale > Running"):
        assert not catalog.has_category(name), name


def test_a_word_finds_products_title_matches_first(catalog: Any) -> None:
    new(
        catalog,
        simple("a", "Blue Chair", tags=("garden",)),
        simple("z", "Garden Chair"),
        simple("m", "Lamp"),
    )
    assert titles(catalog, build_search("gardens")) == ["Garden Chair", "Blue Chair"]
    assert titles(catalog, build_search("nothing")) == []


def test_all_words_must_match(catalog: Any) -> None:
    new(catalog, simple("a", "Red Leather Bag"), simple("b", "Leather Belt", tags=("red",)))
    assert titles(catalog, build_search("leather red")) == ["Red Leather Bag", "Leather Belt"]
    assert titles(catalog, build_search("red bag")) == ["Red Leather Bag"]
    assert titles(catalog, build_search("red shoe")) == []


def test_chinese_titles_are_found(catalog: Any) -> None:
    new(catalog, simple("a", "青花茶杯"), simple("b", "茶壶"))
    assert titles(catalog, build_search("茶杯")) == ["青花茶杯"]
    assert sorted(titles(catalog, build_search("茶"))) == sorted(["青花茶杯", "茶壶"])


def test_categories_are_alternatives_and_include_subcategories(catalog: Any) -> None:
    new(
        catalog,
        simple("a", "Shirt", categories=(Category("Apparel > Shirts"),)),
        simple("b", "Boot", categories=(Category("Footwear"), Category("Apparel"))),
        simple("c", "Lamp", categories=(Category("Home"),)),
    )

    def found(*categories: str) -> list[str]:
        return sorted(titles(catalog, build_search(None, categories=categories)))

    assert found("apparel") == ["Boot", "Shirt"]
    assert found("Footwear", "APPAREL > shirts") == ["Boot", "Shirt"]
    assert found("footwear", "apparel") == ["Boot", "Shirt"]
    assert found("shirts") == []
    assert titles(catalog, build_search("lamp", categories=["home", "apparel"])) == ["Lamp"]
    assert titles(catalog, build_search("lamp", categories=["apparel"])) == []


def test_prices_are_compared_variant_by_variant(catalog: Any) -> None:
    new(catalog, shirt(), simple("mug", "Mug", price=1200))

    def found(low: int | None, high: int | None, currency: str | None = None) -> list[str]:
        band = PriceBand(low, high, currency)
        return sorted(titles(catalog, build_search(None, price=band)))

    assert found(None, 1200) == ["Mug"]
    assert found(1201, None) == ["Linen Shirt"]
    assert found(3600, 3900) == []
    assert found(1200, 4000, "USD") == ["Linen Shirt", "Mug"]
    assert found(1, 2, "EUR") == ["Linen Shirt", "Mug"]
    assert titles(catalog, build_search("mug", price=PriceBand(1, 2))) == []


@pytest.mark.slow
def test_pages_neither_omit_nor_repeat_products(catalog: Any) -> None:
    products = [
        simple(f"p{n:02}", f"Mug {n:02}", price=100 * n, categories=(Category("Kitchen"),))
        for n in range(1, 24)
    ]
    new(catalog, *products)
    all_titles = sorted(p.title for p in products)
    for search in (
        build_search("mug"),
        build_search(None, categories=["kitchen"]),
        build_search(None, categories=["kitchen", "home", "Kitchen"]),
        build_search(None, price=PriceBand(0, None)),
        build_search("mug", categories=["kitchen"], price=PriceBand(0, 10**6, "USD")),
    ):
        for size in (1, 5, 23, 50):
            assert sorted(titles(catalog, search, size=size)) == all_titles, (search, size)


def test_the_last_page_has_no_cursor(catalog: Any) -> None:
    new(catalog, *(simple(f"p{n}", "Mug") for n in range(10)))
    assert catalog.search(build_search("mug"), limit=10).cursor is None
    first = catalog.search(build_search("mug"), limit=9)
    assert first.cursor is not None
    rest = catalog.search(build_search("mug"), limit=9, cursor=first.cursor)
    assert (len(rest.items), rest.cursor) == (1, None)


@pytest.mark.parametrize("cursor", ["", "garbage", "e30", "bnVsbA", "eyJxIjoxfQ", "🙂", "W10"])
def test_a_forged_cursor_is_rejected(catalog: Any, cursor: str) -> None:
    with pytest.raises(InvalidRequest) as raised:
        catalog.search(build_search("mug"), limit=5, cursor=cursor)
    assert raised.value.code == "cursor_invalid"


def test_the_cursor_of_another_query_is_rejected(catalog: Any) -> None:
    new(catalog, *(simple(f"p{n}", "Mug Cup") for n in range(3)))
    cursor = catalog.search(build_search("mug"), limit=1).cursor
    with pytest.raises(InvalidRequest):
        catalog.search(build_search("cup"), limit=1, cursor=cursor)


def test_a_changed_product_is_found_by_its_new_words_only(catalog: Any) -> None:
    new(catalog, simple("a", "Red Mug", categories=(Category("Kitchen"),)))
    changed = simple("a", "Blue Cup", price=500, categories=(Category("Home"),))
    catalog.save(changed, expected_version=1)
    assert titles(catalog, build_search("mug")) == []
    assert titles(catalog, build_search(None, categories=["kitchen"])) == []
    (card,) = catalog.search(build_search("cup"), limit=5).items
    assert (card.title, card.low, card.version) == ("Blue Cup", Money(500, "USD"), 2)


def test_search_returns_the_card_of_the_product(catalog: Any) -> None:
    new(catalog, shirt())
    (card,) = catalog.search(build_search("linen"), limit=5).items
    assert card == product_card(catalog.get("shirt"))


def test_an_archived_product_is_no_longer_found(catalog: Any) -> None:
    new(catalog, simple("a", "Mug"))
    catalog.save(catalog.get("a").with_status(ProductStatus.ARCHIVED, at=LATER), expected_version=1)
    assert titles(catalog, build_search("mug")) == []
    assert titles(catalog, build_search(None, price=PriceBand(0, None))) == []


def test_staff_list_all_products_or_one_status(catalog: Any) -> None:
    new(catalog, *(simple(f"p{n}", f"Pub {n}") for n in range(7)))
    new(catalog, *(simple(f"d{n}", f"Draft {n}", status=ProductStatus.DRAFT) for n in range(5)))

    def listed(status: ProductStatus | None, size: int) -> list[str]:
        found: list[str] = []
        cursor = None
        while True:
            page = catalog.list_by_status(status=status, limit=size, cursor=cursor)
            found += [c.product_id for c in page.items]
            cursor = page.cursor
            if cursor is None:
                return sorted(found)

    everything = sorted([f"p{n}" for n in range(7)] + [f"d{n}" for n in range(5)])
    for size in (1, 2, 4, 50):
        assert listed(None, size) == everything
        assert listed(ProductStatus.DRAFT, size) == [f"d{n}" for n in range(5)]
        assert listed(ProductStatus.ARCHIVED, size) == []


def test_save_many_rejects_only_products_with_old_versions(catalog: Any) -> None:
    new(catalog, simple("p3", "Old Mug"), simple("p4", "Old Mug"))
    stale = replace(simple("p3", "New Cup"), version=0)
    good = replace(simple("p4", "New Cup"), version=1)
    fresh = [simple(f"q{n}", "New Cup", tags=(f"tag{n}",)) for n in range(60)]
    errors = catalog.save_many([stale, good, *fresh])
    assert errors.keys() == {"p3"}
    assert len(titles(catalog, build_search("cup"))) == 61
    assert titles(catalog, build_search("mug")) == ["Old Mug"]
    assert catalog.get("p4").version == 2


def test_a_product_with_hundreds_of_words_is_listed_under_all_of_them(catalog: Any) -> None:
    many = tuple(f"tag{n}" for n in range(50))
    flooded = simple("a", " ".join(f"word{n}" for n in range(30)), tags=many)
    option = tuple(OptionChoice("N", str(n)) for n in range(100))
    variants = tuple(
        replace(flooded.variants[0], id=f"a.{n}", sku=f"SKU{n}", choices=(choice,))
        for n, choice in enumerate(option, 1)
    )
    new(catalog, replace(flooded, variants=variants))
    for word in ("word29", "tag49", "sku100"):
        assert len(titles(catalog, build_search(word))) == 1, word
    catalog.save(simple("a", "Plain"), expected_version=1)
    for word in ("word29", "tag49", "sku100"):
        assert titles(catalog, build_search(word)) == [], word
    assert titles(catalog, build_search("plain")) == ["Plain"]


def selling(product_id: str, *skus: str, **more: Any) -> Product:
    """Return a product with one size per SKU."""
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


def sku_conflicts(catalog: Any, product: Product, version: int = 0) -> list[tuple[str | None, str]]:
    with pytest.raises(Conflict) as raised:
        catalog.save(product, expected_version=version)
    assert raised.value.code == "sku_taken"
    return [(p.path, p.detail) for p in raised.value.problems]


def test_a_sku_is_sold_by_one_product_only(catalog: Any) -> None:
    new(catalog, selling("tee", "S", "M"))
    assert (catalog.product_id_for("S"), catalog.product_id_for("L")) == ("tee", None)
    assert sku_conflicts(catalog, selling("shirt", "XS", "M")) == [
        ("$.variants[1].sku", "Product tee already sells SKU M. Choose another SKU.")
    ]
    assert catalog.get_many(["shirt"]) == {}
    assert catalog.product_id_for("XS") is None
    new(catalog, selling("cap", "C"))
    assert sku_conflicts(catalog, selling("cap", "C", "S"), 1) == [
        ("$.variants[1].sku", "Product tee already sells SKU S. Choose another SKU.")
    ]
    assert len(catalog.get("cap").variants) == 1


@pytest.mark.parametrize("release", ["dropped", "archived"])
def test_a_released_sku_can_be_claimed_by_another_product(catalog: Any, release: str) -> None:
    tee = selling("tee", "S", "M")
    new(catalog, tee)
    without = (
        discontinued(tee, "M")
        if release == "dropped"
        else tee.with_status(ProductStatus.ARCHIVED, at=LATER)
    )
    catalog.save(without, expected_version=1)
    new(catalog, selling("shirt", "M"))
    assert catalog.product_id_for("M") == "shirt"
    assert catalog.product_id_for("S") == ("tee" if release == "dropped" else None)
    back = tee if release == "dropped" else replace(tee, status=ProductStatus.DRAFT)
    assert sku_conflicts(catalog, back, 2) == [
        ("$.variants[1].sku", "Product shirt already sells SKU M. Choose another SKU.")
    ]
    catalog.save(selling("shirt", "L"), expected_version=1)
    catalog.save(back, expected_version=2)
    assert catalog.product_id_for("M") == "tee"


def test_a_draft_claims_its_skus(catalog: Any) -> None:
    new(catalog, selling("tee", "S", status=ProductStatus.DRAFT))
    assert sku_conflicts(catalog, selling("shirt", "S"))


def test_save_many_gives_a_sku_to_its_first_product(catalog: Any) -> None:
    new(catalog, selling("old", "O"))
    products = [selling(f"p{n}", f"S{n}") for n in range(35)]
    errors = catalog.save_many([*products, selling("twin", "S7"), selling("late", "L", "O")])
    assert {i: (error.code, error.detail) for i, error in errors.items()} == {
        "twin": ("sku_taken", "Product p7 already sells SKU S7. Choose another SKU."),
        "late": ("sku_taken", "Product old already sells SKU O. Choose another SKU."),
    }
    assert len(catalog.get_many([p.id for p in products])) == 35
    assert catalog.get_many(["twin", "late"]) == {}
    # A SKU that moves from one product to the next in one file.
    moved = replace(selling("old", "N"), version=1)
    assert catalog.save_many([moved, selling("late", "O")]) == {}
    assert (catalog.product_id_for("N"), catalog.product_id_for("O")) == ("old", "late")


def test_a_large_product_claims_and_releases_all_its_skus(
    catalog: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Transactions of 12 actions: moto copies its tables for each; 100 would take minutes.
    monkeypatch.setattr(product_writes, "MAX_ACTIONS_PER_TRANSACTION", 12)
    monkeypatch.setattr(product_writes, "MAX_POSTINGS_PER_TRANSACTION", 10)
    first = selling("big", *(f"A{n}" for n in range(26)))
    new(catalog, first)
    second = selling("big", *(f"B{n}" for n in range(26)))
    catalog.save(second, expected_version=1)
    assert catalog.product_id_for("A25") is None
    assert catalog.product_id_for("B25") == "big"
    new(catalog, selling("small", "A25", "A0"))
    assert len(sku_conflicts(catalog, selling("big", *(f"A{n}" for n in range(26))), 2)) == 2
    assert catalog.product_id_for("A1") is None
    more = {
        "other": selling("other", *(f"B{n}" for n in range(26))),
        "third": selling("third", *(f"C{n}" for n in range(26))),
    }
    assert catalog.save_many(list(more.values())).keys() == {"other"}
    assert catalog.product_id_for("C13") == "third"


def test_a_query_with_a_compound_lists_each_product_of_both_readings_once(catalog: Any) -> None:
    new(catalog, simple("a", "Tooth Brush"), simple("b", "Toothbrush"), simple("c", "Tooth-Brush"))
    new(catalog, simple("d", "Brush for a Tooth"), simple("e", "Tooth"), simple("f", "Brush"))
    for size in (1, 2, 50):
        found = titles(catalog, build_search("tooth-brush"), size=size)
        assert found == ["Toothbrush", "Tooth-Brush", "Tooth Brush", "Brush for a Tooth"], size
    assert titles(catalog, build_search("wi-fi tooth-brush")) == []


def test_a_query_with_a_compound_honours_category_and_price(catalog: Any) -> None:
    kitchen = (Category("Kitchen"),)
    new(catalog, simple("a", "Tooth Brush", categories=kitchen), simple("b", "Toothbrush"))
    new(catalog, simple("c", "Tooth-Brush", price=500, categories=kitchen))
    search = build_search("tooth-brush", categories=["kitchen"], price=PriceBand(900, None))
    assert titles(catalog, search) == ["Tooth Brush"]
