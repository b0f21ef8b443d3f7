"""A valid product CSV is read whole, whatever its quoted cells contain."""

import csv
import io
from dataclasses import replace
from typing import Literal

from hypothesis import given
from hypothesis import strategies as st

from shop.catalog.actions.importing import import_products
from shop.catalog.model import Media
from shop.catalog.model.import_options import ImportOptions
from shop.catalog.schemas.file_parsing import FileParseResult
from shop.catalog.schemas.files import parse_product_file
from shop.catalog.schemas.shopify_export import COLUMNS, _rejection, export_product
from shop.catalog.schemas.shopify_parts import read_shopify_part, split_shopify_file
from tests.doubles.catalog import MemoryProductCatalog
from tests.kit.products import mug
from tests.unit.catalog.sample_products import LATER, THEN

HANDLE = "zuma-fish-58"
ALT = "The 5'8\" Zuma Fish, swallow tail"
ROW = f"{HANDLE}{',' * len(COLUMNS)}"
"""A line that looks like a row of the product in a file of the shop."""
LINES = st.sampled_from(
    (
        *(
            ROW,
            f'"{HANDLE}"{"," * len(COLUMNS)}',
            f"{HANDLE},tee,mug",
            f"{HANDLE},",
            ",".join(COLUMNS),
        ),
        *("5'8\" wide", '"', '""', '",', ',"', "a;b\tc", "'=1", "<p>Fish</p>", "tee", "plain"),
    )
)
TEXTS = st.lists(LINES, min_size=1, max_size=5).map("\n".join)
MAX_ALT = 1000
PLAIN = TEXTS.filter(lambda text: "<" not in text and len(text) <= MAX_ALT)


def written(
    rows: list[list[str]], header: list[str], quoting: Literal[0, 1] = csv.QUOTE_MINIMAL
) -> str:
    file = io.StringIO(newline="")
    csv.writer(file, quoting=quoting, lineterminator="\n").writerows([header, *rows])
    return file.getvalue()


def read(text: str) -> FileParseResult:
    return parse_product_file(text.encode(), "text/csv", ImportOptions("USD"))


@given(
    texts=st.lists(st.tuples(TEXTS, TEXTS, TEXTS), min_size=1, max_size=4),
    quoting=st.sampled_from((csv.QUOTE_MINIMAL, csv.QUOTE_ALL)),
)
def test_cells_with_any_lines_are_read_whole(
    texts: list[tuple[str, str, str]], quoting: Literal[0, 1]
) -> None:
    # Given products with a description, an alternative text and a cell that the shop ignores
    header = ["Handle", "Title", "Body (HTML)", "Image Src", "Image Alt Text", "SEO Description"]
    header += ["Option1 Name", "Option1 Value", "Variant SKU", "Variant Price"]
    rows = []
    for n, (body, alt, ignored) in enumerate(texts):
        handle = HANDLE if n == 0 else f"{HANDLE}-{n}"
        image = ["https://x.example/1.jpg", alt, ignored]
        rows.append([handle, "Fish", body, *image, "Size", "S", f"F-{n}-S", "9"])
        rows.append([handle, "", body, *image, "", "M", f"F-{n}-M", "9"])
    text = written(rows, header, quoting)

    # When the file is read as a small and as a large one
    small = read(text)
    split = split_shopify_file(iter([text.encode()]), ImportOptions("USD"))
    parts = [read_shopify_part(part.data, ImportOptions("USD")) for part in split.parts]

    # Then all products are read with all variants
    assert small.rejected == []
    assert [len(entry.draft.variants) for entry in small.entries] == [2] * len(texts)
    assert split.rejected == ()
    assert sorted(e.source for p in parts for e in p.entries) == sorted(
        e.source for e in small.entries
    )


@given(texts=st.lists(st.tuples(TEXTS, PLAIN), min_size=1, max_size=3))
def test_an_export_of_any_descriptions_is_read_back_whole(texts: list[tuple[str, str]]) -> None:
    # Given products that were imported with these texts
    catalog = MemoryProductCatalog()
    header = ["Handle", "Title", "Body (HTML)", "Image Src", "Image Alt Text", "Variant Price"]
    rows = [
        [f"{HANDLE}-{n}" if n else HANDLE, "Fish", body, "https://x.example/1.jpg", alt, "9"]
        for n, (body, alt) in enumerate(texts)
    ]
    first = read(written(rows, header))
    accepted = import_products(first.entries, catalog=catalog, at=THEN).created

    # When they are exported as one file, and it is imported
    views = [export_product(catalog.get(id_), "USD") for id_ in accepted]
    assert [view.omitted for view in views] == [None] * len(views)
    files = [view.csv or "" for view in views]
    again = read(files[0] + "".join(file.partition("\n")[2] for file in files[1:]))
    result = import_products(again.entries, catalog=catalog, at=LATER)

    # Then nothing changes
    assert set(result.unchanged) == set(accepted)
    assert (again.rejected, result.rejected) == ([], ())


def test_a_description_of_two_lines_and_a_quote_in_an_image_text_are_exported() -> None:
    text = f"A fast fish.\n{HANDLE} is made to order."
    fish = replace(
        mug(HANDLE), description=text, media=(Media("https://x.example/1.jpg", alt=ALT),)
    )
    variant = replace(fish.variants[0], title=fish.title)
    view = export_product(replace(fish, handle=HANDLE, variants=(variant,)), "USD")
    assert view.omitted is None


def test_reasons_of_omitted_products_are_sentences_in_sequence() -> None:
    assert _rejection("option Size: Must have a value for this variant.") == (
        "Shopify's format cannot hold its option Size. Read it by the API."
    )
    assert _rejection("Must have 3 cells, as the header, not 4.") == (
        "An import of its rows would reject it. Must have 3 cells, as the header, not 4."
        " Read it by the API."
    )


def test_a_line_that_names_another_product_is_no_row_of_it() -> None:
    body = f"Goes with\n{ROW}\nand is cheap."
    header = ["Handle", "Title", "Body (HTML)", "Variant Price"]
    found = read(written([[HANDLE, "Fish", "", "9"], ["fin", "Fin", body, "5"]], header))
    assert [entry.product_id for entry in found.entries] == [HANDLE, "fin"]
