"""Columns of a product file that change money or sale: imported, or reported by product."""

import io
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.importer import Notices, ask_for_currency, rejected_text
from local.processes import CloudError
from shop.catalog.actions.importing import ImportEntry, import_products
from shop.catalog.actions.product_admin import update_product
from shop.catalog.model import ProductStatus
from shop.catalog.model.import_options import ImportOptions
from shop.catalog.schemas.admin import ProductBody
from shop.catalog.schemas.admin_views import ProductView
from shop.catalog.schemas.file_numbers import parse_grams, parse_price
from shop.catalog.schemas.file_parsing import FileParseResult
from shop.catalog.schemas.files import parse_product_file
from shop.catalog.schemas.html_sanitizer import clean_html, plain_text
from shop.kernel.errors import InvalidRequest
from shop.kernel.money import Money, exponent
from tests.doubles.catalog import MemoryProductCatalog
from tests.unit.catalog.sample_products import LATER, THEN


def read(columns: str, row: str, **options: Any) -> FileParseResult:
    text = f"Handle,Title,Variant SKU,Variant Price,{columns}\nmug,Mug,MUG,8.00,{row}\n"
    return parse_product_file(text.encode(), "text/csv", ImportOptions("USD", **options))


def entry_of(columns: str, row: str, **options: Any) -> ImportEntry:
    reading = read(columns, row, **options)
    assert reading.rejected == []
    (entry,) = reading.entries
    return entry


def notices(entry: ImportEntry) -> list[str]:
    return [notice.text for notice in entry.notices]


@pytest.mark.parametrize(
    ("cell", "tax_class"),
    [("TRUE", "standard"), ("", "standard"), ("FALSE", "zero"), ("false", "zero"), ("no", "zero")],
)
@pytest.mark.parametrize("column", ["Variant Taxable", "Charge tax"])
def test_an_untaxed_article_has_the_tax_class_zero(column: str, cell: str, tax_class: str) -> None:
    (variant,) = entry_of(column, cell).draft.variants
    assert variant.tax_class == tax_class


@pytest.mark.parametrize(
    ("column", "cell", "reason"),
    [
        ("Variant Taxable", "FALSCH", "taxable: Must be TRUE or FALSE, not 'FALSCH'."),
        ("Requires shipping", "maybe", "requires shipping: Must be TRUE or FALSE, not 'maybe'."),
        ("Published", "WAHR", "published: Must be TRUE or FALSE, not 'WAHR'."),
        ("Gift Card", "oui", "gift card: Must be TRUE or FALSE, not 'oui'."),
        ("Variant Inventory Policy", "stop", "inventory policy: Must be TRUE or FALSE"),
        ("Image Position", "first", "image position: Must be a whole number, not 'first'."),
        ("Variant Compare At Price", "12 USD", "compare-at price: '12 USD' is not a price: it has"),
    ],
)
def test_a_cell_that_is_not_understood_rejects_the_product(
    column: str, cell: str, reason: str
) -> None:
    reading = read(column, cell)
    assert reading.entries == []
    assert reading.rejected[0].reason.startswith(reason)


NOT_IMPORTED = [
    ("Variant Requires Shipping", "FALSE", "It requires no shipping at Shopify."),
    ("Cost per item", "3.10", "The cost per item is not imported"),
    ("Variant Tax Code", "P0000000", "The tax code is not imported"),
    ("Variant Fulfillment Service", "amazon", "The fulfillment service is not imported"),
    ("Variant Inventory Policy", "continue", "Overselling is not imported"),
    ("Continue selling when out of stock", "TRUE", "Overselling is not imported"),
    ("Price / Europe", "9", "Not imported: price / europe."),
    ("Compare At Price / EU", "9", "Not imported: compare at price / eu."),
    ("Included / Europe", "FALSE", "Not imported: included / europe."),
    ("Status", "unlisted", "It is unlisted at Shopify"),
    ("Variant Compare At Price", "8.00", "The compare-at price is not above the price"),
    ("Variant Compare At Price", "7.99", "The compare-at price is not above the price"),
    ("Inventory tracker,Inventory quantity", "shopify,", "It has no count"),
]
IMPORTED = [
    ("Variant Requires Shipping", "TRUE"),
    ("Cost per item", ""),
    ("Cost per item", "0.00"),
    ("Variant Fulfillment Service", "manual"),
    ("Variant Inventory Policy", "deny"),
    ("Continue selling when out of stock", "FALSE"),
    ("Price / Europe", ""),
    ("Included / Europe", "TRUE"),
    ("Status", "active"),
    ("Variant Compare At Price", "8.01"),
    ("Variant Compare At Price", "0"),
    ("Inventory tracker,Inventory quantity", "shopify,0"),
]


