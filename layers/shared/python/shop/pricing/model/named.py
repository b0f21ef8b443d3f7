"""What a promotion names, whether the shop has it, and who else sets a price for it."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable

from shop.kernel.errors import Problem
from shop.pricing.model.choice import Selection
from shop.pricing.model.effects import (
    Bundle,
    BuyGet,
    FlashSale,
    GiftWith,
    LimitedPrice,
    ShippingOff,
)
from shop.pricing.model.promotions import Promotion
from shop.pricing.model.rules import CHANNELS, MARKETS

MOST_NAMED = {"product": 1_000, "variant": 1_000, "category": 100}
"""So much of a sort one promotion names at most, each of it once: all of it is looked up."""

Named = tuple[str, str]
"""The sort of a thing, and its id."""


def named_in(promotion: Promotion) -> list[tuple[str, str, str]]:
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


def unknown_in(
    promotion: Promotion, strangers: Callable[[Collection[Named]], Collection[Named]]
) -> list[Problem]:
    """What it names that the shop does not have. ``strangers`` tells those of many things that the
    assortment has not; markets and channels are known here.
    """
    named = named_in(promotion)
    asked = {(sort, thing) for sort, thing, _ in named}
    numbers = Counter(sort for sort, _ in asked)
    if too_many := [sort for sort, most in MOST_NAMED.items() if numbers[sort] > most]:
        said = [f"{MOST_NAMED[sort]} of the sort {sort} in one promotion" for sort in too_many]
        return [Problem("too_many", f"at most {' and '.join(said)}", "$.goods")]
    unknown = {
        (sort, thing)
        for sort, thing in asked
        if (sort == "market" and thing not in SOLD_IN)
        or (sort == "channel" and thing not in CHANNELS)
    }
    unknown |= set(strangers({n for n in asked if n[0] not in ("market", "channel")}))
    return [
        unheard_of(sort, thing, path) for sort, thing, path in named if (sort, thing) in unknown
    ]


SOLD_IN = frozenset(market.id for market in MARKETS)


def unheard_of(sort: str, thing: str, path: str) -> Problem:
    """What is said of a thing that the shop does not have."""
    if sort == "category":
        return Problem("category_unknown", f"nothing on sale is in a category {thing!r}", path)
    if sort == "method":
        return Problem("method_unknown", f"no way of shipping {thing!r}", path)
    known = {"market": SOLD_IN, "channel": CHANNELS}.get(sort)
    there = f"; there are {', '.join(sorted(known))}" if known else ""
    return Problem(f"{sort}_unknown", f"no {sort} {thing!r}{there}", path)


def overlaps_in(promotion: Promotion, others: Iterable[Promotion]) -> list[Problem]:
    """Prices that cannot both be advertised: two limited or flash prices of an article at once.

    They overlap where both are published, their windows meet, both name the same product or
    variant, and no market, channel, customer group or code tells them apart.
    """
    found = []
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
            ours.window.meets(theirs.window)
            and _share(ours.markets, theirs.markets)
            and _share(ours.channels, theirs.channels)
            and _share(ours.groups, theirs.groups)
            and not (promotion.code_required or other.code_required)
        ):
            found.append(
                Problem(
                    "price_overlaps",
                    f"{', '.join(sorted(both))} has a price by {other.id} in that time",
                    "$.conditions.window",
                )
            )
    return found


def _sets_a_price(promotion: Promotion) -> bool:
    return isinstance(promotion.effect, (LimitedPrice, FlashSale))


def _share(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    return not one or not other or bool(set(one) & set(other))
