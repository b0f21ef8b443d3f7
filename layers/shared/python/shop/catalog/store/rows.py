"""Conversion of products and cards to DynamoDB items and back."""

import os
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from pynamodb.attributes import NumberAttribute, UnicodeAttribute, UnicodeSetAttribute

from shop.catalog.model import (
    Category,
    Media,
    Option,
    OptionChoice,
    Posting,
    PriceMark,
    Product,
    ProductCard,
    ProductStatus,
    Variant,
    VariantStatus,
    product_card,
)
from shop.catalog.model.search_index import INDEX_VERSION, categories_of, ranked_words
from shop.kernel.money import Money
from shop.storage.compression import compress_json, decompress_json
from shop.storage.connection import Row
from shop.storage.documents import CompressedJsonAttribute

REINDEX = "REINDEX"
CLAIM = "SKU#"
_REBUILD = ("INDEX", "VERSION")
"""Key of the item with the version of the postings, and the position of their rebuild."""


class CardDocumentAttribute(CompressedJsonAttribute):
    """A document that may be compressed already: a card is compressed once for all postings."""

    def serialize(self, value: Any) -> bytes:
        return value if isinstance(value, bytes) else compress_json(value)


class CatalogRow(Row):
    """Any item of the table; each kind uses some of the attributes."""

    class Meta:
        table_name = os.environ["TABLE_CATALOG"]

    PK = UnicodeAttribute(hash_key=True)
    SK = UnicodeAttribute(range_key=True)
    status = UnicodeAttribute(null=True)
    version = NumberAttribute(null=True)
    doc = CardDocumentAttribute(null=True)
    """The document of a product or of a card."""
    postings_in_force = CardDocumentAttribute(null=True)
    """On a product: its current postings and claims. On a REINDEX item: postings that may be
    stale."""
    since = NumberAttribute(null=True)
    """On a REINDEX item and a claim: the start of the change, in seconds since 1970."""
    owner = UnicodeAttribute(null=True)
    """On a claim: the id of the product that claims the SKU."""
    words = UnicodeSetAttribute(null=True)
    categories = UnicodeSetAttribute(null=True)
    currency = UnicodeAttribute(null=True)
    low = NumberAttribute(null=True)
    high = NumberAttribute(null=True)


def product_key(product_id: str) -> tuple[str, str]:
    return f"PRODUCT#{product_id}", "PRODUCT"


def claim_key(sku: str) -> tuple[str, str]:
    return f"{CLAIM}{sku}", "SKU"


def product_to_row(product: Product, postings: Iterable[Posting]) -> CatalogRow:
    return CatalogRow(
        *product_key(product.id),
        status=product.status.value,
        version=product.version,
        doc=compress_json(_product_doc(product)),
        postings_in_force=pack_postings(postings, product.claimed_skus),
    )


def product_from_row(row: CatalogRow) -> Product:
    doc = row.doc
    return Product(
        id=row.PK.removeprefix("PRODUCT#"),
        title=doc["title"],
        handle=doc["handle"],
        description=doc.get("text", ""),
        html=doc.get("html"),
        brand=doc.get("brand"),
        categories=tuple(Category(*c) for c in doc.get("categories", ())),
        tags=tuple(doc.get("tags", ())),
        media=tuple(_media(m) for m in doc.get("media", ())),
        options=tuple(Option(name, tuple(values)) for name, values in doc.get("options", ())),
        variants=tuple(_variant(v, doc["currency"]) for v in doc["variants"]),
        status=ProductStatus(row.status),
        version=int(row.version),
        source=doc.get("source"),
        created_at=datetime.fromisoformat(doc["created_at"]),
        updated_at=datetime.fromisoformat(doc["updated_at"]),
    )


def load_rebuild() -> tuple[int, str | None] | None:
    """Return the shard and key from which the index is rebuilt; ``None`` if it is up to date."""
    try:
        row = CatalogRow.get(*_REBUILD, consistent_read=True)
    except CatalogRow.DoesNotExist:
        return 0, None
    if int(row.version) != INDEX_VERSION:
        return 0, None
    return (row.doc["shard"], row.doc.get("after")) if row.doc else None


def save_rebuild(position: tuple[int, str | None] | None) -> None:
    """Record the position from which the rebuild continues; ``None`` after its end."""
    doc = _without_empty(shard=position[0], after=position[1]) if position else {}
    CatalogRow(*_REBUILD, version=INDEX_VERSION, doc=doc).save()


def posting_items(product: Product, postings: Sequence[Posting]) -> list[dict[str, Any]]:
    """Return postings as serialized items for imports; the shared part is serialized once."""
    shared = posting_rows(product, postings[:1])[0].serialize()
    return [{**shared, **posting_key(posting)} for posting in postings]


def posting_key(posting: Posting) -> dict[str, Any]:
    return {"PK": {"S": posting.heading}, "SK": {"S": posting.sort_key}}


def posting_rows(product: Product, postings: Iterable[Posting]) -> list[CatalogRow]:
    """Return the rows of a product's card, one for each posting, with the filter attributes."""
    card = product_card(product)
    doc = compress_json(_card_doc(card))
    on_sale = bool(product.on_sale)
    words = set(ranked_words(product)) if on_sale else None
    categories = set(categories_of(product)) if on_sale else None
    return [
        CatalogRow(
            posting.heading,
            posting.sort_key,
            version=product.version,
            doc=doc,
            words=words or None,
            categories=categories or None,
            currency=card.currency,
            low=card.low.minor,
            high=card.high.minor,
        )
        for posting in postings
    ]


LIST_ATTRIBUTES = ("SK", "version", "doc")
"""Attributes of a posting that a list reads; the others exist for filters."""


