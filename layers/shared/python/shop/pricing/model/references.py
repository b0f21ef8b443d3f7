"""The references of a promotion to catalog, markets and shipping.

Business rules: docs/rules/pricing.md §15.3.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator

from shop.kernel.errors import Problem
from shop.pricing.model.effects import (
    Bundle,
    BuyGet,
    FlashSale,
    FreeGift,
    LimitedPrice,
    ShippingOff,
)
from shop.pricing.model.promotions import Promotion
from shop.pricing.model.rule_set import CHANNELS
from shop.pricing.model.targeting import Selection

MAX_REFERENCES = {"product": 1_000, "variant": 1_000, "category": 100}
"""Different references of each kind in one promotion; each costs a part of a lookup."""

Reference = tuple[str, str]
"""Kind and id of a referenced object."""

LocatedReference = tuple[str, str, str]
"""Kind and id of a referenced object, and the JSONPath of the reference."""


def references_in(promotion: Promotion) -> list[LocatedReference]:
    """Return every reference of a promotion, with its JSONPath.

    These are products, variants, categories, SKUs, markets, channels and shipping methods.
    """
    conditions = promotion.conditions
    references = list(_selection_references(promotion.goods, "$.goods"))
    if conditions.of is not None:
        references += _selection_references(conditions.of, "$.conditions.of")
    references += _effect_references(promotion)
    references += _list_references("market", conditions.markets, "$.conditions.markets")
    references += _list_references("channel", conditions.channels, "$.conditions.channels")
    if promotion.capacity is not None:
        references += _list_references("sku", promotion.capacity.skus, "$.capacity.skus")
    return references


def _effect_references(promotion: Promotion) -> Iterator[LocatedReference]:
    effect = promotion.effect
    match effect:
        case BuyGet() if effect.get is not None:
            yield from _selection_references(effect.get, "$.effect.get")
        case Bundle():
            for place, part in enumerate(effect.parts):
                yield from _selection_references(part.goods, f"$.effect.parts[{place}].goods")
        case FreeGift():
            kind, name = ("variant", effect.variant) if effect.variant else ("sku", effect.sku)
            yield kind, name, f"$.effect.{kind}"
        case ShippingOff():
            yield from _list_references("method", effect.methods, "$.effect.methods")


def _selection_references(goods: Selection, path: str) -> Iterator[LocatedReference]:
    for name, kind in (
        ("products", "product"),
        ("variants", "variant"),
        ("categories", "category"),
    ):
        for field in (name, f"not_{name}"):
            yield from _list_references(kind, getattr(goods, field), f"{path}.{field}")


def _list_references(kind: str, ids: Iterable[str], path: str) -> Iterator[LocatedReference]:
    for place, id_ in enumerate(ids):
        yield kind, id_, f"{path}[{place}]"


def unknown_references(
    promotion: Promotion, find_unknown: Callable[[Collection[Reference]], Collection[Reference]]
) -> list[Problem]:
    """Return a problem for every reference to an unknown object.

    ``find_unknown`` returns the references without an object in catalog, shipping and markets.
    Channels are checked here.
    """
    located = references_in(promotion)
    references = {(kind, id_) for kind, id_, _ in located}
    counts = Counter(kind for kind, _ in references)
    # The limit protects the lookup, so it is checked first.
    if exceeded := [kind for kind, maximum in MAX_REFERENCES.items() if counts[kind] > maximum]:
        limits = [f"{MAX_REFERENCES[kind]} references of kind {kind}" for kind in exceeded]
        return [
            Problem("too_many", f"A promotion may have at most {' and '.join(limits)}.", "$.goods")
        ]
    unknown = {(kind, id_) for kind, id_ in references if kind == "channel" and id_ not in CHANNELS}
    unknown |= set(find_unknown({r for r in references if r[0] != "channel"}))
    return [
        unknown_reference_problem(kind, id_, path)
        for kind, id_, path in located
        if (kind, id_) in unknown
    ]


def unknown_reference_problem(kind: str, id_: str, path: str) -> Problem:
    """Return the problem for a reference to an unknown object."""
    if kind == "category":
        detail = f"Category {id_!r} has no product on sale. Use another category."
        return Problem("category_unknown", detail, path)
    if kind == "method":
        detail = f"Shipping method {id_!r} is unknown. Use a method of the shipping table."
        return Problem("method_unknown", detail, path)
    if kind == "market":
        detail = f"Market {id_!r} is unknown. Use a market of the shop."
    elif kind == "channel":
        detail = f"Channel {id_!r} must be one of: {', '.join(sorted(CHANNELS))}."
    else:
        name = "SKU" if kind == "sku" else kind.capitalize()
        detail = f"{name} {id_!r} is unknown. Use one of the catalog."
    return Problem(f"{kind}_unknown", detail, path)


def price_conflicts(promotion: Promotion, others: Iterable[Promotion]) -> list[Problem]:
    """Return a problem for every second advertised price of an article.

    Two limited or flash prices conflict if all of these hold:

    - Both are published, and their periods overlap.
    - Both name the same product or variant.
    - No market, channel, customer group or code separates them.
    """
    problems = []
    if not _sets_a_price(promotion):
        return []
    articles = set(promotion.goods.products) | set(promotion.goods.variants)
    for other in others:
        if other.id == promotion.id or not other.published or other.ended_at is not None:
            continue
        shared = articles & (set(other.goods.products) | set(other.goods.variants))
        if not shared or not _sets_a_price(other):
            continue
        ours, theirs = promotion.conditions, other.conditions
        if (
            ours.window.overlaps(theirs.window)
            and _overlap(ours.markets, theirs.markets)
            and _overlap(ours.channels, theirs.channels)
            and _overlap(ours.groups, theirs.groups)
            and not (promotion.code_required or other.code_required)
        ):
            problems.append(
                Problem(
                    "price_overlaps",
                    f"Promotion {other.id} already sets a price for {', '.join(sorted(shared))}"
                    " in this period.",
                    "$.conditions.window",
                )
            )
    return problems


def _sets_a_price(promotion: Promotion) -> bool:
    return isinstance(promotion.effect, (LimitedPrice, FlashSale))


def _overlap(names: tuple[str, ...], others: tuple[str, ...]) -> bool:
    """Return whether both conditions can hold at once; an empty one holds for all."""
    return not names or not others or bool(set(names) & set(others))
