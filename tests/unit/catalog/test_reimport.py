"""A file that comes again, changed or not: variants keep their ids, SKUs and stock."""

from dataclasses import replace
from datetime import timedelta
from itertools import count, permutations

import pytest

from shop.catalog.actions.importing import FileImport, import_file
from shop.catalog.actions.product_admin import update_product
from shop.catalog.model import Product, VariantStatus
from shop.catalog.model.import_options import ImportOptions
from shop.catalog.schemas.files import parse_product_file
from tests.doubles.catalog import MemoryProductCatalog
from tests.doubles.inventory import MemoryStockRepository
from tests.unit.catalog.sample_products import THEN
from tests.unit.catalog.test_product_admin import draft, size_variant

HEADER = (
    "Handle,Title,Option1 Name,Option1 Value,Option2 Name,Option2 Value,Variant SKU,"
    "Variant Price,Variant Inventory Qty\n"
)


class Shop:
    """A catalog and a stock in memory, into which files are imported."""

    def __init__(self) -> None:
        self.catalog = MemoryProductCatalog()
        self.stock = MemoryStockRepository()
        self._hours = count(1)

    def send(self, rows: str, header: str = HEADER) -> FileImport:
        at = THEN + timedelta(hours=next(self._hours))
        parsed = parse_product_file((header + rows).encode(), "text/csv", ImportOptions("USD"))
        assert parsed.rejected == []
        found = import_file(parsed, catalog=self.catalog, stock=self.stock, actor="wanda", at=at)
        assert found.products.rejected == ()
        return found

    def save(self, product: Product) -> Product:
        return self.catalog.save(product, expected_version=product.version)

    def variants(self, product_id: str = "tee") -> list[tuple[str, str, str]]:
        """Return the id, the SKU and the options of each variant on sale."""
        return [
            (v.id, v.sku, " / ".join(c.value for c in v.choices))
            for v in self.catalog.get(product_id).on_sale
        ]

    def units(self, sku: str) -> int:
        return self.stock.level(sku).available


S_AND_M = "tee,Tee,Size,S,,,,9,5\ntee,,,M,,,,9,7\n"


def test_a_sku_of_staff_stays_when_a_file_without_skus_comes_again() -> None:
    # Given a product without SKUs, to which staff give one
    shop = Shop()
    shop.send(S_AND_M)
    tee = shop.catalog.get("tee")
    shop.save(replace(tee, variants=(replace(tee.variants[0], sku="TEE-S"), tee.variants[1])))

    # When the file comes again with new prices
    shop.send(S_AND_M.replace(",9,", ",8,"))

    # Then both variants are on sale as before, and the stock has the SKU of staff
    assert shop.variants() == [("tee.1", "TEE-S", "S"), ("tee.2", "tee-m", "M")]
    assert [str(v.price) for v in shop.catalog.get("tee").on_sale] == ["8.00 USD", "8.00 USD"]
    assert shop.units("TEE-S") == 5


def test_skus_that_a_later_file_states_are_those_of_the_same_variants() -> None:
    shop = Shop()
    shop.send(S_AND_M)
    shop.send("tee,Tee,Size,S,,,TEE-S,9,5\ntee,,,M,,,TEE-M,9,7\n")
    assert shop.variants() == [("tee.1", "TEE-S", "S"), ("tee.2", "TEE-M", "M")]
    assert (shop.units("TEE-S"), shop.units("TEE-M")) == (5, 7)


@pytest.mark.parametrize("skus", [("", ""), ("A", "B")])
@pytest.mark.parametrize(
    "again",
    [
        "tee,Tee,Size,M,,,{1},9,7\ntee,,,S,,,{0},9,5\n",
        "tee,Tee,Grösse,S,,,{0},9,5\ntee,,,M,,,{1},9,7\n",
        "tee,Tee,Grösse,M,,,{1},9,7\ntee,,,S,,,{0},9,5\n",
        "tee,Tee,Size,s,,,{0},9,5\ntee,,,m,,,{1},9,7\n",
        "tee,Tee,Size,Ｓ,,,{0},9,5\ntee,,,Ｍ,,,{1},9,7\n",
        "TEE,Tee,SIZE,S,,,{0},9,5\nTee,,,M,,,{1},9,7\n",
    ],
    ids=["rows", "option", "rows and option", "case", "full width", "handle"],
)
def test_variants_keep_their_ids_when_rows_or_names_change(
    skus: tuple[str, str], again: str
) -> None:
    shop = Shop()
    shop.send(f"tee,Tee,Size,S,,,{skus[0]},9,5\ntee,,,M,,,{skus[1]},9,7\n")
    before = {(id_, sku) for id_, sku, _ in shop.variants()}
    shop.send(again.format(*skus))
    assert {(id_, sku) for id_, sku, _ in shop.variants()} == before
    sizes = {id_: value.casefold() for id_, _, value in shop.variants()}
    assert sizes["tee.1"] in ("s", "ｓ")


