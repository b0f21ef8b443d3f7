"""The items of a YAML list as texts, so that a file of any size needs little memory."""

import re
from collections.abc import Iterable, Iterator

from shop.kernel.errors import Unprocessable

MAX_ITEM_CHARACTERS = 1_000_000
"""A longer item is not a product: no field of a product is as long."""
_ITEM = re.compile(r"-(?=[ \t\r\n]|\Z)")
_BEFORE_ITEMS = re.compile(r"\s*(?:---\s*|%YAML .*)?(?:#.*)?\s*")


def item_texts(lines: Iterable[str], first_line: int = 1) -> Iterator[tuple[int, str]]:
    """Yield the text of each item with the number of its first line.

    Raises :class:`Unprocessable` (``not_a_list``) for another YAML file, and ``line_too_long`` for
    an item that is too long to be a product.
    """
    started, begin, size, own = False, first_line, 0, list[str]()
    for number, line in enumerate(lines, first_line):
        if _ITEM.match(line):
            if started:
                yield begin, "".join(own)
            started, begin, size, own = True, number, 0, []
        elif not started:
            if not _BEFORE_ITEMS.fullmatch(line):
                raise _not_a_list(line)
            continue
        own.append(line)
        size += len(line)
        if size > MAX_ITEM_CHARACTERS:
            raise Unprocessable(
                f"The product that begins on line {begin} has more than {MAX_ITEM_CHARACTERS}"
                " characters. Begin each product on a line of its own with '- '.",
                code="line_too_long",
                path="$",
            )
    if started:
        yield begin, "".join(own)


def _not_a_list(line: str) -> Unprocessable:
    is_csv = re.search(r"[,;\t|]", line) and re.search(r"title|handle|price", line.lower())
    detail = "A YAML file must be a list of products, each starting with '- id: …'."
    if is_csv and ": " not in line:
        detail = "This is a CSV, not YAML. Send it as text/csv, or to a job with format csv."
    return Unprocessable(detail, code="not_a_list", path="$")
