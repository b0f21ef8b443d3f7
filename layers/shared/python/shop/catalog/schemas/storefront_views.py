"""Responses of search, lookup and product detail, as UCP defines them.

Source: UCP 2026-08-25, ``shopping/catalog_search.json`` and ``shopping/catalog_lookup.json``.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from shop.catalog.actions.storefront import SearchPage
from shop.catalog.model import (
    Category,
    Media,
    OptionChoice,
    PriceTag,
    PriceTags,
    Product,
    ProductCard,
    ProductSelection,
    ResolvedProduct,
    Variant,
)
from shop.kernel.money import Money

NO_TAGS = PriceTags()


def search_view(
    result: SearchPage, availability: Mapping[str, str], tags: PriceTags = NO_TAGS
) -> dict[str, Any]:
    """Return a page of products, each with its featured variant and whether that is available."""
    page = result.page
    view: dict[str, Any] = {
        "products": [card_view(card, availability, tags) for card in page.items],
        "pagination": {"has_next_page": page.cursor is not None},
    }
    if page.cursor is not None:
        view["pagination"]["cursor"] = page.cursor
    if result.unfiltered:
        view["messages"] = [
            _info(
                "price_filter_not_applied",
                "Prices are not converted: products priced in another currency than"
                " context.currency were not filtered by price.",
            )
        ]
    return view


def lookup_view(
    resolved: Iterable[ResolvedProduct],
    unknown: Iterable[str],
    availability: Mapping[str, str],
    tags: PriceTags = NO_TAGS,
) -> dict[str, Any]:
    """Return the resolved products with the ids of each variant, and a message per unknown id."""
    view: dict[str, Any] = {
        "products": [
            product_view(
                item.product,
                [
                    {
                        **variant_view(match.variant, availability, tags),
                        "inputs": [{"id": id_, "match": kind} for id_, kind in match.inputs],
                    }
                    for match in item.matches
                ],
                tags,
            )
            for item in resolved
        ]
    }
    messages = [_info("not_found", some_id) for some_id in unknown]
    return {**view, "messages": messages} if messages else view


def product_detail_view(
    selection: ProductSelection, availability: Mapping[str, str], tags: PriceTags = NO_TAGS
) -> dict[str, Any]:
    """Return a product in full, with the availability of each option value."""
    variants = [variant_view(v, availability, tags) for v in selection.variants]
    product = product_view(selection.product, variants, tags)
    if selection.options:
        product["selected"] = [_choice_view(c) for c in selection.selected]
        product["options"] = [
            {
                "name": name,
                "values": [
                    {"label": s.value, "available": s.available, "exists": s.exists}
                    for s in signals
                ],
            }
            for name, signals in selection.options
        ]
    return {"product": product}


def card_view(
    card: ProductCard, availability: Mapping[str, str], tags: PriceTags = NO_TAGS
) -> dict[str, Any]:
    """Return a product of a list; the availability is that of its featured variant."""
    product = tags.products.get(card.product_id)
    low, high, listed = card.low, card.high, card.list_prices
    ranges = {
        "price_range": _range(low, high),
        "list_price_range": _range(*(Money(n, card.currency) for n in listed)) if listed else None,
    }
    return _without_empty(
        id=card.product_id,
        handle=card.handle,
        title=card.title,
        description={"plain": card.teaser or card.title},
        categories=_categories(card.categories),
        **(_ranges(product, tags) if product is not None else ranges),
        media=_media([card.media] if card.media else []),
        variants=[variant_view(card.featured, availability, tags)],
        metadata={"brand": card.brand} if card.brand else None,
    )


def product_view(
    product: Product, variants: Sequence[Mapping[str, Any]], tags: PriceTags = NO_TAGS
) -> dict[str, Any]:
    """Return the fields of a product with the given views of its variants."""
    description = {"plain": product.description or product.title}
    if product.html:
        description["html"] = product.html
    return _without_empty(
        id=product.id,
        handle=product.handle,
        title=product.title,
        description=description,
        categories=_categories(product.categories),
        tags=list(product.tags),
        **_ranges(product, tags),
        media=_media(product.media),
        options=[
            {"name": o.name, "values": [{"label": value} for value in o.values]}
            for o in product.options
        ],
        variants=list(variants),
        metadata={"brand": product.brand} if product.brand else None,
    )


def _ranges(product: Product, tags: PriceTags) -> dict[str, Any]:
    shown = [tags.for_variant(v.id, v.price, v.list_price) for v in product.on_sale]
    # A price list that names only some variants leads to prices in two currencies. The range then
    # uses the currency that most variants have.
    currencies = [tag.price.currency for tag in shown]
    currency = max(currencies, key=currencies.count)
    prices = [tag.price for tag in shown if tag.price.currency == currency]
    listed = [
        tag.list_price for tag in shown if tag.list_price and tag.list_price.currency == currency
    ]

    def by_amount(money: Money) -> int:
        return money.minor

    return {
        "price_range": _range(min(prices, key=by_amount), max(prices, key=by_amount)),
        "list_price_range": _range(min(listed, key=by_amount), max(listed, key=by_amount))
        if listed
        else None,
    }


def variant_view(
    variant: Variant, availability: Mapping[str, str], tags: PriceTags = NO_TAGS
) -> dict[str, Any]:
    """Return a variant with UCP's availability status."""
    status = availability.get(variant.sku, "out_of_stock")
    tag = tags.for_variant(variant.id, variant.price, variant.list_price)
    return _without_empty(
        id=variant.id,
        sku=variant.sku,
        barcodes=[{"type": _barcode_type(variant.barcode), "value": variant.barcode}]
        if variant.barcode
        else None,
        title=variant.title,
        description={"plain": variant.title},
        price=money_view(tag.price),
        list_price=money_view(tag.list_price) if tag.list_price else None,
        availability={"available": status != "out_of_stock", "status": status},
        options=[_choice_view(c) for c in variant.choices],
        media=_media([variant.media] if variant.media else []),
        metadata=_reduction_view(tag),
    )