@pytest.mark.parametrize(
    "values", [("red", "Red"), ("½", "1⁄2"), ("1-5", "1\u20115"), ("M", "Ｍ"), ("fuß", "fuss")]
)
@pytest.mark.parametrize("name", ["Size", "SIZE", "Grösse"])
@pytest.mark.parametrize("turned", [False, True])
def test_values_that_read_alike_stay_with_their_variants_when_the_option_is_renamed(
    values: tuple[str, str], name: str, turned: bool
) -> None:
    # Given two variants that differ only in how their values are written
    shop = Shop()
    shop.send(f"tee,Tee,Size,{values[0]},,,,1,5\ntee,,,{values[1]},,,,2,7\n")
    before = [(v.id, v.sku, v.price) for v in shop.catalog.get("tee").on_sale]

    # When the option has another name, with the rows in either order
    rows = [(values[0], 1), (values[1], 2)]
    first, second = reversed(rows) if turned else rows
    shop.send(f"tee,Tee,{name},{first[0]},,,,{first[1]},\ntee,,,{second[0]},,,,{second[1]},\n")

    # Then each value has the variant, the SKU and the price that it had
    tee = shop.catalog.get("tee")
    assert [(v.id, v.sku, v.price) for v in tee.on_sale] == before
    written = {v.id: v.choices[0].value for v in tee.on_sale}
    assert written == {"tee.1": values[0], "tee.2": values[1]}


def test_options_in_another_order_are_found_in_another_case() -> None:
    shop = Shop()
    shop.send("tee,Tee,Waist,32,Length,34,,1,5\ntee,,,34,,32,,2,7\n")
    shop.send("tee,Tee,LENGTH,34,WAIST,32,,1,\ntee,,,32,,34,,2,\n")
    assert shop.variants() == [("tee.1", "tee-32-34", "34 / 32"), ("tee.2", "tee-34-32", "32 / 34")]


@pytest.mark.parametrize("skus", [False, True])
def test_options_in_another_order_are_the_same_variants(skus: bool) -> None:
    shop = Shop()
    a, b = ("A", "B") if skus else ("", "")
    shop.send(f"tee,Tee,Size,S,Color,Red,{a},9,5\ntee,,,M,,Red,{b},9,5\n")
    before = [(id_, sku) for id_, sku, _ in shop.variants()]
    shop.send(f"tee,Tee,Color,Red,Size,S,{a},9,5\ntee,,,Red,,M,{b},9,5\n")
    assert [(id_, sku) for id_, sku, _ in shop.variants()] == before
    assert [options for _, _, options in shop.variants()] == ["Red / S", "Red / M"]


VALUES = [
    ("+1.00", "-1.00"),
    ("♂", "♀"),
    ("Black/White", "Black & White"),
    ("½", "1/2"),
    ("red", "Red"),
]


@pytest.mark.parametrize("values", VALUES)
def test_values_that_read_alike_get_different_skus(values: tuple[str, str]) -> None:
    shop = Shop()
    rows = [f"tee,Tee,Kind,{value},,,,9,{n}\n" for n, value in enumerate(values, 4)]
    shop.send("".join(rows))
    first = shop.variants()
    assert len({sku for _, sku, _ in first}) == 2
    assert [shop.units(sku) for _, sku, _ in first] == [4, 5]
    shop.send("".join(reversed(rows)).replace(",9,", ",8,"))
    assert shop.variants() == first


def test_two_options_whose_values_join_alike_get_different_skus() -> None:
    shop = Shop()
    shop.send("tee,Tee,A,a-b,B,c,,9,1\ntee,,,a,,b-c,,9,2\n")
    assert len({sku for _, sku, _ in shop.variants()}) == 2


def test_a_value_that_reads_like_an_earlier_one_does_not_replace_its_variant() -> None:
    shop = Shop()
    shop.send("lens,Lens,Power,+1.00,,,,9,4\n")
    first = shop.variants("lens")
    for rows in permutations(("lens,Lens,Power,+1.00,,,,9,4\n", "lens,Lens,Power,-1.00,,,,9,6\n")):
        shop.send("".join(rows))
        assert shop.variants("lens")[:1] == first
        assert [value for _, _, value in shop.variants("lens")] == ["+1.00", "-1.00"]


