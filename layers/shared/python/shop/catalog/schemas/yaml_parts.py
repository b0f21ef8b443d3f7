"""A large YAML file, split into parts that are imported one by one.

The file is read once, item by item. An item that cannot be read is reported here and is in no part.
Items with the same id or SKU are in one part, where the first valid one gets it. The memory holds
the id of each item and a number per SKU; the items go to a temporary file.
"""

import json
import zlib
from array import array
from collections.abc import Iterable, Sequence
from tempfile import TemporaryFile

from shop.catalog.model.import_options import ImportOptions
from shop.catalog.model.import_parts import FilePart, SplitFile
from shop.catalog.model.yaml_list import MAX_ITEM_CHARACTERS, item_texts
from shop.catalog.schemas import part_planning
from shop.catalog.schemas.file_parsing import FileParseResult
from shop.catalog.schemas.files import without_duplicates
from shop.catalog.schemas.part_planning import (
    SharedKeys,
    checked_texts,
    no_products,
    plan_parts,
    too_many_in_file,
)
from shop.catalog.schemas.retail_demo_store import note_unknown_fields, read_product_item
from shop.kernel.errors import Unprocessable
from shop.kernel.text_files import decode_blocks, lines_of


def split_yaml_file(blocks: Iterable[bytes], options: ImportOptions) -> SplitFile:
    """Read a whole file and split it. Raises the errors of :func:`parse_product_file`.

    An error means that the file as a whole is wrong; no part of it may be imported.
    """
    texts = checked_texts(decode_blocks(blocks, options.encoding), "a YAML list of products")
    result = FileParseResult()
    items, groups = _SpilledItems(), SharedKeys()
    count = 0
    for line, text in item_texts(lines_of(texts, longest=MAX_ITEM_CHARACTERS)):
        count += 1
        if count > part_planning.MAX_PRODUCTS:
            raise too_many_in_file(f"more than {part_planning.MAX_PRODUCTS} products")
        entry = read_product_item(text, line, options, result)
        if entry is None:
            _check_rejections(result)
            continue
        result.entries.clear()
        number = len(items.ids)
        items.append(line, text, entry.product_id)
        groups.add(f"id {entry.product_id}", number)
        for variant in entry.draft.variants:
            groups.add(f"sku {variant.sku or entry.product_id}", number)
    if not count:
        raise no_products()
    note_unknown_fields(result)
    parts = plan_parts(range(len(items.ids)), items.sizes, groups, items.ids)
    return SplitFile(
        rows=count,
        products=count,
        rejected=tuple(result.rejected),
        notices=tuple(result.notices),
        parts=(items.part(n, part) for n, part in enumerate(parts)),
        part_sizes=tuple(map(len, parts)),
    )


def read_yaml_part(data: bytes, options: ImportOptions) -> FileParseResult:
    """Read the products of a part, as the small import reads those of a file."""
    result = FileParseResult()
    # The unknown fields belong to the file and were reported when it was split.
    for row in zlib.decompress(data).splitlines()[1:]:
        line, text, _ = json.loads(row)
        read_product_item(text, line, options, result)
    return without_duplicates(result)


def _check_rejections(result: FileParseResult) -> None:
    if len(result.rejected) > part_planning.MAX_UNPLACED_ROWS:
        first = result.rejected[0]
        raise Unprocessable(
            f"More than {part_planning.MAX_UNPLACED_ROWS} products cannot be read, the first on"
            f" line {first.line}: {first.reason}",
            code="too_many",
            path="$",
        )


class _SpilledItems:
    """The items of a file on the disk, each as a line of JSON; the memory has their offsets."""

    def __init__(self) -> None:
        self._file = TemporaryFile()  # noqa: SIM115  it lives as long as this object
        self._offsets = array("q", [0])
        self.ids: list[str] = []
        self.sizes = array("q")

    def append(self, line: int, text: str, product_id: str) -> None:
        row = json.dumps([line, text, product_id]).encode() + b"\n"
        self._file.write(row)
        self._offsets.append(self._offsets[-1] + len(row))
        self.ids.append(product_id)
        self.sizes.append(len(row))

    def part(self, number: int, items: Sequence[int]) -> FilePart:
        rows = [json.dumps({"format": "yaml"}).encode() + b"\n"]
        for n in items:
            self._file.seek(self._offsets[n])
            rows.append(self._file.read(self.sizes[n]))
        return FilePart(number, len(items), zlib.compress(b"".join(rows), 1))
