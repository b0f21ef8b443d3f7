"""Import the products of a file: store the valid ones, report the others with line and reason."""

import re
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import field, replace
from datetime import datetime
from typing import Protocol

from shop.catalog.actions.product_admin import Draft, build_product, match_variant
from shop.catalog.model import Product, ProductStatus, Variant, VariantStatus
from shop.catalog.model.import_content import STANDARD_CLASS, UNTAXED_CLASS, ImportContent
from shop.catalog.model.import_report import EntryNotice, RejectedEntry
from shop.catalog.ports import OpeningStock, ProductCatalog
from shop.kernel.errors import InvalidRequest, Problem, ShopError
from shop.kernel.frozen import frozen


@frozen(slots=False, kw_only=True)
class ImportEntry:
    """A product in a file. ``source`` is a digest of all its data there.

    ``line`` is the first line of the product and ``variant_lines`` those of its variants, counted
    from 1. ``status`` is ``None`` if the file has none: a new product is then published, and an
    existing one keeps its status. ``counts`` are units on hand by SKU. ``taxed`` has the positions
    of the variants that the file calls taxed, ``classed`` of those whose tax class it names.
    ``notices`` are for people and no part of the digest.
    """

    product_id: str
    draft: Draft
    source: str
    line: int
    variant_lines: tuple[int, ...] = ()
    status: ProductStatus | None = None
    counts: dict[str, int] = field(default_factory=dict)
    taxed: frozenset[int] = frozenset()
    classed: frozenset[int] = frozenset()
    notices: tuple[EntryNotice, ...] = ()

    def line_of(self, problem: Problem) -> int:
        """Return the line of the variant that the problem's path names, else of the product."""
        path = problem.path or ""
        if path.startswith("$.variants["):
            number = int(path.removeprefix("$.variants[").partition("]")[0])
            if number < len(self.variant_lines):
                return self.variant_lines[number]
        return self.line


@frozen(slots=False)
class ImportResult:
    """The result of an import: ids of created, changed and unchanged products, and rejections.

    ``counts`` are the units of the file by the SKUs that the products in the catalog have.
    ``content`` has the numbers of these products.
    """

    created: tuple[str, ...]
    changed: tuple[str, ...]
    unchanged: tuple[str, ...]
    rejected: tuple[RejectedEntry, ...]
    counts: Mapping[str, int] = field(default_factory=dict)
    content: ImportContent = ImportContent()

    @property
    def accepted_ids(self) -> frozenset[str]:
        """The ids of all products of the file that are in the catalog after the import."""
        return frozenset((*self.created, *self.changed, *self.unchanged))


class ParsedFile(Protocol):
    """The products of a file, and the rows and products that cannot be read."""

    entries: list[ImportEntry]
    rejected: list[RejectedEntry]
    notices: dict[str, None]
    tax_classes: frozenset[str] | None

    def located(self, entry: RejectedEntry) -> RejectedEntry:
        """Return a rejection with its place in a spreadsheet, if the file is one."""


@frozen(slots=False)
class FileImport:
    """The result of a file's import: products, and SKUs whose stock it created and counted."""

    products: ImportResult
    stock_created: int
    stock_counted: int


def import_file(
    parsed: ParsedFile,
    *,
    catalog: ProductCatalog,
    stock: OpeningStock,
    actor: str,
    at: datetime,
    earlier: frozenset[datetime] = frozenset(),
) -> FileImport:
    """Import the products of a file, or of a part of a large one, with their opening stock.

    ``earlier`` are the instants of interrupted calls with the same entries. What they wrote is not
    written again, and the result names it as if this call had written it.
    """
    result = import_products(
        parsed.entries, catalog=catalog, at=at, tax_classes=parsed.tax_classes, earlier=earlier
    )
    created = stock.create_levels(
        result.counts, actor=actor, reason="product import", at=at, earlier=earlier
    )
    return FileImport(result, len(created), len(result.counts))


