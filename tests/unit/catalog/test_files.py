"""Product files: Shopify's CSV with old and new column names, and the demo store's YAML."""

import csv
import io
from pathlib import Path

import pytest

from shop.catalog.actions.importing import ImportEntry
from shop.catalog.model import Category, Option, ProductStatus
from shop.catalog.model.import_options import ImportOptions
from shop.catalog.schemas.file_parsing import FileParseResult
from shop.catalog.schemas.files import (
    MAX_PRODUCTS_PER_FILE,
    import_options_from_query,
    parse_product_file,
)
from shop.catalog.schemas.html_sanitizer import plain_text
from shop.kernel.errors import InvalidRequest, ShopError, Unprocessable
from shop.kernel.money import Money

DEMO_STORE = Path(__file__).parents[4] / "shared" / "data" / "retail-demo-store-products.yaml"
SAMPLES = Path(__file__).parents[3] / "local" / "samples"

OLD_CSV = """\
Handle,Title,Body (HTML),Vendor,Type,Tags,Published,Option1 Name,Option1 Value,Option2 Name,\
Option2 Value,Variant SKU,Variant Grams,Variant Inventory Tracker,Variant Inventory Qty,\
Variant Inventory Policy,Variant Price,Variant Compare At Price,Variant Barcode,Image Src,\
Image Position,Image Alt Text,Gift Card,Variant Image,Variant Weight Unit,Status,Price / Europe
tee,Tee,"<p>Soft &amp; <b>light</b></p>
<ul><li>washed</li></ul>",Acme,Apparel > Shirts,"summer, new",TRUE,Color,Red,Size,S,T-RS,\
226.796,shopify,5,deny,19.99,25.00,'4006381333931,https://cdn.example/1.jpg,1,Front,FALSE,,g,active,18
tee,,,,,,,,Red,,M,T-RM,226.796,shopify,0,deny,19.99,,,https://cdn.example/2.jpg,2,Back,,\
https://cdn.example/m.jpg,g,,
tee,,,,,,,,,,,,,,,,,,,https://cdn.example/3.jpg,3,,,,,,
mug,Mug,A mug,,,,FALSE,Title,Default Title,,,,300,,-2,continue,8,,,,,,,,,active,
"""

NEW_CSV = """\
Title,URL handle,Description,Vendor,Product category,Type,Tags,Published on online store,Status,\
SKU,Barcode,Option1 name,Option1 value,Option1 Linked To,Option2 name,Option2 value,Price,\
Compare-at price,Cost per item,Charge tax,Inventory tracker,Inventory quantity,\
Continue selling when out of stock,Weight value (grams),Weight unit for display,Requires shipping,\
Product image URL,Image position,Image alt text,Variant image URL,Gift card,SEO title
Tee,tee,"<p>Soft &amp; <b>light</b></p>
<ul><li>washed</li></ul>",Acme,,Apparel > Shirts,"summer, new",TRUE,Active,T-RS,4006381333931,\
Color,Red,,Size,S,19.99,25.00,,TRUE,shopify,5,deny,226.796,g,TRUE,https://cdn.example/1.jpg,1,Front,,FALSE,
,tee,,,,,,,,T-RM,,,Red,,,M,19.99,,,TRUE,shopify,0,deny,226.796,g,TRUE,https://cdn.example/2.jpg,2,\
Back,https://cdn.example/m.jpg,,
,tee,,,,,,,,,,,,,,,,,,,,,,,,,https://cdn.example/3.jpg,3,,,,
Mug,mug,A mug,,,,,FALSE,active,,,Title,Default Title,,,,8,,,,,-2,continue,300,,,,,,,,
"""

YAML = """\
# some products
- id: 'a1'
  name: Rugged Backpack
  category: accessories
  style: backpack
  description: For
    long treks.
  price: 129.99
  current_stock: 15
  image: a1.jpg
  gender_affinity: F
  promoted: true
  aliases: [rucksack]
- id: b2
  name: 501
  price: 3
"""


NO_TRACKER = (
    "It has no inventory tracker, so Shopify sells it uncounted. The shop sells counted units"
    " only: set its stock before it can be sold."
)


