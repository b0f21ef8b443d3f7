"""Products as staff write and read them: plain JSON, money as in UCP."""

from collections.abc import Iterable
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, Field, StringConstraints

from shop.catalog.actions.importing import ImportResult, RejectedEntry
from shop.catalog.actions.product_admin import Draft, DraftVariant
from shop.catalog.model import (
    Category,
    Media,
    Option,
    OptionChoice,
    Product,
    ProductCard,
    ProductStatus,
    Variant,
    VariantStatus,
)
from shop.catalog.schemas.base import CatalogRequestModel
from shop.catalog.schemas.html_sanitizer import clean_html, clean_text, plain_text
from shop.kernel.errors import InvalidRequest
from shop.kernel.money import Money
from shop.kernel.pagination import Page
from shop.kernel.text_validation import validate_currency

Text = Annotated[str, StringConstraints(max_length=20_000)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=255)]


class MoneyBody(CatalogRequestModel):
    """``{"amount": 1299, "currency": "USD"}`` is $12.99."""

    amount: Annotated[int, Field(ge=0, le=10**12)]
    currency: Annotated[str, AfterValidator(validate_currency)]

    def money(self) -> Money:
        return Money(self.amount, self.currency)

    @staticmethod
    def of(money: Money) -> "MoneyBody":
        return MoneyBody(amount=money.minor, currency=money.currency)


class MediaBody(CatalogRequestModel):
    url: Annotated[str, StringConstraints(max_length=2048)]
    type: Literal["image", "video", "model_3d"] = "image"
    alt_text: Annotated[str, StringConstraints(max_length=1000)] | None = None

    def media(self) -> Media:
        return Media(self.url, self.type, self.alt_text)

    @staticmethod
    def of(media: Media) -> "MediaBody":
        return MediaBody.model_construct(url=media.url, type=media.type, alt_text=media.alt)


class CategoryBody(CatalogRequestModel):
    value: Name
    taxonomy: Annotated[str, StringConstraints(min_length=1, max_length=60)] = "merchant"


class OptionBody(CatalogRequestModel):
    name: Name
    values: Annotated[list[Name], Field(min_length=1, max_length=100)]


class ChoiceBody(CatalogRequestModel):
    name: Name
    label: Name


class VariantBody(CatalogRequestModel):
    """``id`` names a variant that the product has already; without it the SKU or the options do."""

    price: MoneyBody
    list_price: MoneyBody | None = None
    id: Name | None = None
    sku: Name | None = None
    title: Name | None = None
    options: Annotated[list[ChoiceBody], Field(max_length=5, default_factory=list)]
    weight_g: Annotated[int, Field(ge=0)] | None = None
    length_mm: Annotated[int, Field(ge=1)] | None = None
    width_mm: Annotated[int, Field(ge=1)] | None = None
    height_mm: Annotated[int, Field(ge=1)] | None = None
    tax_class: Annotated[str, StringConstraints(max_length=32)] = "standard"
    barcode: Name | None = None
    media: MediaBody | None = None
    status: Literal["active", "discontinued"] = "active"

    def draft(self) -> DraftVariant:
        return DraftVariant(
            price=self.price.money(),
            list_price=self.list_price.money() if self.list_price else None,
            id=self.id,
            sku=self.sku,
            title=self.title,
            choices=tuple(OptionChoice(c.name, c.label) for c in self.options),
            weight_g=self.weight_g,
            length_mm=self.length_mm,
            width_mm=self.width_mm,
            height_mm=self.height_mm,
            tax_class=self.tax_class,
            barcode=self.barcode,
            media=self.media.media() if self.media else None,
            status=VariantStatus(self.status),
        )


class ProductBody(CatalogRequestModel):
    """What is said of a product. ``options`` follow from the variants where they are left out.

    Of ``html`` is kept what describes goods; ``description`` is the same as plain text, and each
    is made from the other where only one is sent.

    Status and times are the shop's to say; they are not read, so that a product can be sent back
    as it was read.
    """

    title: Name
    variants: Annotated[list[VariantBody], Field(min_length=1, max_length=1000)]
    id: Annotated[str, StringConstraints(max_length=100)] | None = None
    handle: Name | None = None
    description: Text = ""
    html: Text | None = None
    brand: Name | None = None
    categories: Annotated[list[str | CategoryBody], Field(default_factory=list)]
    tags: Annotated[list[str], Field(default_factory=list)]
    media: Annotated[list[MediaBody], Field(default_factory=list)]
    options: Annotated[list[OptionBody], Field(default_factory=list)]
    version: Annotated[int, Field(ge=1)] | None = None
    status: Any = None
    created_at: Any = None
    updated_at: Any = None

    def draft(self) -> Draft:
        variants = tuple(v.draft() for v in self.variants)
        return Draft(
            title=self.title,
            variants=variants,
            handle=self.handle,
            description=clean_text(self.description or plain_text(self.html or "")),
            html=clean_html(self.description if self.html is None else self.html),
            brand=self.brand,
            categories=tuple(
                Category(c) if isinstance(c, str) else Category(c.value, c.taxonomy)
                for c in self.categories
            ),
            tags=tuple(self.tags),
            media=tuple(m.media() for m in self.media),
            options=tuple(Option(o.name, tuple(o.values)) for o in self.options)
            or options_of(variants),
        )