def import_products(
    entries: Sequence[ImportEntry],
    *,
    catalog: ProductCatalog,
    at: datetime,
    tax_classes: Set[str] | None = None,
    earlier: Set[datetime] = frozenset(),
) -> ImportResult:
    """Import the entries of a file. Importing an unchanged file again changes nothing.

    A product is imported as a whole or rejected, because a part of its variants would be another
    product. A product with a class that is not in ``tax_classes`` is rejected. ``earlier``: see
    :func:`import_file`.
    """
    ids = {entry.product_id for entry in entries}
    # What an interrupted call has just written must be seen.
    known = catalog.get_many(ids, consistent=bool(earlier))
    new_entries: dict[str, ImportEntry] = {}
    changed_entries: dict[str, ImportEntry] = {}
    unchanged: list[str] = []
    rejected: list[RejectedEntry] = []
    products: list[Product] = []
    accepted: dict[str, Product] = {}
    for entry in entries:
        before = known.get(entry.product_id)
        # The digest is that of the last import, so changes by staff since then stay.
        if before is not None and before.source == entry.source:
            accepted[entry.product_id] = before
            if before.created_at in earlier:
                new_entries[entry.product_id] = entry
            elif before.updated_at in earlier:
                changed_entries[entry.product_id] = entry
            else:
                unchanged.append(entry.product_id)
            continue
        product, problems = _content_or_problems(entry, before, tax_classes, at)
        if product is None:
            rejected += problems
            continue
        accepted[entry.product_id] = product
        if before is not None and _same_content(product, before):
            unchanged.append(entry.product_id)
            continue
        products.append(product)
        (changed_entries if before else new_entries)[entry.product_id] = entry
    for product, save_error in _save(products, catalog):
        entry = (changed_entries if product.id in changed_entries else new_entries).pop(product.id)
        rejected += _save_rejections(entry, product, save_error)
        del accepted[product.id]
    return ImportResult(
        *(tuple(new_entries), tuple(changed_entries), tuple(unchanged)),
        # Validation and saving reject at different times; the report follows the file.
        tuple(sorted(rejected, key=lambda r: r.line)),
        _opening_counts(entries, accepted),
        ImportContent.of(accepted.values()),
    )


def _content_or_problems(
    entry: ImportEntry, before: Product | None, tax_classes: Set[str] | None, at: datetime
) -> tuple[Product | None, list[RejectedEntry]]:
    """Return the product that an entry makes, or the reasons why it makes none."""
    if unknown := _unknown_classes(entry, before, tax_classes):
        return None, unknown
    try:
        return import_content(entry, before, at=at), []
    except InvalidRequest as error:
        return None, _validation_rejections(entry, error.problems)


def _unknown_classes(
    entry: ImportEntry, before: Product | None, tax_classes: Set[str] | None
) -> list[RejectedEntry]:
    """Return a rejection for each variant with a tax class that neither shop nor product has."""
    if tax_classes is None:
        return []
    known = tax_classes | {v.tax_class for v in (before.variants if before else ())}
    return [
        RejectedEntry(
            entry.variant_lines[n],
            f"tax class: Must be one of {', '.join(sorted(tax_classes))}, not"
            f" {entry.draft.variants[n].tax_class!r}. Correct it, or add rates of this class.",
            entry.product_id,
        )
        for n in sorted(entry.classed)
        if entry.draft.variants[n].tax_class not in known
    ]


def _opening_counts(
    entries: Sequence[ImportEntry], accepted: Mapping[str, Product]
) -> dict[str, int]:
    """Return the units of all accepted products by SKU; a rejected one would sell none."""
    known = [
        (entry, accepted[entry.product_id]) for entry in entries if entry.product_id in accepted
    ]
    return {sku: n for entry, product in known for sku, n in _stock_counts(entry, product).items()}