@pytest.mark.parametrize(("column", "cell", "notice"), NOT_IMPORTED)
def test_content_that_is_not_imported_is_reported_with_its_product(
    column: str, cell: str, notice: str
) -> None:
    entry = entry_of(column, cell)
    (text,) = notices(entry)
    assert text.startswith(notice)
    assert entry.notices[0].lines == (2,)


@pytest.mark.parametrize(("column", "cell"), IMPORTED)
def test_content_that_is_imported_has_no_notice(column: str, cell: str) -> None:
    assert notices(entry_of(column, cell)) == []


@pytest.mark.parametrize(("cell", "list_price"), [("8.01", 801), ("8.00", None), ("0.00", None)])
def test_a_compare_at_price_is_above_the_price(cell: str, list_price: int | None) -> None:
    (variant,) = entry_of("Compare-at price", cell).draft.variants
    assert variant.list_price == (Money(list_price, "USD") if list_price else None)


@pytest.mark.parametrize(
    ("cells", "counts", "reported"),
    [
        ("shopify,5", {"MUG": 5}, False),
        ("shopify,0", {"MUG": 0}, False),
        (",0", {}, True),
        (",", {}, True),
        (",-3", {}, True),
        (",7", {"MUG": 7}, True),
    ],
)
def test_stock_is_not_opened_at_zero_for_an_article_that_is_not_counted(
    cells: str, counts: dict[str, int], reported: bool
) -> None:
    entry = entry_of("Variant Inventory Tracker,Variant Inventory Qty", cells)
    assert entry.counts == counts
    assert any("no inventory tracker" in text for text in notices(entry)) is reported


def test_without_a_column_of_trackers_counts_are_imported() -> None:
    assert entry_of("Variant Inventory Qty", "0").counts == {"MUG": 0}


def test_images_are_in_the_order_of_their_positions() -> None:
    header = "Handle,Title,Price,Image Src,Image Position,Image Alt Text\n"
    rows = "mug,Mug,8,https://c.example/3.jpg,3,C\n" + "".join(
        f"mug,,,https://c.example/{name}.jpg,{position},{name}\n"
        for name, position in (("1", "1"), ("x", ""), ("2", "2"), ("y", ""), ("10", "10"))
    )
    (entry,) = parse_product_file(
        (header + rows).encode(), "text/csv", ImportOptions("USD")
    ).entries
    names = [medium.url[len("https://c.example/") : -4] for medium in entry.draft.media]
    assert names == ["1", "2", "3", "10", "x", "y"]
    assert entry.draft.media[2].alt == "C"


@pytest.mark.parametrize(
    ("text", "decimal", "grams"),
    [
        ("0", "point", None),
        ("0.0", "point", None),
        ("", "point", None),
        ("0.2", "point", 1),
        ("226.796", "point", 227),
        ("226,796", "comma", 227),
    ],
)
def test_a_weight_of_zero_means_not_weighed(text: str, decimal: str, grams: int | None) -> None:
    assert parse_grams(text, decimal) == grams


@pytest.mark.parametrize("text", ["1,200", "1e3", "-1", "1_000", "٣", "NaN", "2 kg", "1000000001"])
def test_a_weight_in_another_notation_is_rejected(text: str) -> None:
    with pytest.raises(ValueError, match="Must be a number of grams from 0 to 1000000000, not"):
        parse_grams(text)


SIGN = "it has a currency sign"
PRICES = [
    ("1,299.00", "point", "it has thousands separators. Write 1299.00."),
    ("1,234,567.50", "point", "it has thousands separators. Write 1234567.50."),
    ("1'299.00", "point", "it has thousands separators. Write 1299.00."),
    ("1\u00a0299", "point", "it has thousands separators. Write 1299."),
    ("12,34,567", "point", "it has thousands separators. Write 1234567."),
    ("$12", "point", f"{SIGN}. Write 12."),
    ("12 €", "point", f"{SIGN}. Write 12."),
    ("USD 12.50", "point", f"{SIGN}. Write 12.50."),
    ("12.50 kr", "point", f"{SIGN}. Write 12.50."),
    ("$1,299.00", "point", f"{SIGN} and it has thousands separators. Write 1299.00."),
    ("12,50", "point", "it has a decimal comma. Write 12.50, or send decimal=comma."),
    ("12,5", "point", "it has a decimal comma. Write 12.5, or send decimal=comma."),
    ("1299,00", "point", "it has a decimal comma. Write 1299.00, or send decimal=comma."),
    (
        "1,299",
        "point",
        "its ',' may part thousands or decimals. Write 1299 or 1.299, or send decimal=comma.",
    ),
    (
        "1.299,00",
        "point",
        "it has thousands separators and a decimal comma. Write 1299.00.",
    ),
    ("-1", "point", "it is below zero. Write 0 or more."),
    ("-$5.00", "point", "it is below zero. Write 0 or more."),
    ("1.299,00", "comma", "it has thousands separators. Write 1299,00."),
    ("12.50", "comma", "it has a decimal point. Write 12,50, or send decimal=point."),
    ("1,299.00", "comma", "it has thousands separators and a decimal point. Write 1299,00."),
]