def test_a_new_variant_does_not_get_the_sku_of_a_renamed_one() -> None:
    # Given a variant that staff renamed from S to XS; it keeps its SKU
    shop = Shop()
    shop.send(S_AND_M)
    small, medium = (
        size_variant(size, id=f"tee.{n}", price=900) for n, size in ((1, "XS"), (2, "M"))
    )
    update_product(
        "tee",
        draft(small, medium, title="Tee"),
        expected_version=1,
        catalog=shop.catalog,
        at=THEN + timedelta(hours=2),
    )
    # When a file has XS, M and a new S
    shop.send("tee,Tee,Size,XS,,,,9,5\ntee,,,M,,,,9,7\ntee,,,S,,,,9,3\n")
    # Then S is a variant of its own
    assert shop.variants() == [
        ("tee.1", "tee-s", "XS"),
        ("tee.2", "tee-m", "M"),
        ("tee.3", "tee.3", "S"),
    ]
    assert (shop.units("tee-s"), shop.units("tee.3")) == (5, 3)


def test_stock_is_opened_only_for_skus_that_the_product_has() -> None:
    shop = Shop()
    rows = "tee,Tee,Size,S,,,A,9,5\n"
    shop.send(rows.replace(",5\n", ",\n"))
    tee = shop.catalog.get("tee")
    shop.save(replace(tee, variants=(replace(tee.variants[0], sku="B"),)))
    found = shop.send(rows.replace(",9,5", ",9,"))
    assert (found.products.unchanged, found.stock_counted) == (("tee",), 0)
    assert shop.variants() == [("tee.1", "B", "S")]


def test_of_variants_with_the_same_options_the_one_on_sale_is_meant() -> None:
    # Given a discontinued variant with the options of one on sale
    shop = Shop()
    shop.send("tee,Tee,Size,S,,,A,9,5\n")
    tee = shop.catalog.get("tee")
    old = replace(tee.variants[0], status=VariantStatus.DISCONTINUED)
    shop.save(replace(tee, variants=(old, replace(tee.variants[0], id="tee.2", sku="B"))))
    # When a file names it by its options only
    shop.send("tee,Tee,Size,S,,,,8,5\n")
    assert shop.variants() == [("tee.2", "B", "S")]


def test_an_unknown_sku_does_not_return_a_discontinued_variant() -> None:
    shop = Shop()
    shop.send("tee,Tee,Size,S,,,A,9,5\ntee,,,M,,,B,9,5\n")
    shop.send("tee,Tee,Size,M,,,B,9,5\n")
    shop.send("tee,Tee,Size,S,,,C,9,5\ntee,,,M,,,B,9,5\n")
    assert shop.variants() == [("tee.2", "B", "M"), ("tee.3", "C", "S")]


def test_staff_change_a_sku_by_the_options_of_its_variant() -> None:
    shop = Shop()
    shop.send(S_AND_M)
    new = draft(size_variant("S", sku="NEW"), size_variant("M"), title="Tee")
    product = update_product(
        "tee", new, expected_version=1, catalog=shop.catalog, at=THEN + timedelta(hours=3)
    )
    assert [(v.id, v.sku) for v in product.on_sale] == [("tee.1", "NEW"), ("tee.2", "tee-m")]


def test_a_single_option_called_title_is_an_option_unless_its_value_is_the_default() -> None:
    shop = Shop()
    shop.send("book,Book,Title,Second edition,,,A,9,1\nmug,Mug,Title,Default Title,,,B,9,1\n")
    assert shop.variants("book") == [("book.1", "A", "Second edition")]
    assert shop.variants("mug") == [("mug.1", "B", "")]


ONE_MORE = "tee,Tee,Size,S,Color,Red,{0},9,5\ntee,,,M,,Red,{1},9,7\n"


@pytest.mark.parametrize("skus", [("", ""), ("A", "B")])
def test_an_option_with_one_value_may_come_and_go(skus: tuple[str, str]) -> None:
    shop = Shop()
    shop.send(S_AND_M)
    ids = [id_ for id_, _, _ in shop.variants()]
    shop.send(ONE_MORE.format(*skus))
    assert [(id_, options) for id_, _, options in shop.variants()] == [
        ("tee.1", "S / Red"),
        ("tee.2", "M / Red"),
    ]
    shop.send(S_AND_M.replace(",9,", ",8,"))
    assert [id_ for id_, _, _ in shop.variants()] == ids


