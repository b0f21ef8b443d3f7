"""Whole exports of shops: imported, sold and taxed as before, exported, and imported again."""

import csv
import io
from collections.abc import Callable
from datetime import timedelta
from itertools import count
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shop.catalog.actions.importing import FileImport, import_file
from shop.catalog.model import Product
from shop.catalog.model.import_options import ImportOptions
from shop.catalog.model.row_places import handle_key
from shop.catalog.schemas.file_parsing import FileParseResult
from shop.catalog.schemas.file_parts import read_part, split_product_file
from shop.catalog.schemas.files import parse_product_file
from shop.catalog.schemas.shopify import product_id_of
from shop.catalog.schemas.shopify_export import export_product
from tests.doubles.catalog import MemoryProductCatalog
from tests.doubles.inventory import MemoryStockRepository
from tests.kit.shopify_exports import (
    FileForm,
    Goods,
    GoodsVariant,
    ShopExport,
    californian_shop,
    german_shop,
    odd_shop,
    write_export,
)
from tests.unit.catalog.sample_products import THEN

pytestmark = pytest.mark.slow

UNCOUNTED = (
    "It has no inventory tracker, so Shopify sells it uncounted. The shop sells counted units only"
)
SHOPS = [german_shop, californian_shop, odd_shop]


class Shop:
    """A catalog and a stock in memory."""

    def __init__(self) -> None:
        self.catalog = MemoryProductCatalog()
        self.stock = MemoryStockRepository()
        self._hours = count(1)

    def send(self, raw: bytes, options: ImportOptions) -> tuple[FileParseResult, FileImport]:
        parsed = parse_product_file(raw, "text/csv", options)
        at = THEN + timedelta(hours=next(self._hours))
        return parsed, import_file(
            parsed, catalog=self.catalog, stock=self.stock, actor="wanda", at=at
        )

    def products(self) -> dict[str, Product]:
        page = self.catalog.list_by_status(status=None, limit=1_000, cursor=None)
        return self.catalog.get_many([card.product_id for card in page.items])

    def export(self, currency: str) -> tuple[bytes, dict[str, str]]:
        """Return the file of all products, and the reasons of the omitted ones."""
        files, omitted = list[str](), dict[str, str]()
        for product in sorted(self.products().values(), key=lambda p: p.id):
            view = export_product(product, currency)
            if view.csv is None:
                omitted[view.id] = view.omitted or ""
            else:
                files.append(view.csv.partition("\n")[2] if files else view.csv)
        return "".join(files).encode(), omitted


def id_of(own: Goods) -> str:
    return product_id_of(handle_key(own.handle))


def check_sold(own: Goods, shop: Shop, options: ImportOptions) -> None:
    """Compare a product of the catalog with the goods of the file."""
    product = shop.catalog.get(id_of(own))
    # The apostrophe before a formula is that of an export.
    assert product.title == own.title.strip().removeprefix("'" if own.title[1:2] == "+" else "")
    assert bool(product.on_sale) is (own.status == "active")
    assert [o.name for o in product.options] == list(own.options)
    assert len(product.variants) == len(own.variants)
    for variant, stated in zip(product.variants, own.variants, strict=True):
        assert variant.price.minor == stated.price
        assert variant.price.currency == options.currency
        assert (variant.list_price.minor if variant.list_price else None) == stated.list_price
        assert variant.tax_class == ("standard" if stated.is_taxed else "zero")
        assert tuple(c.value for c in variant.choices) == (stated.values if own.options else ())
        assert variant.weight_g == (round(float(stated.grams or 0)) or None)
        if stated.sku:
            assert variant.sku == stated.sku.lstrip("'")
        level = shop.stock.level(variant.sku)
        is_counted = stated.units is not None and (stated.is_tracked or stated.units > 0)
        assert (level.available, level.version > 0) == (
            (stated.units, True) if is_counted else (0, False)
        )
    urls = [url for url, _, _ in sorted(own.images, key=lambda image: image[1])]
    assert [medium.url for medium in product.media] == urls