@pytest.mark.parametrize(("text", "decimal", "problem"), PRICES)
def test_a_price_in_another_notation_is_explained(text: str, decimal: str, problem: str) -> None:
    with pytest.raises(InvalidRequest) as raised:
        parse_price(text, "USD", decimal)
    assert raised.value.detail == f"{text!r} is not a price: {problem}"


@pytest.mark.parametrize("text", ["cheap", "1e3", "12..5", "1.2.3", "٣", "", "12/5", "1,,2", "."])
@pytest.mark.parametrize("decimal", ["point", "comma"])
def test_text_that_is_no_number_is_rejected(text: str, decimal: str) -> None:
    with pytest.raises(InvalidRequest, match="is not a price"):
        parse_price(text, "USD", decimal)


@given(st.integers(0, 10**9), st.sampled_from(["USD", "JPY", "KWD"]))
def test_an_amount_is_the_same_with_either_decimal_sign(minor: int, currency: str) -> None:
    places = exponent(currency)
    text = f"{minor // 10**places}" + (f".{minor % 10**places:0{places}}" if places else "")
    assert parse_price(text, currency) == Money(minor, currency)
    assert parse_price(text.replace(".", ","), currency, "comma") == Money(minor, currency)


@given(st.text(alphabet="0123456789.,'$€ -", max_size=12))
def test_a_text_is_a_price_in_one_notation_at_most(text: str) -> None:
    amounts = set()
    for decimal in ("point", "comma"):
        with suppress(InvalidRequest):
            amounts.add(parse_price(text, "KWD", decimal))
    assert len(amounts) <= 1


def test_a_file_with_decimal_commas_is_imported_with_the_option() -> None:
    text = "Handle;Title;Price;Compare-at price;Variant Grams\nmug;Mug;12,50;15,00;300,5\n"
    reading = parse_product_file(text.encode(), "text/csv", ImportOptions("EUR", decimal="comma"))
    (variant,) = reading.entries[0].draft.variants
    assert (variant.price, variant.list_price) == (Money(1250, "EUR"), Money(1500, "EUR"))
    assert variant.weight_g == 300


def test_columns_of_metafields_have_one_notice() -> None:
    metafields = [f"Fit {n} (product.metafields.custom.fit_{n})" for n in range(38)]
    metafields += ["Metafield: custom.care [single_line_text_field]", "metafields.shop.x"]
    columns = ",".join([*metafields, "Google Shopping / MPN", "Collection", "SEO Title"])
    reading = read(columns, ",".join("x" for _ in range(43)))
    assert list(reading.notices) == [
        "40 columns of metafields ignored: the shop has none.",
        "Columns ignored, because the shop has no such field: google shopping / mpn, collection.",
    ]


def test_unknown_columns_and_fields_are_named_once_and_at_most_twenty() -> None:
    reading = read(",".join(f"c{n}" for n in range(30)), "," * 29)
    (notice,) = reading.notices
    assert notice.endswith("c18, c19 and 10 more.")
    items = "- {id: a, name: A, price: 1, size: S}\n- {id: b, name: B, price: 1, color: red}\n"
    yaml = parse_product_file(items.encode(), "application/yaml", ImportOptions("USD"))
    assert list(yaml.notices) == [
        "Fields ignored, because the shop has no such field: size, color."
    ]


def test_a_notice_is_no_change_of_the_product() -> None:
    with_cost = entry_of("Cost per item", "3.10")
    assert with_cost.source == entry_of("Cost per item", "").source


