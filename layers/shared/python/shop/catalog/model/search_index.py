"""How a product is listed: under which words and categories, and on what card.

A *posting* is a product's card under one heading: a word, a category, or the shop's whole list.
Whoever looks under a heading gets the cards themselves, so that a search or a category is answered
by one read. The headings follow from the product alone, and so does the order under them: a
product whose *title* has the word comes before one that has it as category, brand or tag.
"""

import hashlib
import json
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from shop.catalog.model.product import Category, Media, Product, ProductStatus, Variant
from shop.catalog.model.tokenizer import fold, tokenize
from shop.kernel.frozen import frozen
from shop.kernel.money import Money

ALL_SHARDS = 4
"""Parts of the whole list, so that an import does not write to one partition only."""

MAX_INDEXED_WORDS = 250
"""Words a product is found by; the title's come first, so a flood of tags cannot push them out."""
MAX_QUERY_WORDS = 12
"""Words of a question that count: the longest, which tell most."""
MAX_CATEGORY_LENGTH = 200
"""Characters of a folded category path that count; a heading has to fit a DynamoDB key."""
MAX_TEASER_LENGTH = 180
"""Characters of the description that a card holds, so that a posting stays below 1 KB."""
MAX_CARD_PRICES = 25
"""Different prices a card holds; with more, a price filter goes by lowest and highest."""


@frozen
class ProductCard:
    """What a list shows of a product: enough for a tile, small enough to keep under every heading.

    ``featured`` is the variant shown, the first on sale; ``prices`` are those of all variants on
    sale, in minor units and ascending, at most :data:`MOST_PRICES`, but always the lowest and the
    highest; ``list_prices`` are lowest and highest "compare at" price where there is any.
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
    """Where a card lies: under ``heading``, at ``place`` in its order."""

    heading: str
    sort_key: str


@frozen
class PriceBand:
    """From ``low`` to ``high`` minor units, both included, ``None`` where open.

    ``currency`` is what the asker counts in; ``None`` is taken as the shop's own. Prices are not
    converted: a product priced in another currency is not filtered.
    """

    low: int | None = None
    high: int | None = None
    currency: str | None = None

    def overlaps(self, card: ProductCard) -> bool:
        return self.currency in (None, card.currency)

    def contains(self, card: ProductCard) -> bool:
        """Whether a variant's price lies within; where a card cannot list all, whether one may."""
        if len(card.prices) >= MAX_CARD_PRICES:
            return self.reaches(card.prices[0], card.prices[-1])
        return any(self.reaches(price, price) for price in card.prices)

    def reaches(self, low: int, high: int) -> bool:
        """Whether the band and the prices from ``low`` to ``high`` have one in common."""
        return (self.low is None or high >= self.low) and (self.high is None or low <= self.high)


@frozen
class Search:
    """A question to the catalogue: all of the words, any of the categories, the price band."""

    words: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    price: PriceBand | None = None

    @property
    def headings(self) -> tuple[str, ...]:
        """Where to look: under the longest word, likely the rarest; else under the categories."""
        if self.words:
            return (word_heading(self.words[0]),)
        if self.categories:
            return tuple(category_heading(c) for c in self.categories)
        return tuple(all_heading(n) for n in range(ALL_SHARDS))

    @property
    def plain(self) -> bool:
        """Whether every card under the headings is an answer, with nothing left to compare."""
        return self.price is None and len(self.words) + len(self.categories) <= 1

    @property
    def fingerprint(self) -> str:
        """Tells one question from another, so that a cursor goes on with its own."""
        price = self.price and [self.price.low, self.price.high, self.price.currency]
        whole = json.dumps([self.words, self.categories, price])
        return hashlib.sha256(whole.encode()).hexdigest()[:12]


def build_search(
    text: str | None, *, categories: Sequence[str] = (), price: PriceBand | None = None
) -> Search:
    """Put a shopper's words into the form that the index answers, longest word first."""
    words = sorted(tokenize(text or "", is_query=True), key=lambda w: (-len(w.encode()), w))
    folded = tuple(dict.fromkeys(map(folded_category, categories)))
    return Search(tuple(words[:MAX_QUERY_WORDS]), folded, price)


def product_card(product: Product) -> ProductCard:
    """The card of a product; of one that is not on sale, the card that staff see."""
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
    """Every place where the product's card belongs.

    What is not on sale stands in the whole list only, where staff find it, under its status.
    """
    whole = Posting(all_heading(_shard(product.id)), f"{product.status}#{product.id}")
    if not product.on_sale:
        return (whole,)
    categories = (Posting(category_heading(c), f"1#{product.id}") for c in categories_of(product))
    ranked = ranked_words(product).items()
    words = (Posting(word_heading(w), f"{rank}#{product.id}") for w, rank in ranked)
    return (whole, *categories, *words)


def ranked_words(product: Product) -> dict[str, int]:
    """The words that find a product, best first: 1 in its title, 2 beside it, 3 in a SKU."""
    beside: list[str] = [c.value for c in product.categories]
    beside += [product.brand or "", *product.tags]
    # A SKU that only repeats the product's id says nothing that anybody would type.
    skus = [v.sku for v in product.on_sale if v.sku != product.id]
    ranked: dict[str, int] = {}
    for rank, texts in ((1, [product.title]), (2, beside), (3, skus)):
        for word in _words(texts):
            if len(ranked) == MAX_INDEXED_WORDS:
                return ranked
            ranked.setdefault(word, rank)
    return ranked


def categories_of(product: Product) -> tuple[str, ...]:
    """The categories a product is listed in, folded: its own and those above them."""
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
    """A category path as it is compared: ``" footwear>RUNNING"`` is ``"footwear > running"``."""
    steps = (" ".join(fold(step).split()) for step in value.split(">"))
    return " > ".join(step for step in steps if step)[:MAX_CATEGORY_LENGTH]


def _teaser(text: str) -> str:
    flat = " ".join(text.split())
    if len(flat) <= MAX_TEASER_LENGTH:
        return flat
    end = flat.rfind(" ", 0, MAX_TEASER_LENGTH)
    return flat[: end if end > 0 else MAX_TEASER_LENGTH].rstrip(" ,.;:") + "…"
