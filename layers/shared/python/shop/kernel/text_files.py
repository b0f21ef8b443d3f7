"""Uploaded text files: decode their bytes, or state the problem in one sentence.

Decoding never guesses or drops a character. UTF-8 is decoded strictly, UTF-16 only with a byte
order mark, and Windows-1252 (called ANSI by spreadsheets) only if the sender states it.

A line ends with LF, CR LF or CR, as in text editors and spreadsheets. All messages count lines this
way. ``str.splitlines`` does not: it also ends a line at U+000B, U+000C, U+0085 or U+2028.
"""

import codecs
import io
import re
from collections.abc import Iterable, Iterator

from shop.kernel.errors import InvalidRequest

LINE_END = re.compile(r"\r\n|\n|\r")
"""The end of a line."""
ENCODINGS = ("utf-8", "windows-1252")
"""The encodings that a sender may state."""
_BINARY_SIGNATURES = (
    (rb"\x89PNG", "This is a picture (PNG). Send a text file."),
    (rb"\xff\xd8\xff", "This is a picture (JPEG). Send a text file."),
    (rb"GIF8[79]a", "This is a picture (GIF). Send a text file."),
    (
        rb"RIFF.{4}(?:WEBP|WAVE|AVI |ACON|RMID)",
        "This is a picture or a sound (RIFF). Send a text file.",
    ),
    (
        rb"(?:\xef\xbb\xbf)?[ \t\r\n]*%PDF-",
        "This is a PDF document. Export the table as CSV UTF-8 instead.",
    ),
    (
        rb"(?:\xef\xbb\xbf)?[ \t\r\n]*\{\\rtf[0-9]",
        "This is a text document (RTF). Export the table as CSV UTF-8 instead.",
    ),
    (rb"PK\x03\x04", None),
    (rb"PK\x05\x06", "This is an empty ZIP archive. Send the file itself."),
    (rb"\xd0\xcf\x11\xe0", "This is an old Excel workbook. Export it as CSV UTF-8."),
    (rb"\x1f\x8b", "This is a compressed file (gzip). Unpack it first."),
    (rb"BZh[1-9](?:1AY&SY|\x17rE8P\x90)", "This is a compressed file (bzip2). Unpack it first."),
    (rb"\xfd7zXZ\0", "This is a compressed file (xz). Unpack it first."),
    (rb"\x28\xb5\x2f\xfd", "This is a compressed file (Zstandard). Unpack it first."),
    (rb"7z\xbc\xaf\x27\x1c", "This is a 7-Zip archive. Unpack it, and send the file inside."),
    (rb"Rar!\x1a\x07", "This is a RAR archive. Unpack it, and send the file inside."),
    (rb"SQLite format 3\0", "This is a database (SQLite). Export the table as CSV UTF-8."),
    (rb"PAR1\x15", "This is a Parquet file. Export it as CSV UTF-8."),
)
"""Patterns of whole signatures: a column of a table may be called ``GIF8`` or ``%PDF``. A document
may begin with blank lines or a mark; a picture or an archive never does."""
_ZIP_CONTENTS = (
    (b"mimetypeapplication/vnd.oasis.opendocument.spreadsheet", "a LibreOffice spreadsheet"),
    (b"mimetypeapplication/vnd.oasis", "a LibreOffice document"),
    (b"Index/Document.iwa", "an Apple Numbers spreadsheet"),
    (b"word/", "a Word document"),
    (b"xl/", "an Excel workbook"),
    (b"[Content_Types].xml", "an Excel workbook"),
)
"""Names near the start of ZIP archives that are the file of an application."""
_CONTROL_BYTES = re.compile(rb"[\x01-\x08\x0e-\x1a\x1c-\x1f\x7f]")
_HEAD_BYTES = 4096
"""Bytes from which the encoding is detected."""
_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def count_line_ends(text: str, start: int = 0, end: int | None = None) -> int:
    """Return the number of line ends in a part of a text."""
    return len(LINE_END.findall(text, start, len(text) if end is None else end))