@pytest.mark.parametrize(
    ("before", "cell", "after"),
    [
        ("reduced", "TRUE", "reduced"),
        ("reduced", "", "reduced"),
        ("reduced", "FALSE", "zero"),
        ("zero", "", "zero"),
        ("zero", "TRUE", "standard"),
        ("standard", "FALSE", "zero"),
    ],
)
def test_a_file_keeps_what_it_cannot_state(before: str, cell: str, after: str) -> None:
    # Given an imported article to which staff added tax class, weight and size
    catalog = MemoryProductCatalog()
    import_products([entry_of("Variant Taxable,Variant Grams", ",0")], catalog=catalog, at=THEN)
    body = ProductView.of(catalog.get("mug")).model_dump(exclude_none=True)
    body["variants"][0] |= {"tax_class": before, "weight_g": 350, "height_mm": 110}
    draft = ProductBody.model_validate(body).draft()
    update_product("mug", draft, expected_version=1, catalog=catalog, at=THEN)

    # When a later file has another title
    changed = entry_of("Variant Taxable,Variant Grams,Vendor", f"{cell},0,Acme")
    import_products([changed], catalog=catalog, at=LATER)

    # Then only what the file states has changed
    product = catalog.get("mug")
    (variant,) = product.variants
    assert (product.brand, product.status) == ("Acme", ProductStatus.PUBLISHED)
    assert (variant.tax_class, variant.weight_g, variant.height_mm) == (after, 350, 110)


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<table><tr><td>1</td><td>2</td></tr><tr><th>3</th><td>4</td></tr></table>", "1 2\n3 4"),
        ("<dl><dt>Width</dt><dd>5</dd></dl>", "Width\n5"),
        ("<h6>Care</h6>Wash", "Care\nWash"),
        ("<section>a</section><section>b</section>", "a\nb"),
        ("<blockquote>a</blockquote>b<hr>c<pre>d</pre>e", "a\nb\nc\nd\ne"),
        ("one<img src=x>two", "one two"),
        ("<figure>a<figcaption>b</figcaption></figure>c", "a\nb\nc"),
        ("<b>no</b>space", "nospace"),
    ],
)
def test_plain_text_keeps_words_apart(html: str, text: str) -> None:
    assert plain_text(html) == text


@pytest.mark.parametrize(
    ("html", "cleaned"),
    [
        ('<p dir="rtl">שלום</p>', '<p dir="rtl">שלום</p>'),
        ('<ul dir="LTR"><li dir="auto">x</li></ul>', '<ul dir="ltr"><li dir="auto">x</li></ul>'),
        ('<p dir="x">a</p>', "<p>a</p>"),
        ('<bdo dir="rtl">abc</bdo><bdi>x</bdi>', '<bdo dir="rtl">abc</bdo><bdi>x</bdi>'),
        ('<script dir="rtl">x</script><p>a</p>', "<p>a</p>"),
    ],
)
def test_the_direction_of_text_stays(html: str, cleaned: str) -> None:
    assert clean_html(html) == cleaned
    assert clean_html(cleaned) == cleaned


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_the_upload_asks_for_the_currency_of_a_file() -> None:
    file = Path("products.csv")
    assert ask_for_currency(file, Terminal("eur\n")) == "EUR"
    with pytest.raises(CloudError, match="must be an ISO 4217 code"):
        ask_for_currency(file, Terminal("\n"))
    with pytest.raises(CloudError, match=r"make import FILE=products\.csv CURRENCY=USD"):
        ask_for_currency(file, io.StringIO("EUR\n"))


def test_the_upload_names_the_products_of_each_notice_once() -> None:
    total = Notices()
    rows = [{"lines": [n], "product": f"p{n}", "notice": "Told."} for n in range(30, 0, -1)]
    for part in (rows[:10], rows[10:], [{"lines": [98, 99], "product": "q", "notice": "Other."}]):
        total.add({"notices": ["On the file."], "product_notices": part})
    first, second, other = total.texts()
    assert first == "On the file."
    assert second.startswith("line 1 (p1), line 2 (p2), ")
    assert second.endswith("line 20 (p20) and 10 more products: Told.")
    assert other == "lines 98, 99 (q): Other."


def test_a_gift_card_is_one_rejected_product_that_names_the_gift_cards_of_the_shop() -> None:
    rows = "card,Card,Value,10,C-10,10,TRUE\ncard,,,20,C-20,20,\ncard,,,30,C-30,30,\n"
    header = "Handle,Title,Option1 Name,Option1 Value,SKU,Price,Gift Card\n"
    reading = parse_product_file((header + rows).encode(), "text/csv", ImportOptions("USD"))
    (rejected,) = map(reading.located, reading.rejected)
    assert (rejected.product, rejected.column) == ("card", "G")
    assert rejected.reason == (
        "gift card: The shop sells no gift cards as products. Remove this product, and issue gift"
        " cards by POST /staff/gift-cards."
    )
    assert rejected_text([{"line": 2, "product": "card"}]) == "1 product"