def card_from(item: Mapping[str, Any]) -> ProductCard:
    """Return the card of a raw DynamoDB item.

    A page of 20 cards takes half the time of PynamoDB's own conversion.
    """
    return _card(item["SK"]["S"].partition("#")[2], int(item["version"]["N"]), item["doc"]["B"])


@lru_cache(maxsize=1024)
def _card(product_id: str, version: int, raw: bytes) -> ProductCard:
    """Decode a card; cached by its bytes, so a Lambda decodes a popular card once."""
    doc = decompress_json(raw)
    currency = doc["currency"]
    listed = doc.get("listed")
    return ProductCard(
        product_id=product_id,
        title=doc["title"],
        handle=doc["handle"],
        teaser=doc.get("text", ""),
        status=ProductStatus(doc["status"]),
        version=version,
        currency=currency,
        prices=tuple(doc["prices"]),
        featured=_variant(doc["featured"], currency),
        variants=doc["variants"],
        list_prices=(listed[0], listed[1]) if listed else None,
        brand=doc.get("brand"),
        categories=tuple(Category(*c) for c in doc.get("categories", ())),
        media=_media(doc["media"]) if "media" in doc else None,
    )


def pack_postings(postings: Iterable[Posting], claims: Iterable[str] = ()) -> bytes:
    return compress_json(
        _without_empty(at=[[p.heading, p.sort_key] for p in postings], skus=sorted(claims))
    )


def unpack_postings(doc: dict[str, Any]) -> set[Posting]:
    return {Posting(heading, sort_key) for heading, sort_key in doc["at"]}


def unpack_claims(doc: dict[str, Any]) -> set[str]:
    return set(doc.get("skus", ()))


def _product_doc(product: Product) -> dict[str, Any]:
    return _without_empty(
        title=product.title,
        handle=product.handle,
        text=product.description,
        html=product.html,
        brand=product.brand,
        categories=[[c.value, c.taxonomy] for c in product.categories],
        tags=list(product.tags),
        media=[_media_doc(m) for m in product.media],
        options=[[o.name, list(o.values)] for o in product.options],
        currency=product.currency,
        variants=[{**_variant_doc(v), **_price_marks_doc(v)} for v in product.variants],
        source=product.source,
        created_at=product.created_at.isoformat(),
        updated_at=product.updated_at.isoformat(),
    )


def _card_doc(card: ProductCard) -> dict[str, Any]:
    return _without_empty(
        title=card.title,
        handle=card.handle,
        text=card.teaser,
        status=card.status.value,
        currency=card.currency,
        prices=list(card.prices),
        featured=_variant_doc(card.featured),
        variants=card.variants,
        listed=list(card.list_prices) if card.list_prices else None,
        brand=card.brand,
        categories=[[c.value, c.taxonomy] for c in card.categories],
        media=_media_doc(card.media) if card.media else None,
    )


def _variant_doc(variant: Variant) -> dict[str, Any]:
    return _without_empty(
        id=variant.id,
        sku=variant.sku,
        title=variant.title,
        price=variant.price.minor,
        list_price=variant.list_price.minor if variant.list_price else None,
        choices=[[c.name, c.value] for c in variant.choices],
        weight_g=variant.weight_g,
        length_mm=variant.length_mm,
        width_mm=variant.width_mm,
        height_mm=variant.height_mm,
        tax_class=variant.tax_class if variant.tax_class != "standard" else None,
        barcode=variant.barcode,
        media=_media_doc(variant.media) if variant.media else None,
        discontinued=True if variant.status is VariantStatus.DISCONTINUED else None,
    )


def _variant(doc: dict[str, Any], currency: str) -> Variant:
    return Variant(
        id=doc["id"],
        sku=doc["sku"],
        title=doc["title"],
        price=Money(doc["price"], currency),
        list_price=Money(doc["list_price"], currency) if "list_price" in doc else None,
        choices=tuple(OptionChoice(name, value) for name, value in doc.get("choices", ())),
        weight_g=doc.get("weight_g"),
        length_mm=doc.get("length_mm"),
        width_mm=doc.get("width_mm"),
        height_mm=doc.get("height_mm"),
        tax_class=doc.get("tax_class", "standard"),
        barcode=doc.get("barcode"),
        media=_media(doc["media"]) if "media" in doc else None,
        status=VariantStatus.DISCONTINUED if doc.get("discontinued") else VariantStatus.ACTIVE,
        price_marks=tuple(_mark(*mark) for mark in doc.get("past", ())),
    )


def _price_marks_doc(variant: Variant) -> dict[str, Any]:
    # Milliseconds since 1970 and minor units. Cards omit the marks to stay below 1 KB.
    marks = [
        [
            int(mark.since.timestamp() * 1000),
            mark.price.minor,
            mark.list_price.minor if mark.list_price else None,
            mark.price.currency,
        ]
        for mark in variant.price_marks
    ]
    return {"past": marks} if marks else {}


def _mark(since: int, price: int, list_price: int | None, currency: str) -> PriceMark:
    return PriceMark(
        datetime.fromtimestamp(since / 1000, UTC),
        Money(price, currency),
        None if list_price is None else Money(list_price, currency),
    )


def _media_doc(media: Media) -> list[str | None]:
    return [media.url, media.type, media.alt]


def _media(doc: list[str]) -> Media:
    return Media(doc[0], doc[1], doc[2])


def _without_empty(**fields: Any) -> dict[str, Any]:
    """Return the fields that have a value; empty, ``None`` and absent fields mean the same."""
    return {name: value for name, value in fields.items() if value not in (None, "", [])}
