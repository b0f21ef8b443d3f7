"""Keeping the catalogue: what staff do with one product, and how a draft becomes one."""

import re
from collections.abc import Iterator, Sequence
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
    fold,
    validate_product,
    variant_id,
)
from shop.catalog.ports import ProductCatalog
from shop.kernel.errors import Conflict, InvalidRequest, VersionConflict
from shop.kernel.frozen import frozen
from shop.kernel.money import Money
from shop.kernel.pagination import Page


@frozen(slots=False, kw_only=True)
class DraftVariant:
    """A variant as somebody wrote it down; what is left out is filled in or kept."""

    price: Money
    list_price: Money | None = None
    id: str | None = None
    sku: str | None = None
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
    """What somebody says of a product: everything but its status and its past."""

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
    """Take a new product into the catalogue, as a draft that no shopper sees yet."""
    product = build_product(draft, product_id, at=at)
    with _conflict_paths_in_draft(draft, product):
        return catalog.save(product, expected_version=0)


def update_product(
    product_id: str, draft: Draft, *, expected_version: int, catalog: ProductCatalog, at: datetime
) -> Product:
    """Replace what is said of a product, if it is still at the version that was read.

    A variant that the draft leaves out is discontinued, never deleted.
    """
    before = catalog.get(product_id)
    if before.version != expected_version:
        raise VersionConflict(
            f"product {product_id} is at version {before.version}, not {expected_version}"
        )
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
    """Move a product along its life: to review, on sale, off sale, away."""
    before = catalog.get(product_id)
    if expected_version is not None and before.version != expected_version:
        raise VersionConflict(
            f"product {product_id} is at version {before.version}, not {expected_version}"
        )
    with _conflict_paths_in_draft(None, before):
        return catalog.save(before.with_status(status, at=at), expected_version=before.version)


def list_products(
    *, catalog: ProductCatalog, status: ProductStatus | None, limit: int, cursor: str | None
) -> Page[ProductCard]:
    """The shopkeeper's list, drafts and archive included."""
    return catalog.list_by_status(status=status, limit=limit, cursor=cursor)


def build_product(
    draft: Draft, product_id: str, *, at: datetime, before: Product | None = None
) -> Product:
    """Make the product that a draft means, going on from what was there.

    Raises :class:`Invalid` with every field that is wrong.
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
    """Where in the draft a variant of the product stands that was made of it."""
    for n, draft_variant in enumerate(draft.variants):
        if draft_variant.id == variant.id or draft_variant.sku == variant.sku:
            return n
    return next(
        (
            n
            for n, draft_variant in enumerate(draft.variants)
            if draft_variant.sku is None
            and draft_variant.id is None
            and draft_variant.choices == variant.choices
        ),
        None,
    )


@contextmanager
def _conflict_paths_in_draft(draft: Draft | None, product: Product) -> Iterator[None]:
    """Refusals that name a variant of the product name it where its draft has it, if there is one.

    Where nothing but its status was to change, the status is what cannot be.
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
    """Number the variants: known ones keep their number, new ones get the next, none is lost.

    The second part says where in the draft each of them stands.
    """
    numbered: dict[str, Variant] = {v.id: v for v in before}
    positions: dict[str, int] = {}
    for n, draft_variant in enumerate(draft.variants):
        known = _find_known_variant(draft_variant, before, positions)
        if draft_variant.id is not None and known is None:
            detail = (
                f"this product has no variant {draft_variant.id}; leave the id of a new one out"
            )
            raise InvalidRequest(detail, code="unknown_variant", path=f"$.variants[{n}].id")
        id_ = known.id if known else variant_id(product_id, len(numbered) + 1)
        if id_ in positions:
            detail = f"this is the variant that variants[{positions[id_]}] speaks of already"
            raise InvalidRequest(detail, code="variant_twice", path=f"$.variants[{n}].id")
        positions[id_] = n
        only = len(draft.variants) == 1 and not before
        numbered[id_] = Variant(
            id=id_,
            sku=draft_variant.sku or (known.sku if known else product_id if only else id_),
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
    variants = (
        v if v.id in positions else replace(v, status=VariantStatus.DISCONTINUED)
        for v in numbered.values()
    )
    return tuple(variants), positions


def _find_known_variant(
    draft_variant: DraftVariant, before: Sequence[Variant], positions: dict[str, int]
) -> Variant | None:
    """The variant that is meant: by id, else by SKU, else by what a buyer chooses."""
    if draft_variant.id is not None:
        return next((v for v in before if v.id == draft_variant.id), None)
    free = [v for v in before if v.id not in positions]
    if draft_variant.sku:
        return next((v for v in free if v.sku == draft_variant.sku), None)
    return next((v for v in free if v.choices == draft_variant.choices), None)


_VARIANT_PATH = re.compile(r"\$\.variants\[(\d+)\]")


def _path_in_draft(path: str | None, positions: Sequence[int | None]) -> str | None:
    """A path into the product as one into the draft, where its variants may stand elsewhere."""
    match = _VARIANT_PATH.match(path or "")
    if path is None or match is None:
        return path
    position = positions[int(match[1])]
    return "$.variants" if position is None else f"$.variants[{position}]{path[match.end() :]}"


def _slug(title: str) -> str:
    return re.sub(r"[\W_]+", "-", fold(title)).strip("-")[:200]