def read(text: str | bytes, kind: str = "text/csv", **options: object) -> FileParseResult:
    raw = text.encode() if isinstance(text, str) else text
    return parse_product_file(raw, kind, ImportOptions(**{"currency": "USD", **options}))  # type: ignore[arg-type]


def read_yaml(text: str, **options: object) -> FileParseResult:
    return read(text, "application/yaml", **options)


def by_id(reading: FileParseResult) -> dict[str, ImportEntry]:
    return {entry.product_id: entry for entry in reading.entries}


@pytest.mark.parametrize("text", [OLD_CSV, NEW_CSV], ids=["old names", "new names"])
def test_old_and_new_shopify_columns_are_parsed(text: str) -> None:
    entries = by_id(read(text))
    tee, mug = entries["tee"], entries["mug"]
    draft = tee.draft
    assert (draft.title, draft.brand, draft.tags) == ("Tee", "Acme", ("summer", "new"))
    assert draft.description == "Soft & light\nwashed"
    assert (draft.html or "").startswith("<p>Soft")
    assert draft.categories == (Category("Apparel > Shirts"),)
    assert draft.options == (Option("Color", ("Red",)), Option("Size", ("S", "M")))
    assert [m.url for m in draft.media] == [f"https://cdn.example/{n}.jpg" for n in (1, 2, 3)]
    assert draft.media[0].alt == "Front"
    small, medium = draft.variants
    assert (small.sku, small.price, small.list_price) == (
        "T-RS",
        Money(1999, "USD"),
        Money(2500, "USD"),
    )
    assert (small.weight_g, small.barcode) == (227, "4006381333931")
    assert medium.media is not None
    assert medium.media.url == "https://cdn.example/m.jpg"
    assert tee.counts == {"T-RS": 5, "T-RM": 0}
    assert tee.status is ProductStatus.PUBLISHED
    assert (mug.draft.options, mug.draft.variants[0].choices) == ((), ())
    assert mug.draft.variants[0].sku == "mug"
    assert mug.counts == {}
    assert mug.status is ProductStatus.DRAFT


def test_old_and_new_column_names_give_the_same_source_digest() -> None:
    old, new = by_id(read(OLD_CSV)), by_id(read(NEW_CSV))
    assert {i: e.source for i, e in old.items()} == {i: e.source for i, e in new.items()}


def test_content_that_the_shop_does_not_store_is_reported_by_product() -> None:
    entries = by_id(read(OLD_CSV))
    tee = [(notice.lines, notice.text) for notice in entries["tee"].notices]
    assert tee == [((2,), "Not imported: price / europe. Create price lists for markets.")]
    mug = [(notice.lines, notice.text) for notice in entries["mug"].notices]
    assert mug == [
        ((6,), "Overselling is not imported: sales stop at zero stock."),
        ((6,), "The count is below zero: it is imported as zero."),
        ((6,), NO_TRACKER),
    ]


@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_other_delimiters_and_a_byte_order_mark_are_accepted(delimiter: str) -> None:
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter).writerows(csv.reader(io.StringIO(OLD_CSV)))
    reading = read(b"\xef\xbb\xbf" + out.getvalue().encode())
    assert by_id(reading).keys() == {"tee", "mug"}


