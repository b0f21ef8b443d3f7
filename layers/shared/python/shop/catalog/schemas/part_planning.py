"""The parts of a large product file: their limits, and which products are in one part."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from shop.kernel.errors import Unprocessable
from shop.kernel.text_files import detect_wrong_file_type

MAX_PRODUCTS = 100_000
"""Products in a large file."""
MAX_ROWS = 1_000_000
MAX_UNPLACED_ROWS = 10_000
PRODUCTS_PER_PART = 200
"""Some seconds of work for one Lambda."""
BYTES_PER_PART = 2_000_000
MAX_PRODUCTS_PER_PART = 1_000
"""Products that share SKUs are in one part, which may then have more than others."""
_HEAD_CHARACTERS = 65_536


class SharedKeys:
    """Products that state the same SKU or id, joined to groups (a disjoint-set forest)."""

    def __init__(self) -> None:
        self._owners: dict[str, int] = {}
        self._parents: dict[int, int] = {}

    def add(self, key: str, product: int) -> None:
        owner = self._owners.setdefault(key, product) if key else product
        if owner != product:
            self._parents[self.group(product)] = self.group(owner)

    def group(self, product: int) -> int:
        """Return the number of a product that stands for the whole group."""
        root = product
        while (parent := self._parents.get(root, root)) != root:
            root = parent
        while product != root:
            self._parents[product], product = root, self._parents[product]
        return root


def plan_parts(
    products: Iterable[int],
    sizes: Sequence[int] | Mapping[int, int],
    groups: SharedKeys,
    names: Sequence[str] | Mapping[int, str],
) -> list[list[int]]:
    """Return the products of each part, in the order of the file; ``sizes`` are their bytes."""
    parts: list[list[int]] = []
    part_of: dict[int, list[int]] = {}
    size = 0
    for product in products:
        group = groups.group(product)
        part = part_of.get(group)
        if part is None:
            is_full = not parts or len(parts[-1]) >= PRODUCTS_PER_PART
            if is_full or size + sizes[product] > BYTES_PER_PART:
                parts.append([])
                size = 0
            part = part_of[group] = parts[-1]
        if part is parts[-1]:
            size += sizes[product]
        part.append(product)
        if len(part) > MAX_PRODUCTS_PER_PART:
            raise too_many_in_file(
                f"more than {MAX_PRODUCTS_PER_PART} products that share SKUs, such as"
                f" {names[product]}"
            )
    return parts


def checked_texts(texts: Iterator[str], expected: str) -> Iterator[str]:
    """Yield the texts of a file. Raises :class:`Unprocessable` if its start is of another type."""
    head = ""
    while len(head) < _HEAD_CHARACTERS and (text := next(texts, None)) is not None:
        head += text
    if (wrong_type := detect_wrong_file_type(head)) is not None:
        raise Unprocessable(
            f"{wrong_type} Send {expected}.",
            code="file_empty" if not head.strip() else "file_unknown",
            path="$",
        )
    yield head
    yield from texts


def too_many_in_file(what: str) -> Unprocessable:
    return Unprocessable(
        f"The file contains {what}. Split it into several files.", code="too_many", path="$"
    )


def no_products() -> Unprocessable:
    return Unprocessable(
        "The file contains no products. Send at least one.", code="file_empty", path="$"
    )
