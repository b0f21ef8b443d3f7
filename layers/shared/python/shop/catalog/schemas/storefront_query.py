"""Catalog requests from the query of a GET route, whose response a CDN may keep."""

from collections.abc import Callable, Mapping

from shop.catalog.schemas.storefront import (
    DEFAULT_PAGE_SIZE,
    MAX_PAGE_SIZE,
    CatalogContextRequest,
    PageRequest,
    PriceFilter,
    ProductRequest,
    SearchFilters,
    SearchRequest,
)
from shop.kernel.errors import InvalidRequest
from shop.kernel.pagination import parse_limit
from shop.kernel.text_validation import validate_currency
from shop.places.model.countries import validate_country

MAX_TEXT_LENGTH = 200
"""Characters of a query or category."""


def context_from_query(query: Mapping[str, str]) -> CatalogContextRequest:
    """Return country and currency. Raises InvalidRequest."""
    return CatalogContextRequest.model_construct(
        address_country=_checked(query.get("country"), "country", validate_country),
        currency=_checked(query.get("currency"), "currency", validate_currency),
    )


def product_request(id_: str, context: CatalogContextRequest) -> ProductRequest:
    """Return the request for one product."""
    return ProductRequest.model_construct(id=id_, context=context)


def search_from_query(query: Mapping[str, str]) -> SearchRequest:
    """Return the request for a page of products; without a filter, of all.

    Raises InvalidRequest.
    """
    low = _amount(query.get("min_price"), "min_price")
    high = _amount(query.get("max_price"), "max_price")
    if low is not None and high is not None and low > high:
        detail = "min_price must be at most max_price."
        raise InvalidRequest(detail, code="value_contradiction", path="min_price")
    category = _text(query.get("category"), "category")
    words = _text(query.get("query"), "query")
    if words is None and category is None and high is None:
        # A list without a filter has all products; a search needs a filter that all of them match.
        low = low or 0
    limit = parse_limit(query.get("limit"), default=DEFAULT_PAGE_SIZE, max_results=MAX_PAGE_SIZE)
    return SearchRequest.model_construct(
        query=words,
        filters=SearchFilters.model_construct(
            categories=None if category is None else [category],
            price=PriceFilter.model_construct(min=low, max=high),
        ),
        pagination=PageRequest.model_construct(
            limit=limit, cursor=_text(query.get("cursor"), "cursor", maximum=500)
        ),
    )


def _text(text: str | None, name: str, *, maximum: int = MAX_TEXT_LENGTH) -> str | None:
    if text is not None and not 1 <= len(text) <= maximum:
        detail = f"{name} must have 1 to {maximum} characters."
        raise InvalidRequest(detail, code="text_invalid", path=name)
    return text


def _amount(text: str | None, name: str) -> int | None:
    if text is None:
        return None
    # 15 digits at most: int() of a very long text would take long.
    if not (text.isascii() and text.isdigit() and len(text) <= 15):
        detail = f"{name} must be a whole number of minor units, such as 1999."
        raise InvalidRequest(detail, code="wrong_type", path=name)
    return int(text)


def _checked(text: str | None, name: str, validate: Callable[[str], str]) -> str | None:
    try:
        return None if text is None else validate(text)
    except ValueError as error:
        raise InvalidRequest(str(error), code=f"{name}_unknown", path=name) from None