def test_column_names_are_case_insensitive() -> None:
    reading = read("HANDLE,title,VARIANT price\nmug,Mug,8.00\n")
    assert reading.entries[0].draft.variants[0].price == Money(800, "USD")


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("mug,Mug,abc,,,", "price: 'abc' is not a price"),
        ("mug,Mug,-1,,,", "price: '-1' is not a price"),
        ("mug,Mug,1.999,,,", "price: '1.999' has more decimals than USD allows. Round it."),
        ("mug,Mug,NaN,,,", "price: 'NaN' is not a price"),
        ("mug,Mug,,,,", "price: Must not be empty."),
        ("mug,,8,,,", "title: Must not be empty in the first row of a handle."),
        ("mug,Mug,8,1.5,,", "stock: Must be a whole number of at most 10 digits, not '1.5'."),
        ("mug,Mug,8,99999999999,,", "stock: Must be a whole number of at most 10 digits"),
        (
            "mug,Mug,8,,heavy,",
            "weight: Must be a number of grams from 0 to 1000000000, not 'heavy'",
        ),
        ("mug,Mug,8,,,sold", "status: Must be one of active, draft, unlisted, archived"),
        (
            "mug,Mug,8,,,,,,x",
            "Must have 6 cells, as the header, not 9. Put a cell that contains a ',' into quotes.",
        ),
    ],
)
def test_an_invalid_row_is_rejected_with_line_and_reason_and_others_imported(
    row: str, reason: str
) -> None:
    text = (
        "Handle,Title,Price,Inventory quantity,Weight value (grams),Status\n"
        f"cup,Cup,5,,,\n{row}\npot,Pot,7,,,\n"
    )
    reading = read(text)
    assert by_id(reading).keys() == {"cup", "pot"}
    (rejected,) = reading.rejected
    assert rejected.line == 3
    assert reason in rejected.reason


def test_an_invalid_variant_rejects_its_whole_product() -> None:
    text = (
        "Handle,Title,Option1 name,Option1 value,Price\ntee,Tee,Size,S,5\ntee,,,M,x\ncup,Cup,,,4\n"
    )
    reading = read(text)
    assert by_id(reading).keys() == {"cup"}
    assert [(r.line, r.product) for r in reading.rejected] == [(3, "tee")]


def test_a_variant_without_a_value_for_an_option_is_rejected() -> None:
    reading = read("Handle,Title,Option1 name,Option1 value,Price\ntee,Tee,Size,S,5\ntee,,,,6\n")
    assert [(r.line, r.reason) for r in reading.rejected] == [
        (3, "option Size: Must have a value for this variant.")
    ]


def test_line_numbers_count_line_breaks_inside_cells() -> None:
    text = 'Handle,Title,Body,Price\na,A,"one\ntwo\nthree",1\nb,B,,x\n'
    assert [r.line for r in read(text).rejected] == [5]
    assert [r.line for r in read(text, first_line=100).rejected] == [104]


def test_a_duplicate_id_or_sku_is_rejected() -> None:
    reading = read("Handle,Title,Price,SKU\na,A,1,X\nb,B,2,X\nc,C,3,Y\n")
    assert by_id(reading).keys() == {"a", "c"}
    assert reading.rejected[0].reason == "SKU X belongs to the product of line 2. Choose another."
    same = read_yaml("- {id: a, name: A, price: 1}\n- {id: a, name: B, price: 1}\n")
    assert [r.line for r in same.rejected] == [2]


def test_rows_of_a_handle_need_not_be_adjacent() -> None:
    text = (
        "Handle,Title,Option1 name,Option1 value,Price\ntee,Tee,Size,S,5\ncup,Cup,,,4\ntee,,,M,6\n"
    )
    assert len(by_id(read(text))["tee"].draft.variants) == 2


def test_a_handle_that_is_no_valid_id_gets_a_stable_id() -> None:
    text = "Handle,Title,Price\n青花茶杯,青花茶杯,18\n"
    (one,), (again,) = read(text).entries, read(text).entries
    assert one.product_id == again.product_id
    assert one.product_id.startswith("prod_")
    assert one.draft.handle == "青花茶杯"


def test_a_variant_without_a_sku_gets_a_stable_sku() -> None:
    text = "Handle,Title,Option1 name,Option1 value,Price\ntee,Tee,Size,Größe S,5\ntee,,,茶,6\n"
    skus = [v.sku for v in read(text).entries[0].draft.variants]
    assert skus == [v.sku for v in read(text).entries[0].draft.variants]
    assert skus[0] == "tee-grosse-s"
    assert (skus[1] or "").startswith("sku_")


def test_prices_are_in_the_currency_of_the_options() -> None:
    yen = read("Handle,Title,Price\nmug,Mug,800\n", currency="JPY")
    assert yen.entries[0].draft.variants[0].price == Money(800, "JPY")
    assert (
        "more decimals" in read("Handle,Title,Price\na,A,8.5\n", currency="JPY").rejected[0].reason
    )