@pytest.mark.parametrize("make", SHOPS)
def test_a_whole_shop_is_sold_and_taxed_as_its_export_states(
    make: Callable[[], ShopExport],
) -> None:
    shop, export = Shop(), make()
    parsed, found = shop.send(export.raw, export.options)
    assert (parsed.rejected, found.products.rejected) == ([], ())
    assert len(found.products.created) == len(export.goods)
    assert export.rows > 200
    for own in export.goods:
        check_sold(own, shop, export.options)


@pytest.mark.parametrize("make", SHOPS)
def test_what_is_imported_twice_or_exported_and_imported_changes_nothing(
    make: Callable[[], ShopExport],
) -> None:
    shop, export = Shop(), make()
    shop.send(export.raw, export.options)
    before = shop.products()

    # The same file again
    _, again = shop.send(export.raw, export.options)
    assert set(again.products.unchanged) == before.keys()
    assert (again.stock_created, shop.products()) == (0, before)

    # The export, in the shop itself
    raw, omitted = shop.export(export.options.currency)
    assert omitted == {}
    _, again = shop.send(raw, ImportOptions(export.options.currency))
    assert set(again.products.unchanged) == set(before)
    assert shop.products() == before
    assert shop.export(export.options.currency) == (raw, {})

    # The export, in an empty shop
    other = Shop()
    _, moved = other.send(raw, ImportOptions(export.options.currency))
    assert len(moved.products.created) == len(before)
    assert other.export(export.options.currency) == (raw, {})


@pytest.mark.parametrize("make", SHOPS)
def test_a_whole_shop_is_split_into_parts_as_it_is_read(make: Callable[[], ShopExport]) -> None:
    export = make()
    split = split_product_file([export.raw], export.options)
    assert split.rejected == ()
    entries = {
        e.product_id: e
        for part in split.parts
        for e in read_part(part.data, export.options).entries
    }
    parsed = parse_product_file(export.raw, "text/csv", export.options)
    assert entries == {e.product_id: e for e in parsed.entries}


def test_no_column_of_money_or_sale_is_passed_over_in_silence() -> None:
    parsed, _ = Shop().send(californian_shop().raw, ImportOptions("USD"))
    metafields, barcodes = parsed.notices
    assert metafields == "40 columns of metafields ignored: the shop has none."
    assert barcodes.startswith(
        "1 barcode (GTIN) of this file is used by several variants: 40063813"
    )
    texts = {notice.text.partition(":")[0] for e in parsed.entries for notice in e.notices}
    assert texts == {
        "Not imported",
        "The cost per item is not imported",
        UNCOUNTED,
    }


# ------------------------------------------------------------------------------ random shops

CHARACTERS = st.one_of(
    st.sampled_from(list("aZ0 -_/.,;:|'\"=+@#%&?!\t\n\r\u2028\u00a0>(){}[]*")),
    st.sampled_from(["<3", "< ", "&lt;", "🦄", "👩‍👧", "é", "e\u0301", "ß", "ﬁ", "½", "Ａ", "כ"]),
    st.sampled_from(["\u200f", "ع", "茶", "İ", "™", "\u200b"]),
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffd<"),
)


def texts(longest: int = 12) -> st.SearchStrategy[str]:
    """Texts of which few are invalid: a rejected product shows nothing."""
    return st.lists(CHARACTERS, max_size=longest).map(lambda own: "".join(own).strip() or "x")


HANDLES = st.text("abcßö茶_-.'\"+=@", min_size=1, max_size=6)
AMOUNTS = st.integers(0, 10**7)
VARIANTS = st.builds(
    GoodsVariant,
    sku=st.one_of(st.just(""), st.from_regex(r"[!-~]([ -~]{0,6}[!-~])?", fullmatch=True)),
    price=AMOUNTS,
    list_price=st.one_of(st.none(), AMOUNTS),
    grams=st.sampled_from(["", "0", "0.4", "12.5", "226.796185"]),
    is_taxed=st.booleans(),
    units=st.one_of(st.none(), st.integers(-5, 99)),
    is_tracked=st.booleans(),
)


