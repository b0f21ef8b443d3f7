"""Uploaded text files: decode their bytes, or state the problem in one sentence.

Decoding never guesses or drops a character. UTF-8 is decoded strictly, UTF-16 only with a byte
order mark, and Windows-1252 (called ANSI by spreadsheets) only if the sender states it.

A line ends with LF, CR LF or CR, as in text editors and spreadsheets. All messages count lines this
way. ``str.splitlines`` does not: it also ends a line at U+000B, U+000C, U+0085 or U+2028.
"""

import codecs
import re

from shop.kernel.errors import InvalidRequest

LINE_END = re.compile(r"\r\n|\n|\r")
"""The end of a line."""
ENCODINGS = ("utf-8", "windows-1252")
"""The encodings that a sender may state."""
_BINARY_SIGNATURES = (
    (b"\x89PNG", "This is a picture (PNG)"),
    (b"\xff\xd8\xff", "This is a picture (JPEG)"),
    (b"GIF8", "This is a picture (GIF)"),
    (b"RIFF", "This is a picture or a sound (RIFF)"),
    (b"%PDF", "This is a PDF document"),
    (b"PK\x03\x04", "This is a ZIP archive or an Excel workbook. Export it as CSV UTF-8"),
    (b"\xd0\xcf\x11\xe0", "This is an old Excel workbook. Export it as CSV UTF-8"),
    (b"\x1f\x8b", "This is a compressed file (gzip). Unpack it first"),
    (b"SQLite format 3", "This is a database (SQLite)"),
)
_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def count_line_ends(text: str, start: int = 0, end: int | None = None) -> int:
    """Return the number of line ends in a part of a text."""
    return len(LINE_END.findall(text, start, len(text) if end is None else end))


def decode_text(raw: bytes, encoding: str = "utf-8") -> str:
    """Decode a file without its byte order mark, or marks: some programs write a second one.

    ``encoding`` is one of :data:`ENCODINGS`; a byte order mark takes precedence. Raises
    :class:`InvalidRequest` (``encoding_unsupported``, ``file_unknown``) with the line and the byte
    that cannot be decoded.
    """
    if encoding not in ENCODINGS:
        detail = f"The encoding must be one of {', '.join(ENCODINGS)}."
        raise InvalidRequest(detail, code="encoding_unsupported", path="encoding")
    # Binary formats first: as text they would only produce a message about some byte.
    binary = next((name for start, name in _BINARY_SIGNATURES if raw.startswith(start)), None)
    if binary is not None:
        raise InvalidRequest(f"{binary}. Send a product file.", code="file_unknown", path="$")
    # The UTF-32 mark starts with that of UTF-16, hence it is checked before.
    if raw.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        raise _undecodable("The file is UTF-32. Save it as UTF-8.")
    mark = next(((bom, name) for bom, name in _BYTE_ORDER_MARKS if raw.startswith(bom)), None)
    # Without this check, UTF-16 without a mark would decode as text full of zero characters.
    if mark is None and b"\0" in raw[:4096]:
        raise _undecodable(
            f"Byte {raw.index(0) + 1} of the file is zero: it is binary, or UTF-16 without a"
            " byte order mark. Save it as UTF-8."
        )
    name = mark[1] if mark else encoding
    body = raw.removeprefix(mark[0]) if mark and name == "utf-8" else raw
    try:
        text = body.decode(name)
    except UnicodeDecodeError as error:
        raise _undecodable_byte(name, raw, len(raw) - len(body) + error.start) from None
    text = text.lstrip("\ufeff")
    replaced = text.find("\ufffd")
    if replaced >= 0:
        line, column = _line_and_column(text, replaced)
        raise _undecodable(
            f"Line {line}, character {column} is U+FFFD: another program already lost a character"
            " there. Export the file again as UTF-8."
        )
    return text


def _undecodable_byte(encoding: str, raw: bytes, at: int) -> InvalidRequest:
    before = raw[:at].decode(encoding, "replace")
    line, column = _line_and_column(before, len(before))
    # Bytes of the characters before it; a mark is not part of the first line.
    in_line = before[len(before) - column + 1 :].lstrip("\ufeff")
    column = len(in_line.encode("utf-16-le" if encoding == "utf-16" else encoding)) + 1
    place = f"Line {line}, byte {column} (0x{raw[at]:02X}, byte {at + 1} of the file)"
    if encoding == "utf-8":
        return _undecodable(
            f"{place} is not UTF-8. Spreadsheets often write Windows-1252: save the file as"
            ' "CSV UTF-8", convert it (iconv -f WINDOWS-1252 -t UTF-8), or send'
            " encoding=windows-1252."
        )
    return _undecodable(f"{place} is not {encoding}. Save the file as UTF-8.")


def _undecodable(detail: str) -> InvalidRequest:
    return InvalidRequest(detail, code="encoding_unsupported", path="$")


def _line_and_column(text: str, at: int) -> tuple[int, int]:
    start = max((end.end() for end in LINE_END.finditer(text, 0, at)), default=0)
    return count_line_ends(text, 0, at) + 1, at - start + 1


_OTHER_FORMATS = (
    (re.compile(r"\s*[\[{]\s*[\"\]}\[{]"), "This is JSON."),
    (re.compile(r"\s*<(!doctype html|html)", re.IGNORECASE), "This is a web page."),
    (re.compile(r"\s*<\?xml", re.IGNORECASE), "This is XML."),
    (re.compile(r"\s*\Z"), "The file is empty."),
)
_OTHER_EXPORTS = (
    ({"lineitem name", "financial status"}, "This is Shopify's export of orders."),
    ({"accepts email marketing", "first name"}, "This is Shopify's export of customers."),
    ({"on hand (current)", "location"}, "This is Shopify's export of stock by location."),
)
"""Column names by which an export other than that of products is recognized."""


def detect_wrong_file_type(text: str) -> str | None:
    """Return a sentence that names the file type, or ``None`` if it may be a list of products."""
    for pattern, message in _OTHER_FORMATS:
        if pattern.match(text):
            return message
    header = LINE_END.split(text, maxsplit=1)[0].lower()
    columns = {name.strip().strip('"') for name in re.split(r"[,;\t]", header)}
    # A product export may share a column with another export, but only it has a title.
    return next(
        (
            message
            for names, message in _OTHER_EXPORTS
            if names & columns and "title" not in columns
        ),
        None,
    )
