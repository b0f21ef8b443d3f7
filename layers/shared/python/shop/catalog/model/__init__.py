"""What a product is and may become, and how it is found again."""

from shop.catalog.model.listing import (
    ALL_SHARDS,
    Card,
    Posting,
    PriceBand,
    Search,
    card_of,
    postings_of,
    search_for,
)
from shop.catalog.model.product import (
    MAY_BECOME,
    MOST_VARIANTS,
    Category,
    Media,
    Option,
    OptionChoice,
    Product,
    Status,
    Variant,
    VariantStatus,
    checked,
    product_of,
    variant_id,
)
from shop.catalog.model.words import fold, words_in

__all__ = [
    "ALL_SHARDS",
    "MAY_BECOME",
    "MOST_VARIANTS",
    "Card",
    "Category",
    "Media",
    "Option",
    "OptionChoice",
    "Posting",
    "PriceBand",
    "Product",
    "Search",
    "Status",
    "Variant",
    "VariantStatus",
    "card_of",
    "checked",
    "fold",
    "postings_of",
    "product_of",
    "search_for",
    "variant_id",
    "words_in",
]
