"""Product administration: create, update and list products, and build them from drafts."""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime

from shop.catalog.model import (
    Category,
    Media,
    Option,
    OptionChoice,
    Product,
    ProductCard,
    ProductStatus,
    Variant,
    VariantStatus,
    variant_id,
)
from shop.catalog.model.validation import validate_product
from shop.catalog.ports import ProductCatalog
from shop.kernel.errors import Conflict, InvalidRequest, VersionConflict
from shop.kernel.frozen import frozen
from shop.kernel.money import Money
from shop.kernel.pagination import Page
from shop.kernel.text_folding import fold


@frozen(slots=False, kw_only=True)
class DraftVariant:
    """A variant of a draft; absent fields get a default or the value of the stored variant.

    ``is_sku_derived`` says that ``sku`` is the proposal of a file that states none. Only a new
    variant gets it.
    """

    price: Money
    list_price: Money | None = None
    id: str | None = None
    sku: str | None = None
    is_sku_derived: bool = False
    title: str | None = None
    choices: tuple[OptionChoice, ...] = ()
    weight_g: int | None = None
    length_mm: int | None = None
    width_mm: int | None = None
    height_mm: int | None = None
    tax_class: str = "standard"
    barcode: str | None = None
    media: Media | None = None
    status: VariantStatus = VariantStatus.ACTIVE


@frozen(slots=False, kw_only=True)
class Draft:
    """The content of a product as staff or a file provide it: all but status and history."""

    title: str
    variants: tuple[DraftVariant, ...]
    handle: str | None = None
    description: str = ""
    html: str | None = None
    brand: str | None = None
    categories: tuple[Category, ...] = ()
    tags: tuple[str, ...] = ()
    media: tuple[Media, ...] = ()
    options: tuple[Option, ...] = ()


def create_product(
    product_id: str, draft: Draft, *, catalog: ProductCatalog, at: datetime
) -> Product:
    """Store a new product as a draft, which shoppers cannot see.

    Raises ``InvalidRequest`` with every problem, ``Conflict`` for a used id or SKU.
    """
    product = build_product(draft, product_id, at=at)
    with _conflict_paths_in_draft(draft, product):
        return catalog.save(product, expected_version=0)


def update_product(
    product_id: str, draft: Draft, *, expected_version: int, catalog: ProductCatalog, at: datetime
) -> Product:
    """Replace the content of a product that is still at ``expected_version``.

    Variants missing from the draft are discontinued, never deleted. Raises ``VersionConflict`` for
    another version, and the errors of :func:`create_product`.
    """
    before = catalog.get(product_id)
    _check_version(before, expected_version)
    product = build_product(draft, product_id, at=at, before=before)
    with _conflict_paths_in_draft(draft, product):
        return catalog.save(product, expected_version=expected_version)


def set_product_status(
    product_id: str,
    status: ProductStatus,
    *,
    expected_version: int | None,
    catalog: ProductCatalog,
    at: datetime,
) -> Product:
    """Change the status of a product: send it to review, publish, withdraw or archive it.

    Raises ``VersionConflict`` for another version than ``expected_version``, if that is given, and
    the errors of :meth:`Product.with_status`.
    """
    before = catalog.get(product_id)
    if expected_version is not None:
        _check_version(before, expected_version)
    with _conflict_paths_in_draft(None, before):
        return catalog.save(before.with_status(status, at=at), expected_version=before.version)


def list_products(
    *, catalog: ProductCatalog, status: ProductStatus | None, limit: int, cursor: str | None
) -> Page[ProductCard]:
    """Return a page of all products, drafts and archived ones included."""
    return catalog.list_by_status(status=status, limit=limit, cursor=cursor)


