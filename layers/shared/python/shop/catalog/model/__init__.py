"""Domain model of the catalog: products, search index entries and variant matching.

:mod:`.validation` is imported from its module: only staff's Lambdas need it.
"""

from shop.catalog.model.price_tags import PriceTag, PriceTags
from shop.catalog.model.product import (
    MAY_BECOME,
    Category,
    Media,
    Option,
    OptionChoice,
    PriceMark,
    Product,
    ProductStatus,
    Variant,
    VariantStatus,
    category_names,
    product_id_from,
    variant_id,
    with_price_marks,
)
from shop.catalog.model.search_index import (
    ALL_SHARDS,
    Posting,
    PriceBand,
    ProductCard,
    Search,
    build_search,
    product_card,
    product_postings,
)
from shop.catalog.model.tokenizer import tokenize
from shop.catalog.model.variant_matching import (
    OptionAvailability,
    ProductSelection,
    ResolvedProduct,
    VariantFilter,
    VariantMatch,
    resolve_ids,
    select_variant,
)

__all__ = [
    "ALL_SHARDS",
    "MAY_BECOME",
    "Category",
    "Media",
    "Option",
    "OptionAvailability",
    "OptionChoice",
    "Posting",
    "PriceBand",
    "PriceMark",
    "PriceTag",
    "PriceTags",
    "Product",
    "ProductCard",
    "ProductSelection",
    "ProductStatus",
    "ResolvedProduct",
    "Search",
    "Variant",
    "VariantFilter",
    "VariantMatch",
    "VariantStatus",
    "build_search",
    "category_names",
    "product_card",
    "product_id_from",
    "product_postings",
    "resolve_ids",
    "select_variant",
    "tokenize",
    "variant_id",
    "with_price_marks",
]