def detect_encoding(head: bytes, encoding: str = "utf-8") -> tuple[str, int]:
    """Return the encoding of a file, and the bytes of its mark that decoding would not remove.

    ``head`` is the start of the file, 4,096 bytes or all. Raises :class:`InvalidRequest`
    (``encoding_unsupported``, ``file_unknown``).
    """
    if encoding not in ENCODINGS:
        detail = f"The encoding must be one of {', '.join(ENCODINGS)}."
        raise InvalidRequest(detail, code="encoding_unsupported", path="encoding")
    # Binary formats first: as text they would only produce a message about some byte.
    if (binary := _binary_type(head)) is not None:
        raise InvalidRequest(binary, code="file_unknown", path="$")
    # The UTF-32 mark starts with that of UTF-16, hence it is checked before.
    if head.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        raise _undecodable("The file is UTF-32. Save it as UTF-8.")
    mark = next(((bom, name) for bom, name in _BYTE_ORDER_MARKS if head.startswith(bom)), None)
    # Without this check, UTF-16 without a mark would decode as text full of zero characters.
    start = head[:_HEAD_BYTES]
    if mark is None and b"\0" in start:
        halves = sorted((start[::2].count(0), start[1::2].count(0)))
        is_utf_16 = halves[0] == 0 and 2 * halves[1] > len(start) // 2
        kind = "UTF-16 without a byte order mark" if is_utf_16 else "binary"
        raise _undecodable(
            f"Byte {head.index(0) + 1} of the file is zero: the file is {kind}. Save it as UTF-8."
        )
    signs = _CONTROL_BYTES.findall(start)
    if mark is None and len(signs) > len(start) // 10:
        raise _undecodable(
            f"Byte {start.index(signs[0]) + 1} of the file (0x{signs[0][0]:02X}) is no text: the"
            " file is binary. Export it as CSV UTF-8."
        )
    if mark is None:
        return encoding, 0
    return mark[1], len(mark[0]) if mark[1] == "utf-8" else 0


def _binary_type(head: bytes) -> str | None:
    """Return a sentence that names a binary format and the remedy."""
    for pattern, sentence in _BINARY_SIGNATURES:
        if not re.match(pattern, head, re.DOTALL):
            continue
        if sentence is not None:
            return sentence
        for sign, name in _ZIP_CONTENTS:
            if sign in head[:_HEAD_BYTES]:
                return f"This is {name}. Export it as CSV UTF-8."
        return (
            "This is a ZIP archive or an Excel workbook. Unpack the archive and send the file"
            " inside, or export the workbook as CSV UTF-8."
        )
    return None


def decode_text(raw: bytes, encoding: str = "utf-8") -> str:
    """Decode a file without its byte order mark, or marks: some programs write a second one.

    ``encoding`` is one of :data:`ENCODINGS`; a byte order mark takes precedence. Raises
    :class:`InvalidRequest` (``encoding_unsupported``, ``file_unknown``) with the line and the byte
    that cannot be decoded.
    """
    name, mark = detect_encoding(raw, encoding)
    body = raw[mark:]
    try:
        text = body.decode(name)
    except UnicodeDecodeError as error:
        raise _undecodable_byte(name, raw, len(raw) - len(body) + error.start) from None
    text = text.lstrip("\ufeff")
    replaced = text.find("\ufffd")
    if replaced >= 0:
        raise _lost_character(*_line_and_column(text, replaced))
    return text


def decode_blocks(blocks: Iterable[bytes], encoding: str = "utf-8") -> Iterator[str]:
    """Decode a file that arrives in blocks, as :func:`decode_text` decodes a whole one.

    Only one block is in memory. Raises the same errors, with the same places.
    """
    rest = iter(blocks)
    head = b""
    while len(head) < _HEAD_BYTES and (block := next(rest, None)) is not None:
        head += block
    name, mark = detect_encoding(head, encoding)
    decoder = codecs.getincrementaldecoder(name)("strict")
    place = _Place(name)
    read, is_start = mark, True
    for block in _with_final(head[mark:], rest):
        pending = len(decoder.getstate()[0])
        try:
            text = decoder.decode(block, not block)
        except UnicodeDecodeError as error:
            place.pass_text(decoder.decode(block[: max(error.start - pending, 0)]))
            at = read - pending + error.start
            raise _byte_problem(
                name, place.line, place.bytes + 1, error.object[error.start], at
            ) from None
        read += len(block)
        if is_start and text:
            text = text.lstrip("\ufeff")
            is_start = not text
        if (lost := text.find("\ufffd")) >= 0:
            place.pass_text(text[:lost])
            raise _lost_character(place.line, place.characters + 1)
        place.pass_text(text)
        if text:
            yield text