def build_product(
    draft: Draft, product_id: str, *, at: datetime, before: Product | None = None
) -> Product:
    """Build a product from a draft; ids, SKUs, handle and history come from ``before``.

    Raises :class:`InvalidRequest` with every invalid field, by its path in the draft.
    """
    variants, positions = _variants(draft, product_id, before.variants if before else ())
    product = Product(
        id=product_id,
        title=draft.title,
        handle=draft.handle or (before.handle if before else _slug(draft.title) or product_id),
        description=draft.description,
        html=draft.html,
        brand=draft.brand,
        categories=draft.categories,
        tags=tuple(dict.fromkeys(draft.tags)),
        media=draft.media,
        options=draft.options,
        variants=variants,
        created_at=before.created_at if before else at,
        updated_at=at,
    )
    if before is not None:
        product = replace(
            product, status=before.status, version=before.version, source=before.source
        )
    try:
        return validate_product(product)
    except InvalidRequest as error:
        in_draft = [positions.get(v.id) for v in variants]
        problems = [replace(p, path=_path_in_draft(p.path, in_draft)) for p in error.problems]
        raise InvalidRequest(error.detail, code=error.code, problems=problems) from None


def match_variant(draft: Draft, variant: Variant) -> int | None:
    """Return the position of the draft variant from which a product's variant was built."""
    for n, draft_variant in enumerate(draft.variants):
        is_stated = draft_variant.sku is not None and not draft_variant.is_sku_derived
        if draft_variant.id == variant.id or (is_stated and draft_variant.sku == variant.sku):
            return n
    return next(
        (
            n
            for n, draft_variant in enumerate(draft.variants)
            if (draft_variant.sku is None or draft_variant.is_sku_derived)
            and draft_variant.id is None
            and draft_variant.choices == variant.choices
        ),
        None,
    )


def _check_version(product: Product, expected_version: int) -> None:
    if product.version != expected_version:
        raise VersionConflict(
            f"Product {product.id} is at version {product.version}, not {expected_version}."
            " Read it again and repeat the change."
        )


@contextmanager
def _conflict_paths_in_draft(draft: Draft | None, product: Product) -> Iterator[None]:
    """Translate paths of ``sku_taken`` errors from the stored product to the caller's draft.

    The product holds discontinued variants too, so positions differ from the draft's. A request
    without a draft changes only the status, so the status is the field to correct.
    """
    try:
        yield
    except Conflict as error:
        if error.code != "sku_taken":
            raise
        if draft is None:
            problems = [replace(p, path="$.status") for p in error.problems]
        else:
            positions = [match_variant(draft, v) for v in product.variants]
            problems = [replace(p, path=_path_in_draft(p.path, positions)) for p in error.problems]
        raise Conflict(error.detail, code=error.code, problems=problems) from None


def _variants(
    draft: Draft, product_id: str, before: Sequence[Variant]
) -> tuple[tuple[Variant, ...], dict[str, int]]:
    """Number the variants: known ones keep their number, new ones get the next one.

    The second result is the position in the draft by variant id.
    """
    numbered: dict[str, Variant] = {v.id: v for v in before}
    positions: dict[str, int] = {}
    matches = _known_variants(draft.variants, before)
    skus = {v.sku for v in before} | {v.sku for v in draft.variants if not v.is_sku_derived}
    for n, draft_variant in enumerate(draft.variants):
        known = matches.get(n)
        if draft_variant.id is not None and known is None:
            detail = f"The product has no variant {draft_variant.id}. Omit the id of a new variant."
            raise InvalidRequest(detail, code="variant_unknown", path=f"$.variants[{n}].id")
        id_ = known.id if known else variant_id(product_id, len(numbered) + 1)
        if id_ in positions:
            detail = f"variants[{positions[id_]}] is the same variant. Send each variant once."
            raise InvalidRequest(detail, code="duplicate", path=f"$.variants[{n}].id")
        positions[id_] = n
        # A product with a single variant needs no number in its SKU: the product id serves.
        is_single = len(draft.variants) == 1 and not before
        sku = draft_variant.sku
        if sku is None or draft_variant.is_sku_derived:
            free = sku if sku not in skus else None
            sku = known.sku if known else free or (product_id if is_single else id_)
        numbered[id_] = Variant(
            id=id_,
            sku=sku,
            title=draft_variant.title
            or " / ".join(c.value for c in draft_variant.choices)
            or draft.title,
            price=draft_variant.price,
            list_price=draft_variant.list_price,
            choices=draft_variant.choices,
            weight_g=draft_variant.weight_g,
            length_mm=draft_variant.length_mm,
            width_mm=draft_variant.width_mm,
            height_mm=draft_variant.height_mm,
            tax_class=draft_variant.tax_class,
            barcode=draft_variant.barcode,
            media=draft_variant.media,
            status=draft_variant.status,
        )
    # Ids are never reused: carts and orders refer to variants that are no longer made.
    variants = (
        v if v.id in positions else replace(v, status=VariantStatus.DISCONTINUED)
        for v in numbered.values()
    )
    return tuple(variants), positions


