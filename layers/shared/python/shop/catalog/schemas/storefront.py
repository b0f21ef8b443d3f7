"""Search, lookup and product detail in UCP's words.

Source: UCP 2026-08-25, ``shopping/catalog_search.json`` and ``shopping/catalog_lookup.json``.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from shop.catalog.actions.storefront import SearchPage
from shop.catalog.model import (
    Category,
    Media,
    OptionChoice,
    PriceBand,
    PriceTag,
    PriceTags,
    Product,
    ProductCard,
    ProductSelection,
    ResolvedProduct,
    Variant,
    VariantFilter,
)
from shop.catalog.schemas.base import CatalogOpenModel, ExtensibleRequestModel
from shop.kernel.errors import InvalidRequest
from shop.kernel.money import Money
from shop.kernel.text_validation import validate_currency
from shop.places.model.countries import validate_country

MAX_LOOKUP_IDS = 100
"""Ids of one lookup: what one read of the catalogue and one of the stock answer for."""
MAX_QUERY_LENGTH = 200
DEFAULT_PAGE_SIZE = 10
"""Products on a page where nobody says how many: UCP's default."""
MAX_PAGE_SIZE = 50
"""Products on a page at most; a larger wish is cut down in silence, as UCP has it."""

Currency = Annotated[str, AfterValidator(validate_currency)]
Amount = Annotated[int, Field(ge=0, le=10**15)]
Id = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=200)]


class CatalogContextRequest(CatalogOpenModel):
    """Hints about the buyer. Of these the catalogue reads where the buyer is, which decides the
    market, and the currency that prices are asked in.
    """

    currency: Currency | None = None
    address_country: Annotated[str, AfterValidator(validate_country)] | None = None


class PriceFilter(ExtensibleRequestModel):
    """Minor units of ``context.currency``, both ends included."""

    min: Amount | None = None
    max: Amount | None = None

    @model_validator(mode="after")
    def _in_order(self) -> "PriceFilter":
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError("min is above max")
        return self


class SearchFilters(ExtensibleRequestModel):
    """What to limit an answer to. An unknown filter is refused, for it would limit nothing."""

    categories: Annotated[list[Name], Field(max_length=20)] | None = None
    price: PriceFilter | None = None


class CatalogRequest(ExtensibleRequestModel):
    """What all three requests may bring along."""

    filters: SearchFilters | None = None
    context: CatalogContextRequest | None = None
    signals: dict[str, Any] | None = None
    attribution: dict[str, str] | None = None
    ucp: Any = None

    @property
    def categories(self) -> list[str]:
        return (self.filters.categories if self.filters else None) or []

    @property
    def price_band(self) -> PriceBand | None:
        price = self.filters.price if self.filters else None
        if price is None or (price.min is None and price.max is None):
            return None
        return PriceBand(price.min, price.max, self.context.currency if self.context else None)

    @property
    def country(self) -> str | None:
        return self.context.address_country if self.context else None

    @property
    def currency(self) -> str | None:
        return self.context.currency if self.context else None

    @property
    def variant_filter(self) -> VariantFilter:
        return VariantFilter.of(self.categories, self.price_band)


class PageRequest(ExtensibleRequestModel):
    cursor: Annotated[str, StringConstraints(max_length=500)] | None = None
    limit: Annotated[int, Field(ge=1)] = DEFAULT_PAGE_SIZE


class SearchRequest(CatalogRequest):
    """``POST /catalog/search``: words, or filters, or both."""

    query: Annotated[str, StringConstraints(max_length=MAX_QUERY_LENGTH)] | None = None
    pagination: PageRequest | None = None

    @property
    def text(self) -> str | None:
        """The words asked for; blanks are none. Raises :class:`Invalid` where nothing is asked."""
        text = self.query if self.query and self.query.strip() else None
        if text is None and not self.categories and self.price_band is None:
            raise InvalidRequest(
                "say what to look for: a query, filters.categories or filters.price",
                code="search_empty",
                path="$",
            )
        return text

    @property
    def limit(self) -> int:
        return min(self.pagination.limit, MAX_PAGE_SIZE) if self.pagination else DEFAULT_PAGE_SIZE

    @property
    def cursor(self) -> str | None:
        return self.pagination.cursor if self.pagination else None


class LookupRequest(CatalogRequest):
    """``POST /catalog/lookup``: ids of products, of variants, or both."""

    ids: Annotated[list[Id], Field(min_length=1)]

    @property
    def some_ids(self) -> list[str]:
        """Each id once. Raises :class:`Invalid` (``request_too_large``) for too many."""
        ids = list(dict.fromkeys(self.ids))
        if len(ids) > MAX_LOOKUP_IDS:
            raise InvalidRequest(
                f"{len(ids)} ids are too many; ask for {MAX_LOOKUP_IDS} at most",
                code="request_too_large",
                path="$.ids",
            )
        return ids


class SelectedOption(ExtensibleRequestModel):
    name: Name
    label: Name
    id: Any = None


class ProductRequest(CatalogRequest):
    """``POST /catalog/product``: one product, and what the buyer has chosen of it so far."""

    id: Id
    selected: Annotated[list[SelectedOption], Field(max_length=20)] | None = None
    preferences: Annotated[list[Name], Field(max_length=20)] | None = None

    @model_validator(mode="after")
    def _each_option_once(self) -> "ProductRequest":
        names = [s.name for s in self.selected or ()]
        if len(set(names)) < len(names):
            raise ValueError("selected names an option twice")
        return self

    @property
    def choices(self) -> list[OptionChoice]:
        return [OptionChoice(s.name, s.label) for s in self.selected or ()]