class StatusBody(CatalogRequestModel):
    """Where a product is to go: ``draft``, ``in_review``, ``published`` or ``archived``."""

    status: Literal["draft", "in_review", "published", "archived"]
    version: Annotated[int, Field(ge=1)] | None = None


def options_of(variants: tuple[DraftVariant, ...]) -> tuple[Option, ...]:
    """The options that variants imply, values in order of appearance."""
    values: dict[str, dict[str, None]] = {}
    for variant in (v for v in variants if v.status is VariantStatus.ACTIVE):
        for choice in variant.choices:
            values.setdefault(choice.name, {})[choice.value] = None
    return tuple(Option(name, tuple(some)) for name, some in values.items())


class VariantView(BaseModel):
    """A variant as :class:`VariantBody` takes it back."""

    id: str
    sku: str
    title: str
    status: str
    price: MoneyBody
    list_price: MoneyBody | None = None
    options: list[ChoiceBody]
    weight_g: int | None = None
    length_mm: int | None = None
    width_mm: int | None = None
    height_mm: int | None = None
    tax_class: str = "standard"
    barcode: str | None = None
    media: MediaBody | None = None

    @staticmethod
    def of(variant: Variant) -> "VariantView":
        return VariantView(
            id=variant.id,
            sku=variant.sku,
            title=variant.title,
            status=variant.status.value,
            price=MoneyBody.of(variant.price),
            list_price=MoneyBody.of(variant.list_price) if variant.list_price else None,
            options=[ChoiceBody(name=c.name, label=c.value) for c in variant.choices],
            weight_g=variant.weight_g,
            length_mm=variant.length_mm,
            width_mm=variant.width_mm,
            height_mm=variant.height_mm,
            tax_class=variant.tax_class,
            barcode=variant.barcode,
            media=MediaBody.of(variant.media) if variant.media else None,
        )


class ProductView(BaseModel):
    """A product in full, as :class:`ProductBody` takes it back."""

    id: str
    version: int
    status: str
    title: str
    handle: str
    description: str
    html: str | None = None
    brand: str | None = None
    categories: list[CategoryBody]
    tags: list[str]
    media: list[MediaBody]
    options: list[OptionBody]
    variants: list[VariantView]
    created_at: str
    updated_at: str

    @staticmethod
    def of(product: Product) -> "ProductView":
        return ProductView(
            id=product.id,
            version=product.version,
            status=product.status.value,
            title=product.title,
            handle=product.handle,
            description=product.description,
            html=product.html,
            brand=product.brand,
            categories=[
                CategoryBody(value=c.value, taxonomy=c.taxonomy) for c in product.categories
            ],
            tags=list(product.tags),
            media=[MediaBody.of(m) for m in product.media],
            options=[OptionBody(name=o.name, values=list(o.values)) for o in product.options],
            variants=[VariantView.of(v) for v in product.variants],
            created_at=product.created_at.isoformat(),
            updated_at=product.updated_at.isoformat(),
        )


class ProductSummaryView(BaseModel):
    """A line of the shopkeeper's list."""

    id: str
    title: str
    handle: str
    status: str
    version: int
    variants: int
    lowest_price: MoneyBody
    highest_price: MoneyBody


class ProductListView(BaseModel):
    """A page of the shopkeeper's list; ``cursor`` asks for the next and is missing on the last."""

    products: list[ProductSummaryView]
    cursor: str | None = None

    @staticmethod
    def of(page: Page[ProductCard]) -> "ProductListView":
        return ProductListView(
            products=[
                ProductSummaryView(
                    id=card.product_id,
                    title=card.title,
                    handle=card.handle,
                    status=card.status.value,
                    version=card.version,
                    variants=card.variants,
                    lowest_price=MoneyBody.of(card.low),
                    highest_price=MoneyBody.of(card.high),
                )
                for card in page.items
            ],
            cursor=page.cursor,
        )


class RejectedView(BaseModel):
    """Something of a file that was not taken: where it stands, and why."""

    line: int
    reason: str
    product: str | None = None


class ImportReportView(BaseModel):
    """What became of a product file, in products; ``stock_opened`` are SKUs new to the stock."""

    created: int
    changed: int
    unchanged: int
    rejected: list[RejectedView]
    stock_created: int
    stock_unchanged: int
    """SKUs whose stock the shop knows already: a file is no count of the shelf."""
    notices: list[str]

    @staticmethod
    def of(
        imported: ImportResult,
        unread: Iterable[RejectedEntry],
        opened: int,
        counted: int,
        notices: list[str],
    ) -> "ImportReportView":
        rejected = sorted((*imported.rejected, *unread), key=lambda r: r.line)
        return ImportReportView(
            created=len(imported.created),
            changed=len(imported.changed),
            unchanged=len(imported.unchanged),
            rejected=[
                RejectedView(line=r.line, reason=r.reason, product=r.product) for r in rejected
            ],
            stock_created=opened,
            stock_unchanged=counted - opened,
            notices=notices,
        )


def product_status_from_query(text: str | None) -> ProductStatus | None:
    """``?status=`` of the list."""
    if text is None:
        return None
    try:
        return ProductStatus(text)
    except ValueError:
        known = ", ".join(ProductStatus)
        raise InvalidRequest(f"a status is one of {known}", path="status") from None
