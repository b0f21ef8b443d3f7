"""Search index entries of a product: its card, and the headings that list it.

A *posting* is a product's card under one heading: a word, a category, or the list of all products.
Postings hold the cards themselves, so one read answers a search or a category. Headings and their
order depend on the product alone: a product with the word in its *title* comes before a product
with it in category, brand or tag.
"""

import hashlib
import json
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from shop.catalog.model.product import Category, Media, Product, ProductStatus, Variant
from shop.catalog.model.tokenizer import tokenize, tokenize_query
from shop.kernel.frozen import frozen
from shop.kernel.money import Money
from shop.kernel.text_folding import fold

INDEX_VERSION = 2
"""Version of the words and categories of postings. With a new one, a scheduled job writes the
postings of all products anew, see ``DynamoProductCatalog.rebuild_index``."""

ALL_SHARDS = 4
"""Shards of the list of all products: an import would otherwise write to a single partition."""

MAX_INDEXED_WORDS = 250
"""Words indexed for a product. Title words come first, so many tags cannot displace them."""
MAX_QUERY_WORDS = 12
"""Words of a query that are compared: the longest ones, which match the fewest products."""
MAX_CATEGORY_LENGTH = 200
"""Characters of a folded category path that are compared; a heading must fit a DynamoDB key."""
MAX_TEASER_LENGTH = 180
"""Characters of the description on a card; a posting stays below 1 KB, one write unit."""
MAX_CARD_PRICES = 25
"""Different prices on a card; beyond that, a price filter compares lowest and highest only."""


@frozen
class ProductCard:
    """The data of a product in a list, small enough to be stored under every heading.

    ``featured`` is the displayed variant, the first on sale. ``prices`` are the prices of all
    variants on sale in minor units, ascending: at most :data:`MAX_CARD_PRICES`, always with the
    lowest and the highest. ``list_prices`` are the lowest and highest list price, if any.
    """

    product_id: str
    title: str
    handle: str
    teaser: str
    status: ProductStatus
    version: int
    currency: str
    prices: tuple[int, ...]
    featured: Variant
    variants: int
    list_prices: tuple[int, int] | None = None
    brand: str | None = None
    categories: tuple[Category, ...] = ()
    media: Media | None = None

    @property
    def low(self) -> Money:
        return Money(self.prices[0], self.currency)

    @property
    def high(self) -> Money:
        return Money(self.prices[-1], self.currency)


@dataclass(frozen=True, slots=True, order=True)
class Posting:
    """The key of a card: its heading, and the sort key that orders it there."""

    heading: str
    sort_key: str


@frozen
class PriceBand:
    """A price filter from ``low`` to ``high`` minor units, both included; ``None`` is open.

    ``currency`` is the shopper's; ``None`` matches every product's currency. Prices are not
    converted, so products priced in another currency are not filtered.
    """

    low: int | None = None
    high: int | None = None
    currency: str | None = None

    def overlaps(self, card: ProductCard) -> bool:
        """Return whether the card's prices can be compared: they are in the filter's currency."""
        return self.currency in (None, card.currency)

    def contains(self, card: ProductCard) -> bool:
        """Return whether a variant's price is in the band.

        A card lists at most :data:`MAX_CARD_PRICES` prices. With that many, the result is whether a
        price between the lowest and the highest may be in the band.
        """
        if len(card.prices) >= MAX_CARD_PRICES:
            return self.reaches(card.prices[0], card.prices[-1])
        return any(self.reaches(price, price) for price in card.prices)

    def reaches(self, low: int, high: int) -> bool:
        """Return whether the band and the range from ``low`` to ``high`` overlap."""
        return (self.low is None or high >= self.low) and (self.high is None or low <= self.high)


@frozen
class Search:
    """A query: all of the words, any of the categories, and the price band must match.

    ``parts`` are a second reading of the text: instead of all ``words``, all ``parts`` may match.
    """

    words: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    price: PriceBand | None = None

    @property
    def headings(self) -> tuple[str, ...]:
        """The headings to read: the longest word of each reading, which is probably the rarest.

        A search without words reads its categories, or the list of all products.
        """
        if self.words:
            return tuple(word_heading(reading[0]) for reading in self.readings)
        if self.categories:
            return tuple(category_heading(c) for c in self.categories)
        return tuple(all_heading(n) for n in range(ALL_SHARDS))

    @property
    def plain(self) -> bool:
        """Whether every card under the headings is a result, without further comparison."""
        comparisons = len(self.words) + len(self.parts) + len(self.categories)
        return self.price is None and comparisons <= 1

    @property
    def readings(self) -> tuple[tuple[str, ...], ...]:
        """The alternative sets of words, one for each heading."""
        return tuple(filter(None, (self.words, self.parts)))

    @property
    def fingerprint(self) -> str:
        """A digest of the query; it binds a cursor to the query that produced it."""
        price = self.price and [self.price.low, self.price.high, self.price.currency]
        content = json.dumps([self.words, self.parts, self.categories, price])
        return hashlib.sha256(content.encode()).hexdigest()[:12]