@st.composite
def goods(draw: st.DrawFn) -> Goods:
    size = draw(st.integers(0, 3))
    names = draw(st.lists(texts(), min_size=size, max_size=size, unique=True))
    count_ = draw(st.integers(1, 4)) if size else 1
    variants = []
    for _ in range(count_):
        variant = draw(VARIANTS)
        variant.values = tuple(draw(texts()) for _ in range(size))
        variants.append(variant)
    return Goods(
        handle=draw(st.one_of(st.sampled_from(["tee", "Tee", "mug", "größe"]), HANDLES)),
        title=draw(texts()),
        html=draw(
            st.one_of(st.just(""), texts(30), texts().map(lambda t: f"<p>{t}</p><td>x</td>"))
        ),
        vendor=draw(st.one_of(st.just(""), texts())),
        type=draw(st.sampled_from(["", "Home", "Home > Käse", "A>B"])),
        tags=tuple(t.replace(",", "") for t in draw(st.lists(texts(5), max_size=3))),
        status=draw(st.sampled_from(["active", "draft", "archived"])),
        options=tuple(names),
        variants=variants,
        images=[
            (f"https://x.example/{n}.jpg", position, draw(texts(6)))
            for n, position in enumerate(draw(st.lists(st.integers(1, 9), max_size=3)))
        ],
    )


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    own=st.lists(goods(), min_size=1, max_size=4),
    form=st.builds(
        FileForm,
        delimiter=st.sampled_from([",", ";", "\t"]),
        line_end=st.sampled_from(["\n", "\r\n", "\r"]),
        quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
        markets=st.sampled_from([(), ("Europe", "Canada")]),
        new_names=st.booleans(),
    ),
)
def test_the_export_of_any_import_changes_nothing(own: list[Goods], form: FileForm) -> None:
    raw, options = write_export(own, form), ImportOptions("EUR")
    shop = Shop()
    _, found = shop.send(raw, options)
    before = shop.products()
    assert before.keys() == found.products.accepted_ids
    # The same file again
    _, again = shop.send(raw, options)
    assert set(again.products.unchanged) == before.keys()
    # The export into the same shop: each product is in it, or named
    text, omitted = shop.export("EUR")
    assert {row["Doorbuster Id"] for row in csv.DictReader(io.StringIO(text.decode()))} == (
        before.keys() - omitted.keys()
    )
    if omitted.keys() == before.keys():
        return
    parsed, again = shop.send(text, options)
    assert (parsed.rejected, again.products.rejected) == ([], ())
    assert set(again.products.unchanged) == before.keys() - omitted.keys()
    assert shop.products() == before
    # The export into an empty shop
    other = Shop()
    other.send(text, options)
    assert other.export("EUR") == (text, {})


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    own=st.lists(goods(), min_size=1, max_size=3),
    order=st.randoms(use_true_random=False),
    has_skus=st.booleans(),
    renames=st.booleans(),
)
def test_no_variant_leaves_sale_or_is_added_when_a_file_is_only_rearranged(
    own: list[Goods], order: Random, has_skus: bool, renames: bool
) -> None:
    # Given imported goods
    shop = Shop()
    _, found = shop.send(write_export(own), ImportOptions("EUR"))
    before = shop.products()
    # When rows change their order, SKUs disappear, an option is renamed and prices rise
    for each in own:
        order.shuffle(each.variants)
        if renames and each.options:
            each.options = (f"{each.options[0]} (new)", *each.options[1:])
        for variant in each.variants:
            variant.price += 1
            variant.sku = variant.sku if has_skus else ""
    order.shuffle(own)
    _, again = shop.send(write_export(own), ImportOptions("EUR"))
    # Then every product that is imported again has the same variants
    after = shop.products()
    for product_id in found.products.accepted_ids & set(again.products.changed):
        old, new = before[product_id], after[product_id]
        assert [(v.id, v.sku, v.status) for v in new.variants] == [
            (v.id, v.sku, v.status) for v in old.variants
        ]
        values = [[[c.value for c in v.choices] for v in p.variants] for p in (old, new)]
        assert values[0] == values[1]
