"""Files that are not product files get one sentence: what they are, and what to do."""

import bz2
import gzip
import io
import lzma
import zipfile
from typing import Any

import pytest

from shop.catalog.model.import_options import ImportOptions
from shop.catalog.schemas.file_parsing import FileParseResult
from shop.catalog.schemas.file_parts import split_product_file
from shop.catalog.schemas.files import parse_product_file
from shop.kernel.errors import ShopError

CSV = "Handle,Title,Price\nmug,Mug,8.00\n"
KINDS = {"csv": "text/csv", "yaml": "application/yaml"}


def archive(**files: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as target:
        for name, data in files.items():
            target.writestr(
                zipfile.ZipInfo(name), data
            )  # a fixed date: the names of tests are stable
    return file.getvalue()


def sheet(first: str, *more: str) -> bytes:
    return archive(**dict.fromkeys((first, *more), b"x" * 50))


def small(raw: bytes, form: str, **options: Any) -> FileParseResult:
    return parse_product_file(raw, KINDS[form], ImportOptions("USD", **options))


def large(raw: bytes, form: str, **options: Any) -> object:
    return split_product_file([raw], ImportOptions("USD", format=form, **options))


def problem(raw: bytes, form: str) -> str:
    """Return what both imports say; the large one names the format that it expects."""
    details = []
    for read in (small, large):
        with pytest.raises(ShopError) as raised:
            read(raw, form)
        assert raised.value.code in ("file_unknown", "file_empty", "encoding_unsupported")
        assert "\n" not in raised.value.detail
        assert raised.value.detail.endswith(".")
        details.append(raised.value.detail.partition(" Send Sh")[0].partition(" Send a YAML")[0])
    assert details[0] == details[1]
    return details[0]


@pytest.mark.parametrize("form", ["csv", "yaml"])
@pytest.mark.parametrize(
    ("raw", "what", "remedy"),
    [
        (archive(**{"products.csv": CSV.encode()}), "a ZIP archive", "Unpack the archive"),
        (sheet("[Content_Types].xml", "xl/workbook.xml"), "an Excel workbook", "Export it as CSV"),
        (sheet("[Content_Types].xml", "word/document.xml"), "a Word document", "Export it"),
        (sheet("Index/Document.iwa"), "an Apple Numbers spreadsheet", "Export it as CSV UTF-8"),
        (
            b"PK\x03\x04"
            + b"\0" * 26
            + b"mimetypeapplication/vnd.oasis.opendocument.spreadsheetPK",
            "a LibreOffice spreadsheet",
            "Export it as CSV UTF-8",
        ),
        (archive(), "an empty ZIP archive", ""),
        (gzip.compress(CSV.encode(), mtime=0), "(gzip)", "Unpack it first"),
        (bz2.compress(CSV.encode()), "(bzip2)", "Unpack it first"),
        (lzma.compress(CSV.encode()), "(xz)", "Unpack it first"),
        (b"7z\xbc\xaf\x27\x1c\0\4", "a 7-Zip archive", "send the file inside"),
        (b"Rar!\x1a\x07\x01\0", "a RAR archive", "send the file inside"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Excel workbook", "Export it as CSV UTF-8"),
        (b"%PDF-1.7\n%\xe2\xe3", "a PDF document", "Export the table as CSV UTF-8"),
        (b"\xef\xbb\xbf\r\n%PDF-1.4", "a PDF document", "Export the table as CSV UTF-8"),
        (b"{\\rtf1\\ansi Handle}", "a text document (RTF)", "Export the table as CSV UTF-8"),
        (CSV.encode("utf-16-le"), "Byte 2 of the file is zero: the file is UTF-16", "Save it as"),
        (CSV.encode("utf-16-be"), "Byte 1 of the file is zero: the file is UTF-16", "Save it as"),
        (b"MZ\x90\0\3\0\0\0\xff\xff", "the file is binary", "Save it as UTF-8"),
        (bytes(range(1, 9)) * 50, "Byte 1 of the file (0x01) is no text", "Export it as CSV"),
        (b"[1, 2]", "This is JSON", ""),
        (b'{"id": 1}\n{"id": 2}\n', "This is JSON", ""),
        (b"<!DOCTYPE html>\n<title>Log in</title>", "This is a web page", ""),
        (b"<!-- saved -->\n<HTML><body>", "This is a web page", ""),
        (b"<table><tr><td>Handle</td></tr></table>", "This is a web page", ""),
        (b"<rss><channel/></rss>", "This is XML", ""),
        (b"", "The file is empty", ""),
        (b"\xef\xbb\xbf", "The file is empty", ""),
        (b"\xff\xfe", "The file is empty", ""),
        (b"\xef\xbb\xbf \r\n\r\n", "The file is empty", ""),
    ],
)
def test_another_file_is_named_with_a_remedy(raw: bytes, what: str, remedy: str, form: str) -> None:
    detail = problem(raw, form)
    assert what in detail
    assert remedy in detail


@pytest.mark.parametrize(
    ("text", "detail"),
    [
        ("\n" + CSV, "The first line is empty. Remove the lines above the column names."),
        (",,\n" + CSV, "The first line is empty. Remove the lines above the column names."),
        (
            "sep=;\n" + CSV.replace(",", ";"),
            "The first line begins with 'sep=', a mark of spreadsheets.",
        ),
        (
            "sep=,\n" + CSV,
            "The first line begins with 'sep=', a mark of spreadsheets. Remove this line.",
        ),
        (CSV.replace(",", "|"), "Its cells are separated by '|'. Separate them by commas,"),
        ('"Handle,Title,Price"\n"mug,Mug,8.00"\n', "Each line is one quoted cell. Remove the"),
        ("- id: a\n  name: A\n", "This is a YAML list. Send it as application/yaml"),
        ("Name;Preis\nBecher;8\n", "no column 'Title'. Its columns are: name, preis. Send Sho"),
        ("Handle,Name,Price\n", "no column 'Title'. Its columns are: handle, name, price."),
    ],
)
def test_a_csv_without_column_names_is_rejected_by_its_first_line(text: str, detail: str) -> None:
    for read in (small, large):
        with pytest.raises(ShopError) as raised:
            read(text.encode(), "csv")
        assert raised.value.code == "columns_missing"
        assert detail in raised.value.detail


def test_a_csv_that_is_sent_as_yaml_is_named() -> None:
    for read in (small, large):
        with pytest.raises(ShopError, match=r"^This is a CSV, not YAML\. Send it as text/csv"):
            read(CSV.encode(), "yaml")


@pytest.mark.parametrize("raw", [b"Handle,Title,Price\n", b"\xef\xbb\xbfHandle,Title,Price"])
def test_a_file_with_column_names_only_has_no_products(raw: bytes) -> None:
    for read in (small, large):
        with pytest.raises(ShopError, match="contains no products") as raised:
            read(raw, "csv")
        assert raised.value.code == "file_empty"


@pytest.mark.parametrize(
    "raw",
    [
        CSV.replace(",", ";").encode(),
        CSV.replace(",", "\t").encode("utf-16"),
        CSV.replace("\n", "\r").encode(),
        CSV.replace("\n", "\r\n").encode("utf-8-sig"),
        ("\ufeff" * 3 + CSV).encode(),
        CSV.replace("Mug", "BZh <b {x} \x1b").encode(),
    ],
    ids=["semicolon", "tab and UTF-16", "return", "CR LF", "marks", "signs"],
)
def test_what_spreadsheets_write_is_read(raw: bytes) -> None:
    parsed = small(raw, "csv")
    assert ([e.product_id for e in parsed.entries], parsed.rejected) == (["mug"], [])


def test_windows_1252_is_read_if_it_is_stated_and_otherwise_named() -> None:
    raw = CSV.replace("Mug", "Größe – 5 €").encode("cp1252")
    for read in (small, large):
        with pytest.raises(ShopError, match=r"Line 2, byte 7 .*encoding=windows-1252"):
            read(raw, "csv")
    (entry,) = small(raw, "csv", encoding="windows-1252").entries
    assert entry.draft.title == "Größe – 5 €"


@pytest.mark.parametrize(
    "name",
    [
        *("%PDF", "%PDFx", "GIF8", "GIF", "GIF88a", "PAR1", "PAR1PAR1", "RIFF", "RIFF file"),
        *("BZh", "BZh9", "SQLite format 3", "{\\rtf", "{\\rtfx"),
    ],
)
def test_column_that_begins_like_another_format_is_a_column(name: str) -> None:
    head, row = CSV.split("\n", 1)
    text = f"{name},{head}\n" + "".join(f",{each}\n" for each in row.splitlines())
    parsed = parse_product_file(text.encode(), "text/csv", ImportOptions("USD"))
    assert [e.product_id for e in parsed.entries] == ["mug"]


@pytest.mark.parametrize(
    ("raw", "what"),
    [
        (b"GIF87a\x01\0\x01\0", "GIF"),
        (b"GIF89a\x01\0\x01\0", "GIF"),
        (b"RIFF\x24\0\0\0WEBPVP8 ", "RIFF"),
        (b"RIFF\x24\x08\x01\x01WAVEfmt ", "RIFF"),
        (b"RIFFabcdAVI LIST", "RIFF"),
        (b"PAR1\x15\x04\x15\x10" + b"\0" * 9, "Parquet"),
        (b"SQLite format 3\0\x10\0", "SQLite"),
        (b"BZh91AY&SY\x9f", "bzip2"),
        (b"BZh9\x17\x72\x45\x38\x50\x90", "bzip2"),
    ],
)
def test_full_signature_names_the_format(raw: bytes, what: str) -> None:
    assert what in problem(raw, "csv")