def build_search(
    text: str | None, *, categories: Sequence[str] = (), price: PriceBand | None = None
) -> Search:
    """Build the query for a shopper's text, longest word first."""
    words, parts = map(_longest, tokenize_query(text or ""))
    folded = tuple(dict.fromkeys(map(folded_category, categories)))
    return Search(words, parts, folded, price)


def _longest(words: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(words, key=lambda w: (-len(w.encode()), w))[:MAX_QUERY_WORDS])


def product_card(product: Product) -> ProductCard:
    """Return the card of a product; off sale it shows all variants, for staff."""
    shown = product.on_sale or product.variants
    prices = sorted({v.price.minor for v in shown})
    if len(prices) > MAX_CARD_PRICES:
        prices = [*prices[: MAX_CARD_PRICES - 1], prices[-1]]
    listed = sorted(v.list_price.minor for v in shown if v.list_price)
    return ProductCard(
        product_id=product.id,
        title=product.title,
        handle=product.handle,
        teaser=_teaser(product.description),
        status=product.status,
        version=product.version,
        currency=product.currency,
        prices=tuple(prices),
        featured=shown[0],
        variants=len(shown),
        list_prices=(listed[0], listed[-1]) if listed else None,
        brand=product.brand,
        categories=product.categories,
        media=product.media[0] if product.media else shown[0].media,
    )


def product_postings(product: Product) -> tuple[Posting, ...]:
    """Return the key of every posting of a product.

    A product that is not on sale has one posting only, in the list of all products, where staff
    find it under its status.
    """
    in_full_list = Posting(all_heading(_shard(product.id)), f"{product.status}#{product.id}")
    if not product.on_sale:
        return (in_full_list,)
    categories = (Posting(category_heading(c), f"1#{product.id}") for c in categories_of(product))
    ranked = ranked_words(product).items()
    words = (Posting(word_heading(w), f"{rank}#{product.id}") for w, rank in ranked)
    return (in_full_list, *categories, *words)


def ranked_words(product: Product) -> dict[str, int]:
    """Return a product's words by rank: 1 title; 2 category, brand or tag; 3 SKU."""
    attributes: list[str] = [c.value for c in product.categories]
    attributes += [product.brand or "", *product.tags]
    # A generated SKU repeats the product's id, which shoppers do not search for.
    skus = [v.sku for v in product.on_sale if v.sku != product.id]
    # Whole SKUs come before their parts, which many SKUs of a product share.
    whole_skus = (word for sku in skus for word in tokenize(sku, is_query=True))
    texts_by_rank = ((1, _words([product.title])), (2, _words(attributes)))
    ranked: dict[str, int] = {}
    for rank, words in (*texts_by_rank, (3, whole_skus), (3, _words(skus))):
        for word in words:
            if len(ranked) == MAX_INDEXED_WORDS:
                return ranked
            ranked.setdefault(word, rank)
    return ranked


def categories_of(product: Product) -> tuple[str, ...]:
    """Return the folded categories that list a product: its own and those above them."""
    steps = (folded_category(step) for c in product.categories for step in c.path)
    return tuple(filter(None, dict.fromkeys(steps)))


def word_heading(word: str) -> str:
    return f"WORD#{word}"


def category_heading(category: str) -> str:
    return f"CATEGORY#{category}"


def all_heading(shard: int) -> str:
    return f"ALL#{shard}"


def _shard(product_id: str) -> int:
    return zlib.crc32(product_id.encode()) % ALL_SHARDS


def _words(texts: Iterable[str]) -> Iterable[str]:
    for text in texts:
        yield from tokenize(text)


def folded_category(value: str) -> str:
    """Normalize a category path: ``" footwear>RUNNING"`` becomes ``"footwear > running"``."""
    steps = map(fold, value.split(">"))
    return " > ".join(step for step in steps if step)[:MAX_CATEGORY_LENGTH]


def _teaser(text: str) -> str:
    flat = " ".join(text.split())
    if len(flat) <= MAX_TEASER_LENGTH:
        return flat
    end = flat.rfind(" ", 0, MAX_TEASER_LENGTH)
    return flat[: end if end > 0 else MAX_TEASER_LENGTH].rstrip(" ,.;:") + "…"