_Way = tuple[Callable[[DraftVariant | Variant], object], Callable[[DraftVariant], bool]]
"""A key by which variants are compared, and the draft variants to which it applies."""


def _known_variants(
    draft_variants: Sequence[DraftVariant], before: Sequence[Variant]
) -> dict[int, Variant]:
    """Find the stored variants of draft variants: by id, else by SKU, else by their options.

    Options are compared by name, then by position, because a file may rename an option; each time
    first exactly and then as people read them, because ``red`` and ``Red`` may be two variants.
    Then they are compared without options of one value that were added or removed. A SKU that a
    file states and no variant has is a new SKU of the active variant with these options. A derived
    SKU decides last.
    """
    by_id = {v.id: v for v in before}
    known = {n: by_id[v.id] for n, v in enumerate(draft_variants) if v.id in by_id}
    # Of several variants with the same options, the one on sale is meant.
    ordered = sorted(before, key=lambda v: v.status is not VariantStatus.ACTIVE)
    ways: tuple[_Way, ...] = (
        (lambda v: v.sku, lambda v: v.sku is not None and not v.is_sku_derived),
        (lambda v: frozenset(v.choices), lambda v: True),
        (lambda v: frozenset((fold(c.name), c.value) for c in v.choices), lambda v: True),
        (lambda v: frozenset((fold(c.name), fold(c.value)) for c in v.choices), lambda v: True),
        (lambda v: tuple(c.value for c in v.choices), lambda v: True),
        (lambda v: tuple(fold(c.value) for c in v.choices), lambda v: True),
        *_shared_options(draft_variants, before),
        (lambda v: v.sku, lambda v: v.is_sku_derived),
    )
    for number, (key, applies) in enumerate(ways):
        taken = {v.id for v in known.values()}
        stored: dict[object, list[Variant]] = {}
        for variant in ordered:
            if variant.id not in taken:
                stored.setdefault(key(variant), []).append(variant)
        for n, draft_variant in enumerate(draft_variants):
            if n in known or draft_variant.id is not None or not applies(draft_variant):
                continue
            found = stored.get(key(draft_variant), [])
            has_new_sku = number > 0 and draft_variant.sku and not draft_variant.is_sku_derived
            if found and not (has_new_sku and found[0].status is not VariantStatus.ACTIVE):
                known[n] = found.pop(0)
    return known


def _shared_options(
    draft_variants: Sequence[DraftVariant], before: Sequence[Variant]
) -> tuple[_Way, ...]:
    """Compare by the options that both sides have, if every other option has one value."""
    active = [v for v in before if v.status is VariantStatus.ACTIVE]
    sides = ([v.choices for v in draft_variants], [v.choices for v in active])
    values: list[dict[str, set[str]]] = [{}, {}]
    for own, choices in zip(values, sides, strict=True):
        for choice in (choice for variant in choices for choice in variant):
            own.setdefault(fold(choice.name), set()).add(choice.value)
    shared = values[0].keys() & values[1].keys()
    others = [seen for own in values for name, seen in own.items() if name not in shared]
    if not others or any(len(seen) > 1 for seen in others):
        return ()

    def key(variant: DraftVariant | Variant) -> object:
        chosen = ((fold(c.name), fold(c.value)) for c in variant.choices)
        return frozenset((name, value) for name, value in chosen if name in shared)

    stored = [key(v) for v in active]
    return () if len(set(stored)) < len(stored) else ((key, lambda v: True),)


_VARIANT_PATH = re.compile(r"\$\.variants\[(\d+)\]")


def _path_in_draft(path: str | None, positions: Sequence[int | None]) -> str | None:
    """Translate a path into the product to a path into the draft."""
    match = _VARIANT_PATH.match(path or "")
    if path is None or match is None:
        return path
    position = positions[int(match[1])]
    return "$.variants" if position is None else f"$.variants[{position}]{path[match.end() :]}"


def _slug(title: str) -> str:
    return re.sub(r"[\W_]+", "-", fold(title)).strip("-")[:200]