def _reduction_view(tag: PriceTag) -> dict[str, Any] | None:
    """Return the reference price of a reduction, which Directive 98/6/EC requires.

    UCP has no field for it, so it is part of the metadata.
    """
    if tag.lowest is None:
        return None
    return {
        "lowest_price_30_days": money_view(tag.lowest),
        **({"reduction_ppm": tag.percent * 10_000} if tag.percent else {}),
    }


def money_view(money: Money) -> dict[str, Any]:
    return {"amount": money.minor, "currency": money.currency}


def _range(low: Money, high: Money) -> dict[str, Any]:
    return {"min": money_view(low), "max": money_view(high)}


def _choice_view(choice: OptionChoice) -> dict[str, str]:
    return {"name": choice.name, "label": choice.value}


def _categories(categories: Iterable[Category]) -> list[dict[str, str]]:
    return [{"value": c.value, "taxonomy": c.taxonomy} for c in categories]


def _media(media: Iterable[Media]) -> list[dict[str, str]]:
    return [_without_empty(type=m.type, url=m.url, alt_text=m.alt) for m in media]


def _barcode_type(code: str) -> str:
    """Return the type of a barcode by its length; 13 digits from 978 or 979 on are an ISBN."""
    if not code.isdigit():
        return "OTHER"
    if len(code) == 13:
        return "ISBN" if code.startswith(("978", "979")) else "EAN"
    return {8: "EAN", 12: "UPC", 14: "GTIN"}.get(len(code), "OTHER")


def _info(code: str, content: str) -> dict[str, str]:
    return {"type": "info", "code": code, "content": content}


def _without_empty(**fields: Any) -> dict[str, Any]:
    """Return the fields that have a value: UCP's optional fields are absent, not null or empty."""
    return {name: value for name, value in fields.items() if value not in (None, [])}