def test_the_demo_store_yaml_is_parsed() -> None:
    reading = read_yaml(YAML)
    bag = by_id(reading)["a1"]
    assert bag.draft.title == "Rugged Backpack"
    assert bag.draft.description == "For long treks."
    assert bag.draft.categories == (Category("accessories"), Category("accessories > backpack"))
    assert bag.draft.tags == ("for women", "promoted", "rucksack")
    assert bag.draft.variants[0].price == Money(12999, "USD")
    assert (bag.counts, bag.line, bag.status) == ({"a1": 15}, 2, None)
    assert by_id(reading)["b2"].draft.title == "501"
    assert bag.draft.media == ()
    assert any("the file has names only" in notice for notice in reading.notices)


def test_images_get_the_media_base_url() -> None:
    bag = by_id(read_yaml(YAML, media_base="https://cdn.example/img/"))["a1"]
    assert bag.draft.media[0].url == "https://cdn.example/img/a1.jpg"


@pytest.mark.parametrize(
    ("item", "line", "reason"),
    [
        ("- id: [unclosed\n  name: x\n", 4, "Must be valid YAML"),
        ("- id: x\n  name: 'y\n", 3, "The quote opened on line 3 is never closed."),
        ("- just text\n", 2, "a bare value"),
        ("- name: Nameless\n  price: 1\n", 2, "id: Must not be empty."),
        ("- id: x\n  price: 1\n", 2, "name: Must not be empty."),
        ("- id: x\n  name: X\n", 2, "price: Must not be empty."),
        ("- id: x\n  name: X\n  price: cheap\n", 2, "price: 'cheap' is not a price"),
        ("- id: x\n  name: X\n  price: .nan\n", 2, "is not a price"),
        ("- id: x\n  name: {a: b}\n  price: 1\n", 2, "name: Must be text."),
        ("- id: x\n  name: X\n  price: 1\n  current_stock: lots\n", 2, "not 'lots'"),
        ("- id: x\n  name: X\n  price: 1\n  current_stock: true\n", 2, "not 'true'"),
        ("- id: x\n  name: X\n  price: 1\n  price: 2\n", 5, "price: Must appear once."),
        ("- id: x\n  name: X\n  price: 1_299\n", 2, "price: '1_299' is not a price: it has"),
        ("- id: x\n  name: X\n  price: 1:30\n", 2, "price: '1:30' is not a price"),
        ("- id: x\n  name: X\n  price: 0x10\n", 2, "price: '0x10' is not a price"),
        ("- id: x\n  name: X\n  price: 1\n  current_stock: 1_0\n", 2, "not '1_0'"),
        ("- id: x\n  name: X\n  price: 1\n  aliases: {a: 1}\n", 2, "aliases"),
        ("- !!python/object/apply:os.system ['true']\n", 2, "Must be valid YAML"),
        ("- &a [*a]\n", 2, "a bare value"),
        ("- *unknown\n", 2, "Must be valid YAML"),
    ],
)
def test_an_invalid_item_is_rejected_with_its_line_and_others_imported(
    item: str, line: int, reason: str
) -> None:
    reading = read_yaml(f"- {{id: a, name: A, price: 1}}\n{item}- {{id: b, name: B, price: 1}}\n")
    assert by_id(reading).keys() == {"a", "b"}
    (rejected,) = reading.rejected
    assert reason in rejected.reason
    assert 2 <= rejected.line <= line


def test_a_yaml_bomb_is_one_invalid_item() -> None:
    bomb = "- id: x\n  a: &a [x, x, x, x, x, x, x, x, x]\n"
    for n in range(1, 12):
        before, name = chr(96 + n), chr(97 + n)
        bomb += f"  {name}: &{name} [" + ", ".join([f"*{before}"] * 9) + "]\n"
    reading = read_yaml(bomb + "  name: *l\n  price: 1\n- {id: b, name: B, price: 1}\n")
    assert by_id(reading).keys() == {"b"}
    assert reading.rejected[0].reason == (
        "name: Must be text, not the alias *l. Write the value itself."
    )