NO_TAGS = PriceTags()


def search_view(found: SearchPage, tags: PriceTags = NO_TAGS) -> dict[str, Any]:
    """A page of products, each with its featured variant."""
    page = found.page
    view: dict[str, Any] = {
        "products": [card_view(card, tags) for card in page.items],
        "pagination": {"has_next_page": page.cursor is not None},
    }
    if page.cursor is not None:
        view["pagination"]["cursor"] = page.cursor
    if found.unfiltered:
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
    shelf: Mapping[str, str],
    tags: PriceTags = NO_TAGS,
) -> dict[str, Any]:
    """The products found, each variant with the ids that led to it; the rest as messages."""
    view: dict[str, Any] = {
        "products": [
            product_view(
                one.product,
                [
                    {
                        **variant_view(match.variant, shelf, tags),
                        "inputs": [{"id": i, "match": how} for i, how in match.inputs],
                    }
                    for match in one.matches
                ],
                tags,
            )
            for one in resolved
        ]
    }
    messages = [_info("not_found", some_id) for some_id in unknown]
    return {**view, "messages": messages} if messages else view


def product_detail_view(
    offer: ProductSelection, shelf: Mapping[str, str], tags: PriceTags = NO_TAGS
) -> dict[str, Any]:
    """A product in full, with what can still be chosen."""
    variants = [variant_view(v, shelf, tags) for v in offer.variants]
    product = product_view(offer.product, variants, tags)
    if offer.options:
        product["selected"] = [_choice_view(c) for c in offer.selected]
        product["options"] = [
            {
                "name": name,
                "values": [
                    {"label": s.value, "available": s.available, "exists": s.exists}
                    for s in signals
                ],
            }
            for name, signals in offer.options
        ]
    return {"product": product}


def card_view(card: ProductCard, tags: PriceTags = NO_TAGS) -> dict[str, Any]:
    """A product as a list shows it. Its stock is not told here: a list would read it for all."""
    product = tags.products.get(card.product_id)
    low, high, listed = card.low, card.high, card.list_prices
    ranges = {
        "price_range": _range(low, high),
        "list_price_range": _range(*(Money(n, card.currency) for n in listed)) if listed else None,
    }
    return _full(
        id=card.product_id,
        handle=card.handle,
        title=card.title,
        description={"plain": card.teaser or card.title},
        categories=_categories(card.categories),
        **(_ranges(product, tags) if product is not None else ranges),
        media=_media([card.media] if card.media else []),
        variants=[variant_view(card.featured, None, tags)],
        metadata={"brand": card.brand} if card.brand else None,
    )


def product_view(
    product: Product, variants: Sequence[Mapping[str, Any]], tags: PriceTags = NO_TAGS
) -> dict[str, Any]:
    """Everything that is said of a product itself, with the variants that an answer is about."""
    description = {"plain": product.description or product.title}
    if product.html:
        description["html"] = product.html
    return _full(
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
    # Variants may be announced in two currencies where a price list names some of them only: the
    # range is told in the one that most have.
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
    variant: Variant, shelf: Mapping[str, str] | None = None, tags: PriceTags = NO_TAGS
) -> dict[str, Any]:
    """What can be bought; with its availability, in UCP's words, where the stock was read."""
    status = None if shelf is None else shelf.get(variant.sku, "out_of_stock")
    tag = tags.for_variant(variant.id, variant.price, variant.list_price)
    return _full(
        id=variant.id,
        sku=variant.sku,
        barcodes=[{"type": _barcode_type(variant.barcode), "value": variant.barcode}]
        if variant.barcode
        else None,
        title=variant.title,
        description={"plain": variant.title},
        price=money_view(tag.price),
        list_price=money_view(tag.list_price) if tag.list_price else None,
        availability=None
        if status is None
        else {"available": status != "out_of_stock", "status": status},
        options=[_choice_view(c) for c in variant.choices],
        media=_media([variant.media] if variant.media else []),
        metadata=_reduction_view(tag),
    )


def _reduction_view(tag: PriceTag) -> dict[str, Any] | None:
    """The reference beside a reduced price, as Directive 98/6/EC asks for; UCP leaves the place."""
    if tag.lowest is None:
        return None
    return {
        "lowest_price_30_days": money_view(tag.lowest),
        **({"reduction_percent": tag.percent} if tag.percent else {}),
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
    return [_full(type=m.type, url=m.url, alt_text=m.alt) for m in media]


def _barcode_type(code: str) -> str:
    """What a code is, by its form: 12 digits are a UPC, 13 an EAN or, from 978 on, an ISBN."""
    if not code.isdigit():
        return "OTHER"
    if len(code) == 13:
        return "ISBN" if code.startswith(("978", "979")) else "EAN"
    return {8: "EAN", 12: "UPC", 14: "GTIN"}.get(len(code), "OTHER")


def _info(code: str, content: str) -> dict[str, str]:
    return {"type": "info", "code": code, "content": content}


def _full(**fields: Any) -> dict[str, Any]:
    """Without what there is not: UCP's optional fields are absent, not null or empty."""
    return {name: value for name, value in fields.items() if value not in (None, [])}