def _save(
    products: Sequence[Product], catalog: ProductCatalog
) -> Iterator[tuple[Product, ShopError]]:
    """Save the products; yield those that were not saved, with the reason."""
    by_id = {product.id: product for product in products}
    for product_id, error in catalog.save_many(products).items():
        yield by_id[product_id], error


def _stock_counts(entry: ImportEntry, product: Product) -> dict[str, int]:
    """Return the entry's units by the SKU of their variant in the catalog, if it is sold.

    Staff may have given a variant another SKU than its file.
    """
    found: dict[str, int] = {}
    for variant in product.variants:
        position = match_variant(entry.draft, variant)
        if position is not None and variant.status is VariantStatus.ACTIVE:
            units = entry.counts.get(entry.draft.variants[position].sku or entry.product_id)
            if units is not None:
                found[variant.sku] = units
    return found


def import_content(entry: ImportEntry, before: Product | None, *, at: datetime) -> Product:
    """Return the product that an entry makes of the stored one, if any.

    Raises :class:`InvalidRequest` with every problem.
    """
    product = build_product(entry.draft, entry.product_id, at=at, before=before)
    if before is not None:
        variants = tuple(_keep_unstated(v, before.variant(v.id), entry) for v in product.variants)
        product = replace(product, variants=variants)
    status = entry.status or (product.status if before else ProductStatus.PUBLISHED)
    return replace(product, status=status, source=entry.source)


def _same_content(product: Product, before: Product) -> bool:
    """Return whether an import would change nothing but its own marks on the product."""
    return replace(product, updated_at=before.updated_at, source=before.source) == before


def _keep_unstated(variant: Variant, stored: Variant | None, entry: ImportEntry) -> Variant:
    """Return the variant with what staff entered and a file cannot state, or left empty.

    A file without a tax class states that an article is taxed, but not at which rate: a reduced
    class stays.
    """
    position = match_variant(entry.draft, variant)
    if stored is None or position is None or variant.status is not VariantStatus.ACTIVE:
        return variant
    tax_class = variant.tax_class
    if tax_class == STANDARD_CLASS and position not in entry.classed:
        is_now_taxed = stored.tax_class == UNTAXED_CLASS and position in entry.taxed
        tax_class = STANDARD_CLASS if is_now_taxed else stored.tax_class
    measures = {
        name: getattr(stored, name)
        for name in ("weight_g", "length_mm", "width_mm", "height_mm")
        if getattr(variant, name) is None
    }
    return replace(variant, tax_class=tax_class, **measures)


def _save_rejections(entry: ImportEntry, product: Product, error: ShopError) -> list[RejectedEntry]:
    """Return a rejection for each SKU that another product sells, at its variant's line."""
    if error.code != "sku_taken":
        return [RejectedEntry(entry.line, error.detail, entry.product_id)]
    rejected = []
    for problem in error.problems:
        variant = next((v for n, v in enumerate(product.variants) if _is_at(problem, n)), None)
        position = match_variant(entry.draft, variant) if variant else None
        known = position is not None and position < len(entry.variant_lines)
        line = entry.variant_lines[position] if known and position is not None else entry.line
        rejected.append(RejectedEntry(line, problem.detail, entry.product_id))
    return rejected


def _is_at(problem: Problem, number: int) -> bool:
    return (problem.path or "").startswith(f"$.variants[{number}]")


_VARIANT = re.compile(r"variants\[[0-9]+\]\.?")
"""The place of a variant in a draft: its line in the file says it better."""


def _validation_rejections(entry: ImportEntry, problems: Sequence[Problem]) -> list[RejectedEntry]:
    """Return each rejection once: a variant without a title has that of its product."""
    rejected = (
        RejectedEntry(
            entry.line_of(p),
            f"{_VARIANT.sub('', (p.path or '').removeprefix('$.'))}: {p.detail}",
            entry.product_id,
        )
        for p in problems
    )
    return list(dict.fromkeys(rejected))