@pytest.mark.parametrize(
    ("raw", "kind", "error", "code"),
    [
        (b"\xff\xfe\x00", "text/csv", InvalidRequest, "encoding_unsupported"),
        (b"Handle,Title,Price\n", "text/csv", Unprocessable, "file_empty"),
        (b"", "text/csv", Unprocessable, "file_empty"),
        (b"a,b\n1,2\n", "text/csv", Unprocessable, "columns_missing"),
        (b"Handle,Title\nmug,Mug\n", "text/csv", Unprocessable, "columns_missing"),
        (b"", "application/yaml", Unprocessable, "file_empty"),
        (b"products:\n  - id: x\n", "application/yaml", Unprocessable, "not_a_list"),
        (b"{}", "application/json", InvalidRequest, "content_type_unsupported"),
        (b"{}", "", InvalidRequest, "content_type_unsupported"),
    ],
)
def test_a_file_without_products_is_rejected(
    raw: bytes, kind: str, error: type[ShopError], code: str
) -> None:
    with pytest.raises(error) as raised:
        read(raw, kind)
    assert raised.value.code == code


def test_more_products_than_the_limit_of_a_call_are_rejected() -> None:
    lines = "".join(
        f"- {{id: p{n}, name: P, price: 1}}\n" for n in range(MAX_PRODUCTS_PER_FILE + 1)
    )
    with pytest.raises(Unprocessable) as raised:
        read_yaml(lines)
    assert raised.value.code == "too_many"


@pytest.mark.parametrize(
    ("query", "code", "path"),
    [
        ({"currency": "usd"}, "currency_unknown", "currency"),
        ({"currency": "EURO"}, "currency_unknown", "currency"),
        ({"currency": ""}, "missing", "currency"),
        ({"decimal": ","}, "value_unknown", "decimal"),
        ({"media": "ftp://x/"}, "url_invalid", "media"),
        ({"media": "https://x/pictures"}, "url_invalid", "media"),
        ({"first_line": "0"}, "out_of_range", "first_line"),
        ({"first_line": "x"}, "out_of_range", "first_line"),
    ],
)
def test_invalid_import_options_are_rejected(query: dict[str, str], code: str, path: str) -> None:
    with pytest.raises(InvalidRequest) as raised:
        import_options_from_query({"currency": "USD", **query})
    assert [(p.code, p.path) for p in raised.value.problems] == [(code, path)]


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("plain", "plain"),
        ("<p>One</p><p>Two <i>and</i> three</p>", "One\nTwo and three"),
        ("a<br>b", "a\nb"),
        ("<b>no</b>space", "nospace"),
        ("x &lt; y &amp; z", "x < y & z"),
        ("<script>alert(1)</script>safe<style>p{}</style>", "safe"),
        ("<p>unclosed <b>tag", "unclosed tag"),
    ],
)
def test_plain_text_removes_markup(html: str, text: str) -> None:
    assert plain_text(html) == text


def test_the_sample_files_are_valid() -> None:
    for file in SAMPLES.glob("products.yaml"):
        assert not read_yaml(file.read_text()).rejected
    for file in SAMPLES.glob("*.csv"):
        assert not read(file.read_text()).rejected


@pytest.mark.slow
def test_the_whole_demo_store_is_parsed() -> None:
    if not DEMO_STORE.exists():
        pytest.skip(f"{DEMO_STORE} does not exist; it comes with the project's shared data only")
    text = DEMO_STORE.read_text()
    items = text.split("\n- id: ")
    total = 0
    for start in range(0, len(items), 800):
        part = "\n- id: ".join(items[start : start + 800])
        reading = read_yaml(part if start == 0 else "- id: " + part)
        assert reading.rejected == []
        total += len(reading.entries)
    assert total == 2465


HEADER = "Handle,Title,Price\n"
CAFE = HEADER + "cafe,Café Crème,5\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_the_encoding_is_detected_from_the_byte_order_mark(encoding: str) -> None:
    assert by_id(read(CAFE.encode(encoding)))["cafe"].draft.title == "Café Crème"