@pytest.mark.parametrize(
    ("first", "second"), [("Size,S", "Title,Default Title"), ("Title,Default Title", "Size,S")]
)
def test_the_only_variant_stays_when_its_option_comes_or_goes(first: str, second: str) -> None:
    shop = Shop()
    shop.send(f"tee,Tee,{first},,,,9,5\n")
    sku = shop.variants()[0][1]
    shop.send(f"tee,Tee,{second},,,,9,5\n")
    assert [(id_, own) for id_, own, _ in shop.variants()] == [("tee.1", sku)]


@pytest.mark.parametrize(
    "again",
    [
        "tee,Tee,Size,L,,,,9,5\n",
        "tee,Tee,Size,L,Color,Red,,9,5\n",
        "tee,Tee,Color,Red,,,,9,5\ntee,,,Blue,,,,9,5\n",
    ],
)
def test_another_value_is_another_variant(again: str) -> None:
    shop = Shop()
    shop.send("tee,Tee,Size,S,,,,9,5\n")
    shop.send(again)
    assert "tee.1" not in [id_ for id_, _, _ in shop.variants()]


EXPORT = "Handle,Title,Option1 Name,Option1 Value,Variant SKU,Variant Price,Doorbuster Id\n"


def test_rows_that_are_added_to_an_export_need_no_id() -> None:
    # Given the export of a product whose id is not its handle
    shop = Shop()
    shop.send("tee,Tee,Size,S,TS,9,prod_1\n", EXPORT)
    # When a variant and a product are added by handle
    rows = (
        "tee,Tee,Size,S,TS,9,prod_1\ntee,,,M,TM,9,\nred-mug,Mug,Kind,A,MA,9,\nred-mug,,,B,MB,9,\n"
    )
    found = shop.send(rows, EXPORT)
    # Then the variant is one of the exported product
    assert (found.products.created, found.products.changed) == (("red-mug",), ("prod_1",))
    assert [sku for _, sku, _ in shop.variants("prod_1")] == ["TS", "TM"]
    assert [sku for _, sku, _ in shop.variants("red-mug")] == ["MA", "MB"]
    assert shop.catalog.get("red-mug").handle == "red-mug"


def test_ids_that_differ_in_case_are_two_products() -> None:
    shop = Shop()
    rows = "tee,Tee,,,A,9,Prod_1\ntee,Tee,,,B,9,prod_1\n"
    assert shop.send(rows, EXPORT).products.created == ("Prod_1", "prod_1")
    assert shop.send(rows, EXPORT).products.unchanged == ("Prod_1", "prod_1")


@pytest.mark.parametrize(
    "rows",
    [
        "tee,Tee,Size,S,A,9,prod_1\ntee,Tee,Size,S,B,9,prod_2\ntee,,,M,C,9,\n",
        "tee,Tee,Size,M,C,9,\ntee,Tee,Size,S,A,9,prod_1\n",
    ],
    ids=["two products", "before the id"],
)
def test_a_row_with_an_ambiguous_handle_rejects_all_its_products(rows: str) -> None:
    parsed = parse_product_file((EXPORT + rows).encode(), "text/csv", ImportOptions("USD"))
    assert parsed.entries == []
    assert any("Doorbuster Id" in r.reason for r in parsed.rejected)


def test_values_that_differ_only_in_case_are_named() -> None:
    rows = "tee,Tee,Size,s,Color,Red,A,9,1\ntee,,,S,,red,B,9,1\ntee,,,Ｓ,,RED ,C,9,1\n"
    parsed = parse_product_file((HEADER + rows).encode(), "text/csv", ImportOptions("USD"))
    (entry,) = parsed.entries
    assert [(n.lines, n.text) for n in entry.notices] == [
        ((3, 4), "Option Size has values that read alike: 's', 'S', 'Ｓ'. Write one of them."),
        (
            (3, 4),
            "Option Color has values that read alike: 'Red', 'red', 'RED'. Write one of them.",
        ),
    ]


@pytest.mark.parametrize("number", ["4.01E+12", "4,01E+12", "4e12", "4.01E+9"])
def test_a_number_that_a_spreadsheet_shortened_is_named(number: str) -> None:
    text = f'{HEADER}tee,Tee,Size,S,,,"{number}",9,1\n'
    parsed = parse_product_file(text.encode(), "text/csv", ImportOptions("USD"))
    assert [n.text for n in parsed.entries[0].notices] == [
        f"The SKU {number} is a number that a spreadsheet shortened. Format its column as text."
    ]
