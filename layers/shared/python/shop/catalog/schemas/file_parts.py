"""Large product files of all formats: split into parts, and parts that are read."""

import json
import zlib
from collections.abc import Iterable, Iterator

from shop.catalog.model.import_options import ImportOptions
from shop.catalog.model.import_parts import SplitFile
from shop.catalog.schemas.file_parsing import FileParseResult
from shop.catalog.schemas.shopify_parts import read_shopify_part, split_shopify_file


def split_product_file(blocks: Iterable[bytes], options: ImportOptions) -> SplitFile:
    """Read a whole file in the format of the options and split it into parts."""
    if options.format == "yaml":
        from shop.catalog.schemas.yaml_parts import split_yaml_file  # lazy: loads PyYAML

        return split_yaml_file(blocks, options)
    return split_shopify_file(blocks, options)


def read_part(data: bytes, options: ImportOptions) -> FileParseResult:
    """Read the products of a part, as the small import reads those of a file."""
    if options.format == "yaml":
        from shop.catalog.schemas.yaml_parts import read_yaml_part  # lazy: loads PyYAML

        return read_yaml_part(data, options)
    return read_shopify_part(data, options)


def part_products(data: bytes) -> Iterator[tuple[str, int]]:
    """Yield the handle or id and the first line of each product of a part."""
    lines = iter(zlib.decompress(data).splitlines())
    if isinstance(json.loads(next(lines)), dict):
        for row in lines:
            line, _, product_id = json.loads(row)
            yield product_id, line
        return
    for row in lines:
        handle, count = json.loads(row)
        first, *_ = [json.loads(next(lines))[0] for _ in range(count)]
        yield handle, first
