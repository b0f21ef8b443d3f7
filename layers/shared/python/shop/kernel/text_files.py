"""Files that people send: their bytes as text, or one sentence about what they are instead.

A character is never guessed and never lost in silence. UTF-8 is read strictly, UTF-16 where its
mark says so, and what spreadsheets call ANSI (Windows-1252) where the sender says so.
"""

import codecs
import re

from shop.kernel.errors import InvalidRequest

ENCODINGS = ("utf-8", "windows-1252")
"""What a sender may call the encoding of a file."""
_KNOWN = (
    (b"\x89PNG", "a picture (PNG)"),
    (b"\xff\xd8\xff", "a picture (JPEG)"),
    (b"GIF8", "a picture (GIF)"),
    (b"RIFF", "a picture or a sound (RIFF)"),
    (b"%PDF", "a PDF document"),
    (b"PK\x03\x04", "a ZIP archive or an Excel workbook; export it as CSV UTF-8"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook; export it as CSV UTF-8"),
    (b"\x1f\x8b", "a compressed file (gzip); unpack it first"),
    (b"SQLite format 3", "a database (SQLite)"),
)
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def decode_text(raw: bytes, encoding: str = "utf-8") -> str:
    """The text of a file, without its mark. Raises :class:`Invalid`, saying which line and byte.

    ``encoding`` is one of :data:`ENCODINGS`; a mark at the beginning outranks it.
    """
    if encoding not in ENCODINGS:
        said = f"an encoding is one of {', '.join(ENCODINGS)}"
        raise InvalidRequest(said, code="encoding_unsupported", path="encoding")
    known = next((what for mark, what in _KNOWN if raw.startswith(mark)), None)
    if known is not None:
        raise InvalidRequest(f"this is {known}, not a product file", code="file_unknown", path="$")
    if raw.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        raise _refused("the file is UTF-32; save it as UTF-8")
    marked = next(((mark, name) for mark, name in _MARKS if raw.startswith(mark)), None)
    if marked is None and b"\0" in raw[:4096]:
        zero = raw.index(b"\0")
        raise _refused(
            f"byte {zero + 1} of the file is zero: this is no text, or UTF-16 without its mark; "
            "save it as UTF-8"
        )
    name = marked[1] if marked else encoding
    body = raw.removeprefix(marked[0]) if marked and name == "utf-8" else raw
    try:
        text = body.decode(name)
    except UnicodeDecodeError as error:
        raise _not(name, body, error) from None
    lost = text.find("\ufffd")
    if lost >= 0:
        line, column = _place(text, lost)
        raise _refused(
            f"line {line}, character {column} is U+FFFD: another program lost a character there "
            "before the file came here; export it anew as UTF-8"
        )
    return text


def _not(name: str, raw: bytes, error: UnicodeDecodeError) -> InvalidRequest:
    at = error.start
    line = raw.count(b"\n", 0, at) + 1
    column = at - raw.rfind(b"\n", 0, at)
    path = f"line {line}, byte {column} (0x{raw[at]:02X}, byte {at + 1} of the file)"
    if name == "utf-8":
        return _refused(
            f"{path} is not UTF-8. Spreadsheets often write Windows-1252: save the file as "
            '"CSV UTF-8", convert it (iconv -f WINDOWS-1252 -t UTF-8), or say '
            "encoding=windows-1252"
        )
    return _refused(f"{path} is not {name}; save the file as UTF-8")


def _refused(message_text: str) -> InvalidRequest:
    return InvalidRequest(message_text, code="encoding_unsupported", path="$")


def _place(text: str, at: int) -> tuple[int, int]:
    return text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at)


_OTHER = (
    (re.compile(r"\s*[\[{]\s*[\"\]}\[{]"), "this is JSON"),
    (re.compile(r"\s*<(!doctype html|html)", re.IGNORECASE), "this is a web page"),
    (re.compile(r"\s*<\?xml", re.IGNORECASE), "this is XML"),
    (re.compile(r"\s*\Z"), "the file is empty"),
)
_TABLES = (
    ({"lineitem name", "financial status"}, "this is Shopify's export of orders"),
    ({"accepts email marketing", "first name"}, "this is Shopify's export of customers"),
    ({"on hand (current)", "location"}, "this is Shopify's export of stock by location"),
)


def detect_wrong_file_type(text: str) -> str | None:
    """What a text is that is no list of products, in a few words; ``None`` where it may be one."""
    for shape, what in _OTHER:
        if shape.match(text):
            return what
    header = text.split("\n", 1)[0].lower()
    names = {name.strip().strip('"') for name in re.split(r"[,;\t]", header)}
    return next((what for needed, what in _TABLES if needed & names and "title" not in names), None)