def _with_final(head: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    """Yield the blocks that are not empty, and an empty one at the end of the file."""
    if head:
        yield head
    yield from (block for block in rest if block)
    yield b""


class _Place:
    """The place in a file up to which it was decoded."""

    def __init__(self, encoding: str) -> None:
        self._encoding = encoding
        self._after_return = False
        self.line = 1
        self.characters = 0
        """Characters of the line before this place, and their bytes in the file."""
        self.bytes = 0

    def pass_text(self, text: str) -> None:
        if not text:
            return
        # The two characters of a line end may be in two blocks.
        own = text[1:] if self._after_return and text[0] == "\n" else text
        self._after_return = text[-1] == "\r"
        start = 0
        for end in LINE_END.finditer(own):
            self.line += 1
            start = end.end()
        if start:
            self.characters = self.bytes = 0
        self.characters += len(own) - start
        self.bytes += _encoded_length(own[start:], self._encoding)


def lines_of(texts: Iterable[str], *, longest: int) -> Iterator[str]:
    """Yield the lines of a text that arrives in pieces, each with its line end.

    Raises :class:`InvalidRequest` (``line_too_long``) for a line with more characters than
    ``longest``: it would have to be in memory as a whole.
    """
    open_line, number = "", 0
    for text in texts:
        lines = list(io.StringIO(open_line + text, newline=""))
        # A return at the end may be the first half of a line end.
        open_line = "" if lines[-1].endswith("\n") else lines.pop()
        for line in lines:
            number += 1
            yield line
        if len(open_line) > longest:
            raise InvalidRequest(
                f"Line {number + 1} has more than {longest} characters. Send a text file with"
                " a line end after each row.",
                code="line_too_long",
                path="$",
            )
    yield from io.StringIO(open_line, newline="")


def _undecodable_byte(encoding: str, raw: bytes, at: int) -> InvalidRequest:
    before = raw[:at].decode(encoding, "replace")
    line, column = _line_and_column(before, len(before))
    # Bytes of the characters before it; a mark is not part of the first line.
    in_line = before[len(before) - column + 1 :].lstrip("\ufeff")
    return _byte_problem(encoding, line, _encoded_length(in_line, encoding) + 1, raw[at], at)


def _byte_problem(encoding: str, line: int, column: int, byte: int, at: int) -> InvalidRequest:
    place = f"Line {line}, byte {column} (0x{byte:02X}, byte {at + 1} of the file)"
    if encoding == "utf-8":
        return _undecodable(
            f"{place} is not UTF-8. Spreadsheets often write Windows-1252: save the file as"
            ' "CSV UTF-8", convert it (iconv -f WINDOWS-1252 -t UTF-8), or send'
            " encoding=windows-1252."
        )
    return _undecodable(f"{place} is not {encoding}. Save the file as UTF-8.")


def _encoded_length(text: str, encoding: str) -> int:
    return len(text.encode("utf-16-le" if encoding == "utf-16" else encoding))


def _lost_character(line: int, column: int) -> InvalidRequest:
    return _undecodable(
        f"Line {line}, character {column} is U+FFFD: another program already lost a character"
        " there. Export the file again as UTF-8."
    )


def _undecodable(detail: str) -> InvalidRequest:
    return InvalidRequest(detail, code="encoding_unsupported", path="$")


def _line_and_column(text: str, at: int) -> tuple[int, int]:
    start = max((end.end() for end in LINE_END.finditer(text, 0, at)), default=0)
    return count_line_ends(text, 0, at) + 1, at - start + 1


_OTHER_FORMATS = (
    (re.compile(r"\s*[\[{]\s*(?:[\"\]}\[{]|-?[0-9]|true|false|null)"), "This is JSON."),
    (
        re.compile(
            r"\s*(?:<!--.*?-->\s*)*<(?:!doctype html|html|head|body|table|div|script|meta)\b",
            re.IGNORECASE | re.DOTALL,
        ),
        "This is a web page.",
    ),
    (re.compile(r"\s*<(?:\?xml|!--|[a-z])", re.IGNORECASE), "This is XML."),
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
