"""Values of a YAML file are read as the file shows them, or the item says what is wrong."""

import tracemalloc

import pytest

from shop.catalog.actions.importing import ImportEntry
from shop.catalog.model.import_options import ImportOptions
from shop.catalog.schemas.file_parsing import FileParseResult
from shop.catalog.schemas.files import parse_product_file
from shop.kernel.errors import ShopError

FIRST = "- {id: first, name: First, price: 1}\n"
LAST = "- {id: last, name: Last, price: 1}\n"


def read(text: str) -> FileParseResult:
    return parse_product_file(text.encode(), "application/yaml", ImportOptions("USD"))


def read_one(**fields: str) -> ImportEntry:
    given = {"id": "x", "name": "X", "price": "1", **fields}
    reading = read("- " + "  ".join(f"{name}: {value}\n" for name, value in given.items()))
    assert reading.rejected == []
    (entry,) = reading.entries
    return entry


@pytest.mark.parametrize(
    "text",
    [
        *("no", "No", "NO", "yes", "on", "off", "y", "true", "False"),
        *("012", "0x1F", "0b11", "0o17", "1_000", "1e3", "+1", "007", "5.", ".5", ".inf", ".nan"),
        *("1:20", "12:30:45", "190:20:30"),
        *("2026-01-31", "2026-01-31 10:00:00", "2026-01-31T10:00:00Z"),
        *("=", "<3", "Null-Linie", "~x", "100%x", "501"),
    ],
)
def test_a_text_is_read_as_it_is_written(text: str) -> None:
    entry = read_one(name=text, brand=text, sku=text, aliases=f"[{text}, {text}]")
    draft = entry.draft
    assert (draft.title, draft.brand, draft.variants[0].sku) == (text, text, text)
    assert draft.tags == (text, text)


@pytest.mark.parametrize("text", ["~", "null", "Null", "NULL", ""])
def test_an_empty_value_is_an_absent_one(text: str) -> None:
    entry = read_one(brand=text, sku=text, aliases=text, promoted=text, current_stock=text)
    assert (entry.draft.brand, entry.draft.tags, entry.counts) == (None, (), {})
    assert entry.draft.variants[0].sku == "x"


@pytest.mark.parametrize("text", ["'null'", '"null"', "!!str null"])
def test_a_quoted_null_is_a_text(text: str) -> None:
    assert read_one(brand=text).draft.brand == "null"


@pytest.mark.parametrize(
    ("text", "flag"),
    [
        *((text, True) for text in ("true", "True", "yes", "on", "'true'", "1")),
        *((text, False) for text in ("false", "no", "off", "'false'", "0", "''")),
    ],
)
def test_a_flag_is_read_in_every_spelling(text: str, flag: bool) -> None:
    assert ("promoted" in read_one(promoted=text).draft.tags) is flag


def test_a_price_or_a_count_with_a_leading_zero_is_decimal() -> None:
    entry = read_one(price="012.50", current_stock="010")
    assert (entry.draft.variants[0].price.minor, entry.counts) == (1250, {"x": 10})


@pytest.mark.parametrize(
    ("fields", "line", "reason"),
    [
        ("  price: 1:20\n", 2, "price: '1:20' is not a price. Write digits only, as in 129.99."),
        ("  price: 1e3\n", 2, "price: '1e3' is not a price. Write digits only, as in 129.99."),
        ("  price: [1]\n", 2, "price: Must be text."),
        ("  price: 1\n  current_stock: 1:20\n", 2, "stock: Must be a whole number"),
        ("  price: 1\n  current_stock: yes\n", 2, "not 'yes'."),
        ("  price: 1\n  promoted: maybe\n", 2, "promoted: Must be true or false, not 'maybe'."),
        ("  price: 1\n  brand: !!binary aGk=\n", 2, "brand: Must be text, without the type !!"),
        ("  price: 1\n  brand: !mine x\n", 2, "brand: Must be text, without the type !mine."),
        (
            "  price: &p 1\n  sku: *p\n",
            2,
            "sku: Must be text, not the alias *p. Write the value itself.",
        ),
        ("  price: 1\n  aliases: [a, *b]\n", 2, "aliases: Must be a list of texts, not the ali"),
        ("  price: 1\n  aliases: [a, [b]]\n", 2, "aliases: Must be a list of texts."),
        ("  price: 1\n  <<: *base\n", 5, "<<: Fields of another product are not read."),
        ("  price: 1\n  ? [a]\n  : b\n", 5, "The name of a field must be text."),
        ("  price: 1\n  *a : b\n", 5, "The name of a field must be text."),
        ("  price: 1\n  'price': 2\n", 5, "price: Must appear once."),
        ("  price: 1\n---\n", 5, "Must be one YAML document. Remove the line '---'."),
        ("  price: 1\n    brand: x\n", 5, "Check the indentation and the quotes here."),
        ("\tprice: 1\n", 4, "Check the indentation and the quotes here."),
    ],
)
def test_a_value_that_is_no_text_rejects_its_item(fields: str, line: int, reason: str) -> None:
    reading = read(f"{FIRST}- id: x\n  name: X\n{fields}{LAST}")
    assert [e.product_id for e in reading.entries] == ["first", "last"]
    (rejected,) = reading.rejected
    assert rejected.line == line
    assert reason in rejected.reason


@pytest.mark.parametrize("name", ["1", "null", "true", "2026-01-31", "no", "~"])
def test_a_field_whose_name_is_no_text_for_yaml_is_an_unknown_field(name: str) -> None:
    reading = read(FIRST + f"- {{id: x, name: X, price: 1, {name}: y}}\n")
    assert len(reading.entries) == 2
    assert list(reading.notices) == [f"Fields ignored, because the shop has no such field: {name}."]


@pytest.mark.parametrize("item", ["-\n  id: x", "-\r\n  id: x", "- id: x", "- # c\n  id: x"])
def test_an_item_may_begin_with_its_dash_alone(item: str) -> None:
    reading = read(f"{FIRST}{item}\n  name: X\n  price: 1\n{LAST}")
    assert [e.product_id for e in reading.entries] == ["first", "x", "last"]


def test_an_item_that_begins_with_a_tab_is_rejected() -> None:
    reading = read(f"{FIRST}-\tid: x\n  name: X\n{LAST}")
    assert [e.product_id for e in reading.entries] == ["first", "last"]
    assert [r.line for r in reading.rejected] == [2]


@pytest.mark.parametrize("head", ["---\n", "%YAML 1.2\n---\n", "# a\n\n--- # b\n", "\n \n"])
def test_marks_and_comments_may_come_before_the_list(head: str) -> None:
    assert len(read(head + FIRST + LAST).entries) == 2


@pytest.mark.parametrize(
    "bomb",
    [
        "[" * 200_000,
        "- " * 100_000 + "x",
        "{a: " * 100_000,
        "&a [" + "*a, " * 50_000 + "]",
    ],
)
def test_a_bomb_is_one_invalid_item_and_needs_little_memory(bomb: str) -> None:
    tracemalloc.start()
    reading = read(f"{FIRST}- id: x\n  name: X\n  price: 1\n  brand: {bomb}\n{LAST}")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert [e.product_id for e in reading.entries] == ["first", "last"]
    assert len(reading.rejected) == 1
    assert peak < 40_000_000


def test_the_reading_ends_at_the_product_too_many() -> None:
    # Everything after the limit would be invalid
    text = "".join(f"- {{id: p{n}, name: P, price: 1}}\n" for n in range(1_001)) + "- 'open\n"
    with pytest.raises(ShopError) as raised:
        read(text)
    assert raised.value.code == "too_many"