def test_windows_1252_is_decoded_if_the_options_name_it() -> None:
    raw = CAFE.replace("5\n", "“5”\n").encode("cp1252")
    reading = parse_product_file(raw, "text/csv", ImportOptions("USD", encoding="windows-1252"))
    assert reading.rejected[0].reason == (
        "price: '“5”' is not a price. Write digits only, as in 129.99."
    )
    with pytest.raises(InvalidRequest, match=r"Line 2, byte 5 \(0x81"):
        parse_product_file(
            HEADER.encode() + b"cafe\x81", "text/csv", ImportOptions("USD", encoding="windows-1252")
        )
    with pytest.raises(InvalidRequest, match="one of utf-8, windows-1252"):
        parse_product_file(raw, "text/csv", ImportOptions("USD", encoding="ebcdic"))


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (
            CAFE.encode("latin-1"),
            r"Line 2, byte 9 \(0xE9, byte 28 of the file\).*encoding=windows-125",
        ),
        (CAFE.encode("utf-16-le"), "Byte 2 of the file is zero"),
        (CAFE.encode("utf-32"), "UTF-32"),
        (CAFE.replace("é", "\ufffd").encode(), "Line 2, character 9 is U\\+FFFD"),
        (b"\x89PNG\r\n\x1a\n\0\0", "a picture"),
        (b"\xff\xd8\xff\xe0\0", "a picture"),
        (b"PK\x03\x04\x14\0", "an Excel workbook"),
        (b"%PDF-1.7", "a PDF"),
        (b'{"products": []}', "^This is JSON"),
        (b'[{"id": 1}]', "^This is JSON"),
        (b"<!DOCTYPE html><html>", "^This is a web page"),
        (b"", "^The file is empty"),
        (b" \n\n", "^The file is empty"),
        (
            b"Name,Email,Financial Status,Lineitem name\n#1,j@x.example,paid,Mug\n",
            "export of orders",
        ),
        (b"First Name,Accepts Email Marketing\nJ,no\n", "export of customers"),
    ],
)
def test_another_file_type_is_rejected_by_its_name(raw: bytes, message: str) -> None:
    for kind in ("text/csv", "application/yaml"):
        with pytest.raises(ShopError, match=message) as raised:
            read(raw, kind)
        assert "\n" not in raised.value.detail


@pytest.mark.parametrize(
    ("rows", "line"),
    [
        ('a,A,1\nb,"B,2\nc,C,3\nd,D,4\n', 3),
        ('a,A,1\nb,"fine ""so""","2\nc,C,3\n', 3),
        ('a,"two\nlines","1\nc,C,3', 3),
        ('a,A,1\nb,B,"', 3),
    ],
)
def test_an_unclosed_quote_is_rejected_with_its_opening_line(rows: str, line: int) -> None:
    reading = read((HEADER + rows).encode())
    (rejected,) = reading.rejected
    assert rejected.line == line
    assert rejected.reason.startswith(f"The quote opened on line {line} is never closed.")


def test_inches_and_closed_quotes_are_text() -> None:
    reading = read((HEADER + 'a,7" wide,1\nb,"say ""hi""\nto all",2').encode())
    assert [e.draft.title for e in reading.entries] == ['7" wide', 'say "hi"\nto all']
    assert not reading.rejected


def test_negative_stock_counts_are_reported_with_their_lines() -> None:
    rows = "".join(f"h{n},T,1,{-1 if n % 2 else 3}\n" for n in range(50))
    reading = read(f"Handle,Title,Price,Variant Inventory Qty\n{rows}".encode())
    below_zero = "The count is below zero: it is imported as zero."
    notices = [(n.lines, n.text) for entry in reading.entries for n in entry.notices]
    assert notices == [((line,), below_zero) for line in range(3, 52, 2)]
    one = read(b"- {id: a, name: A, price: 1, current_stock: -4}\n", "application/yaml")
    assert [(n.lines, n.text) for n in by_id(one)["a"].notices] == [
        ((1,), "The count is below zero: it is imported as zero.")
    ]
    assert by_id(one)["a"].counts == {"a": 0}
