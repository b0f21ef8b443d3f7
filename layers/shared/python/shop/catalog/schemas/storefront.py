"""Requests of search, lookup and product detail, as UCP defines them.

Source: UCP 2026-08-25, ``shopping/catalog_search.json`` and ``shopping/catalog_lookup.json``.
"""

import re
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)
from pydantic_core import PydanticCustomError

from shop.catalog.model import (
    OptionChoice,
    PriceBand,
    VariantFilter,
)
from shop.kernel.errors import InvalidRequest
from shop.kernel.text_folding import is_blank
from shop.kernel.text_validation import validate_currency
from shop.places.model.countries import validate_country

MAX_LOOKUP_IDS = 100
"""Ids of one lookup: one read of the catalog and one of the stock serve 100 ids."""
MAX_QUERY_LENGTH = 200
DEFAULT_PAGE_SIZE = 10
"""Products on a page if the request has no limit; this is UCP's default."""
MAX_PAGE_SIZE = 50
"""Products on a page at most; a larger limit is reduced to it without an error, as UCP requires."""

Currency = Annotated[str, AfterValidator(validate_currency)]
"""Currency as an ISO 4217 code.
Example: USD"""
Amount = Annotated[int, Field(ge=0, le=10**15)]
"""Amount in minor units of the currency.
Example: 1000"""
Id = Annotated[str, StringConstraints(min_length=1, max_length=200)]
"""Identifier of 1 to 200 characters.
Example: mug"""
Name = Annotated[str, StringConstraints(min_length=1, max_length=200)]
"""Name of 1 to 200 characters.
Example: Color"""


_REVERSE_DOMAIN = re.compile(
    r"[a-z](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9_-]*[a-z0-9_])?)+"
)
"""The pattern of UCP's ``common/types/reverse_domain_name.json``."""

ReadOnly = Any
"""Field of the shop: a response has it, and a request may send it back; its value is ignored."""
Signals = dict[str, Any]
"""Signals about the buyer's environment, as UCP extensions define them; the shop ignores them."""


class CatalogRequestModel(BaseModel):
    """Base of catalog request types: strict types, and unknown fields are rejected."""

    model_config = ConfigDict(extra="forbid", strict=True, defer_build=True)


class ExtensibleRequestModel(CatalogRequestModel):
    """Base of catalog request types that UCP extensions may add fields to.

    Extensions use names such as ``com.example.visual_similarity``. Names of extensions that this
    shop does not support are ignored, as UCP requires; every other unknown name is rejected.
    """

    @model_validator(mode="before")
    @classmethod
    def _without_extensions(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        known = cls.model_fields
        return {k: v for k, v in data.items() if k in known or not _REVERSE_DOMAIN.fullmatch(k)}


class CatalogOpenModel(BaseModel):
    """Base of request parts that UCP leaves open: unknown fields are ignored."""

    model_config = ConfigDict(extra="ignore", strict=True, defer_build=True)


class CatalogContextRequest(CatalogOpenModel):
    """Hints about the buyer: the location decides the market, the currency the prices."""

    currency: Currency | None = None
    address_country: Annotated[str, AfterValidator(validate_country)] | None = None
    """Country as an ISO 3166-1 alpha-2 code; a code of three letters or a name is converted.
    Example: US"""


class PriceFilter(ExtensibleRequestModel):
    """A range of prices in minor units of ``context.currency``, both ends included."""

    min: Amount | None = None
    """Lowest price in minor units.
    Example: 1000"""
    max: Amount | None = None
    """Highest price in minor units.
    Example: 5000"""

    @model_validator(mode="after")
    def _in_order(self) -> "PriceFilter":
        if self.min is not None and self.max is not None and self.min > self.max:
            raise PydanticCustomError("value_contradiction", "Min must be at most max.")
        return self


class SearchFilters(ExtensibleRequestModel):
    """Filters of the result. An unknown filter is rejected, because it would limit nothing."""

    categories: Annotated[list[Name], Field(max_length=20)] | None = None
    """Names of categories of which a product has at least one; 20 at most.
    Example: ["Kitchen"]"""
    price: PriceFilter | None = None
    """Range of prices."""


class CatalogRequest(ExtensibleRequestModel):
    """The fields that all catalog requests share."""

    filters: SearchFilters | None = None
    """Filters of the result.
    Example: {"categories": ["Kitchen"]}"""
    context: CatalogContextRequest | None = None
    """Hints about the buyer's location and currency.
    Example: {"address_country": "US", "currency": "USD"}"""
    signals: Signals | None = None
    attribution: dict[str, str] | None = None
    """Source of the visit, as text by name; the shop ignores it here."""
    ucp: ReadOnly = None

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
    """The page to return."""

    cursor: Annotated[str, StringConstraints(max_length=500)] | None = None
    """Cursor of the page, from the previous response."""
    limit: Annotated[int, Field(ge=1)] = DEFAULT_PAGE_SIZE
    """Products per page, 10 by default; 50 are returned at most.
    Example: 20"""


class SearchRequest(CatalogRequest):
    """``POST /catalog/search``: a query, filters or both."""

    query: Annotated[str, StringConstraints(max_length=MAX_QUERY_LENGTH)] | None = None
    """Words to search for, 200 characters at most.
    Example: mug"""
    pagination: PageRequest | None = None
    """The page to return; without it the first one.
    Example: {"limit": 20}"""

    @property
    def text(self) -> str | None:
        """The words to search for; ``None`` if there are none or they are blank.

        Raises :class:`InvalidRequest` (``search_empty``) for a request without words and filters.
        """
        text = None if is_blank(self.query or "") else self.query
        if text is None and not self.categories and self.price_band is None:
            raise InvalidRequest(
                "A search needs a query, filters.categories or filters.price. Send one of them.",
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
    """Ids of products or variants, 100 different ones at most.
    Example: ["mug"]"""

    @property
    def distinct_ids(self) -> list[str]:
        """The requested ids, each once.

        Raises :class:`InvalidRequest` with ``request_too_large``, the code that UCP's "Catalog
        Lookup, Batch Size" requires for too many ids.
        """
        ids = list(dict.fromkeys(self.ids))
        if len(ids) > MAX_LOOKUP_IDS:
            raise InvalidRequest(
                f"A lookup may have at most {MAX_LOOKUP_IDS} different ids, not {len(ids)}."
                " Send several requests.",
                code="request_too_large",
                path="$.ids",
            )
        return ids


class SelectedOption(ExtensibleRequestModel):
    """A value that the buyer chose for an option."""

    name: Name
    """Name of the option.
    Example: Color"""
    label: Name
    """Value of the option.
    Example: Blue"""
    id: ReadOnly = None


class ProductRequest(CatalogRequest):
    """``POST /catalog/product``: a product, and the options that the buyer has chosen so far."""

    id: Id
    """Id of the product or of one of its variants.
    Example: mug"""
    selected: Annotated[list[SelectedOption], Field(max_length=20)] | None = None
    """Values that the buyer chose, one per option, 20 at most.
    Example: [{"name": "Color", "label": "Blue"}]"""
    preferences: Annotated[list[Name], Field(max_length=20)] | None = None
    """Names of options in the order in which they matter to the buyer.
    Example: ["Color"]"""

    @model_validator(mode="after")
    def _each_option_once(self) -> "ProductRequest":
        names = [s.name for s in self.selected or ()]
        if len(set(names)) < len(names):
            raise PydanticCustomError("duplicate", "Each option may be selected once.")
        return self

    @property
    def choices(self) -> list[OptionChoice]:
        return [OptionChoice(s.name, s.label) for s in self.selected or ()]
