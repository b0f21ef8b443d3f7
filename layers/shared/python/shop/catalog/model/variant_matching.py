"""Resolve looked-up ids to variants, and a buyer's option choices to variants.

Source: UCP 2026-08-25, "Catalog Lookup": input correlation, option selection, relaxation,
availability signals.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence

from shop.catalog.model.product import OptionChoice, Product, Variant, product_id_from
from shop.catalog.model.search_index import PriceBand, categories_of, folded_category
from shop.kernel.frozen import frozen

EXACT = "exact"
"""The id is this variant's."""
FEATURED = "featured"
"""The id is the product's; the shop chose this variant to represent it."""

IsInStock = Callable[[Variant], bool]


@frozen
class VariantFilter:
    """A filter on results: any of the categories and the price band must match."""

    categories: tuple[str, ...] = ()
    price: PriceBand | None = None

    @classmethod
    def of(cls, categories: Iterable[str], price: PriceBand | None) -> "VariantFilter":
        return cls(tuple(folded_category(c) for c in categories), price)

    def matching_variants(self, product: Product) -> tuple[Variant, ...]:
        """Return the variants on sale that match the filter."""
        if self.categories and not set(self.categories).intersection(categories_of(product)):
            return ()
        if self.price is None or self.price.currency not in (None, product.currency):
            return product.on_sale
        return tuple(v for v in product.on_sale if self.price.reaches(v.price.minor, v.price.minor))


@frozen
class VariantMatch:
    """A variant with the requested ids that resolved to it, each with its kind of match."""

    variant: Variant
    inputs: tuple[tuple[str, str], ...]


@frozen
class ResolvedProduct:
    """A product with its requested variants."""

    product: Product
    matches: tuple[VariantMatch, ...]


def resolve_ids(
    ids: Sequence[str], products: Mapping[str, Product], variant_filter: VariantFilter
) -> tuple[tuple[ResolvedProduct, ...], tuple[str, ...]]:
    """Resolve ids of products and variants; the second result has the ids that are not on sale.

    An id that is on sale and does not match the filter is in neither result.
    """
    inputs: dict[str, dict[str, list[tuple[str, str]]]] = {}
    unknown: list[str] = []
    for some_id in dict.fromkeys(ids):
        product = products.get(product_id_from(some_id))
        matching = variant_filter.matching_variants(product) if product else ()
        if product is None or not product.on_sale:
            unknown.append(some_id)
        elif some_id == product.id:
            if matching:
                featured = inputs.setdefault(product.id, {}).setdefault(matching[0].id, [])
                featured.append((some_id, FEATURED))
        elif some_id not in {v.id for v in product.on_sale}:
            unknown.append(some_id)
        elif some_id in {v.id for v in matching}:
            inputs.setdefault(product.id, {}).setdefault(some_id, []).append((some_id, EXACT))
    resolved = tuple(_resolved(products[i], by_variant) for i, by_variant in inputs.items())
    return resolved, tuple(unknown)


def _resolved(product: Product, inputs: Mapping[str, list[tuple[str, str]]]) -> ResolvedProduct:
    matches = (VariantMatch(v, tuple(inputs[v.id])) for v in product.on_sale if v.id in inputs)
    return ResolvedProduct(product, tuple(matches))


@frozen
class OptionAvailability:
    """Whether a variant with this value and the other choices exists and is available."""

    value: str
    exists: bool
    available: bool


@frozen
class ProductSelection:
    """A product narrowed to the choices in ``selected``, with its matching variants first."""

    product: Product
    variants: tuple[Variant, ...]
    selected: tuple[OptionChoice, ...]
    options: tuple[tuple[str, tuple[OptionAvailability, ...]], ...]


def select_variant(
    product: Product,
    *,
    variants: Sequence[Variant],
    in_stock: IsInStock,
    variant: Variant | None = None,
    selected: Sequence[OptionChoice] = (),
    preferences: Sequence[str] = (),
) -> ProductSelection:
    """Select the variants that fit the buyer's choices, from one or more filtered ``variants``.

    A ``variant`` requested by id fixes all choices and comes first. If no variant has all chosen
    values, the least preferred ones are dropped (UCP: relaxation). Without choices, the first
    variant in stock represents the product.
    """
    by_stock = sorted(variants, key=lambda v: not in_stock(v))
    if variant is not None:
        effective: tuple[OptionChoice, ...] = variant.choices
        by_stock = [variant, *(v for v in by_stock if v.id != variant.id)]
    elif selected:
        effective = _relax(product, variants, selected, preferences)
    else:
        effective = by_stock[0].choices
    return ProductSelection(
        product,
        tuple(v for v in by_stock if _fits(v, effective)),
        effective,
        tuple(
            (o.name, _value_availability(o.name, o.values, product, effective, in_stock))
            for o in product.options
        ),
    )


def _relax(
    product: Product,
    variants: Sequence[Variant],
    selected: Sequence[OptionChoice],
    preferences: Sequence[str],
) -> tuple[OptionChoice, ...]:
    # A value that no variant has is dropped first, so that it cannot displace possible choices.
    possible = [c for c in selected if any(_fits(v, (c,)) for v in variants)]
    order = [o.name for o in product.options]
    preferred = list(dict.fromkeys(preferences))

    def rank(choice: OptionChoice) -> tuple[int, int]:
        preference = preferred.index(choice.name) if choice.name in preferred else len(preferred)
        return preference, order.index(choice.name)

    satisfiable = sorted(possible, key=rank)
    while not any(_fits(v, satisfiable) for v in variants):
        satisfiable.pop()
    return tuple(sorted(satisfiable, key=lambda c: order.index(c.name)))


def _value_availability(
    name: str,
    values: Iterable[str],
    product: Product,
    effective: Sequence[OptionChoice],
    in_stock: IsInStock,
) -> tuple[OptionAvailability, ...]:
    others = [c for c in effective if c.name != name]
    availability: list[OptionAvailability] = []
    for value in values:
        fitting = [v for v in product.on_sale if _fits(v, [*others, OptionChoice(name, value)])]
        availability.append(
            OptionAvailability(value, bool(fitting), any(in_stock(v) for v in fitting))
        )
    return tuple(availability)


def _fits(variant: Variant, choices: Iterable[OptionChoice]) -> bool:
    return all(choice in variant.choices for choice in choices)
