"""What a promotion names, whether the shop has it, and who else sets a price for it."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable

from shop.kernel.errors import Problem
from shop.pricing.model.effects import (
    Bundle,
    BuyGet,
    FlashSale,
    GiftWith,
    LimitedPrice,
    ShippingOff,
)
from shop.pricing.model.promotions import Promotion
from shop.pricing.model.rule_set import CHANNELS, MARKETS
from shop.pricing.model.targeting import Selection

MAX_REFERENCES = {"product": 1_000, "variant": 1_000, "category": 100}
"""So much of a sort one promotion names at most, each of it once: all of it is looked up."""

Reference = tuple[str, str]
"""The sort of a thing, and its id."""


def references_in(promotion: Promotion) -> list[tuple[str, str, str]]:
    """Every product, variant, category, SKU, market, channel and way of shipping that a promotion
    names: (sort, id, path).
    """
    named: list[tuple[str, str, str]] = []

    def collect(goods: Selection, path: str) -> None:
        for name, sort in (
            ("products", "product"),
            ("variants", "variant"),
            ("categories", "category"),
        ):
            for field in (name, f"not_{name}"):
                for place, thing in enumerate(getattr(goods, field)):
                    named.append((sort, thing, f"{path}.{field}[{place}]"))

    collect(promotion.goods, "$.goods")
    if promotion.conditions.of is not None:
        collect(promotion.conditions.of, "$.conditions.of")
    effect = promotion.effect
    if isinstance(effect, BuyGet) and effect.get is not None:
        collect(effect.get, "$.effect.get")
    if isinstance(effect, Bundle):
        for place, part in enumerate(effect.parts):
            collect(part.goods, f"$.effect.parts[{place}].goods")
    if isinstance(effect, GiftWith):
        sort, name = ("variant", effect.variant) if effect.variant else ("sku", effect.sku)
        named.append((sort, name, f"$.effect.{sort}"))
    listed: list[tuple[str, tuple[str, ...], str]] = [
        ("market", promotion.conditions.markets, "$.conditions.markets"),
        ("channel", promotion.conditions.channels, "$.conditions.channels"),
    ]
    if isinstance(effect, ShippingOff):
        listed.append(("method", effect.methods, "$.effect.methods"))
    if promotion.capacity is not None:
        listed.append(("sku", promotion.capacity.skus, "$.capacity.skus"))
    for sort, names, path in listed:
        named += [(sort, thing, f"{path}[{place}]") for place, thing in enumerate(names)]
    return named


def unknown_references(
    promotion: Promotion, strangers: Callable[[Collection[Reference]], Collection[Reference]]
) -> list[Problem]:
    """What it names that the shop does not have. ``strangers`` tells those of many things that the
    assortment has not; markets and channels are known here.
    """
    named = references_in(promotion)
    requested_ids = {(sort, thing) for sort, thing, _ in named}
    numbers = Counter(sort for sort, _ in requested_ids)
    if too_many := [sort for sort, most in MAX_REFERENCES.items() if numbers[sort] > most]:
        detail = [
            f"{MAX_REFERENCES[sort]} of the sort {sort} in one promotion" for sort in too_many
        ]
        return [Problem("too_many", f"at most {' and '.join(detail)}", "$.goods")]
    unknown = {
        (sort, thing)
        for sort, thing in requested_ids
        if (sort == "market" and thing not in MARKET_IDS)
        or (sort == "channel" and thing not in CHANNELS)
    }
    unknown |= set(strangers({n for n in requested_ids if n[0] not in ("market", "channel")}))
    return [
        unknown_reference_problem(sort, thing, path)
        for sort, thing, path in named
        if (sort, thing) in unknown
    ]


MARKET_IDS = frozenset(market.id for market in MARKETS)


def unknown_reference_problem(kind: str, thing: str, path: str) -> Problem:
    """What is said of a thing that the shop does not have."""
    if kind == "category":
        return Problem("category_unknown", f"nothing on sale is in a category {thing!r}", path)
    if kind == "method":
        return Problem("method_unknown", f"no way of shipping {thing!r}", path)
    known = {"market": MARKET_IDS, "channel": CHANNELS}.get(kind)
    there = f"; there are {', '.join(sorted(known))}" if known else ""
    return Problem(f"{kind}_unknown", f"no {kind} {thing!r}{there}", path)


def price_conflicts(promotion: Promotion, others: Iterable[Promotion]) -> list[Problem]:
    """Prices that cannot both be advertised: two limited or flash prices of an article at once.

    They overlap where both are published, their windows meet, both name the same product or
    variant, and no market, channel, customer group or code tells them apart.
    """
    problems = []
    if not _sets_a_price(promotion):
        return []
    mine = set(promotion.goods.products) | set(promotion.goods.variants)
    for other in others:
        if other.id == promotion.id or not other.published or other.ended_at is not None:
            continue
        both = mine & (set(other.goods.products) | set(other.goods.variants))
        if not both or not _sets_a_price(other):
            continue
        ours, theirs = promotion.conditions, other.conditions
        if (
            ours.window.overlaps(theirs.window)
            and _share(ours.markets, theirs.markets)
            and _share(ours.channels, theirs.channels)
            and _share(ours.groups, theirs.groups)
            and not (promotion.code_required or other.code_required)
        ):
            problems.append(
                Problem(
                    "price_overlaps",
                    f"{', '.join(sorted(both))} has a price by {other.id} in that time",
                    "$.conditions.window",
                )
            )
    return problems


def _sets_a_price(promotion: Promotion) -> bool:
    return isinstance(promotion.effect, (LimitedPrice, FlashSale))


def _share(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    return not one or not other or bool(set(one) & set(other))
