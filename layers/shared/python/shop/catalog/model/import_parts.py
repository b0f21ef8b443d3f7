"""A large product file in parts."""

from collections.abc import Iterator

from shop.catalog.model.import_report import RejectedEntry
from shop.kernel.frozen import frozen


@frozen(slots=False)
class FilePart:
    """Some products of a file. Only the parser knows the format of ``data``."""

    number: int
    products: int
    data: bytes


@frozen(slots=False, kw_only=True)
class SplitFile:
    """A large file after it was read once.

    ``rejected`` are the rows that belong to no product, and the products that may lack them.
    """

    rows: int
    products: int
    rejected: tuple[RejectedEntry, ...]
    notices: tuple[str, ...]
    parts: Iterator[FilePart]
    part_sizes: tuple[int, ...]
    """Products of each part."""
