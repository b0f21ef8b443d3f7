"""Product requests of staff: plain JSON, money as in UCP."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from shop.catalog.actions.product_admin import Draft, DraftVariant
from shop.catalog.model import (
    Category,
    Media,
    Option,
    OptionChoice,
    VariantStatus,
)
from shop.catalog.schemas.html_sanitizer import clean_html, clean_text, plain_text
from shop.kernel.money import Money
from shop.kernel.text_folding import clean_key
from shop.kernel.text_validation import validate_currency

Text = Annotated[str, StringConstraints(max_length=20_000)]
"""Text of 20,000 characters at most.
Example: A mug of stoneware, dishwasher safe."""
Name = Annotated[str, StringConstraints(min_length=1, max_length=255)]
"""Name of 1 to 255 characters.
Example: Ceramic mug"""


ReadOnly = Any
"""Field of the shop: a response has it, and a request may send it back; its value is ignored."""


class ProductAdminModel(BaseModel):
    """Base of product types: strict types, and unknown fields are rejected."""

    model_config = ConfigDict(extra="forbid", strict=True, defer_build=True)


class MoneyBody(ProductAdminModel):
    """An amount of money; ``{"amount": 1299, "currency": "USD"}`` is $12.99."""

    amount: Annotated[int, Field(ge=0, le=10**12)]
    """Amount in minor units of the currency, such as cents.
    Example: 1299"""
    currency: Annotated[str, AfterValidator(validate_currency)]
    """Currency as an ISO 4217 code.
    Example: USD"""

    def money(self) -> Money:
        return Money(self.amount, self.currency)

    @classmethod
    def of(cls, money: Money) -> "MoneyBody":
        return cls(amount=money.minor, currency=money.currency)


class MediaBody(ProductAdminModel):
    """An image, video or 3D model."""

    url: Annotated[str, StringConstraints(max_length=2048)]
    """HTTP URL of the file.
    Example: https://images.example.com/mug.jpg"""
    type: Literal["image", "video", "model_3d"] = "image"
    """Type of the file."""
    alt_text: Annotated[str, StringConstraints(max_length=1000)] | None = None
    """Text for people who cannot see the image, 1,000 characters at most.
    Example: A blue mug"""

    def media(self) -> Media:
        return Media(self.url, self.type, self.alt_text)

    @classmethod
    def of(cls, media: Media) -> "MediaBody":
        return cls.model_construct(url=media.url, type=media.type, alt_text=media.alt)


class CategoryBody(ProductAdminModel):
    """A category of a product."""

    value: Name
    """Name of the category, in the notation of its taxonomy.
    Example: Home > Kitchen"""
    taxonomy: Annotated[str, StringConstraints(min_length=1, max_length=60)] = "merchant"
    """Taxonomy that defines the category; merchant is the shop's own.
    Example: merchant"""


class OptionBody(ProductAdminModel):
    """An option of a product, such as its color."""

    name: Name
    """Name of the option.
    Example: Color"""
    values: Annotated[list[Name], Field(min_length=1, max_length=100)]
    """Values of the option in display order, 100 at most.
    Example: ["Blue", "White"]"""


class ChoiceBody(ProductAdminModel):
    """The value of an option that a variant has."""

    name: Name
    """Name of the option.
    Example: Color"""
    label: Name
    """Value of the option.
    Example: Blue"""


class VariantBody(ProductAdminModel):
    """A variant of a product.

    Without ``id``, the SKU or the options identify an existing variant.
    """

    price: MoneyBody
    """Price of a unit.
    Example: {"amount": 1299, "currency": "USD"}"""
    list_price: MoneyBody | None = None
    """Former or recommended price, displayed beside a lower price."""
    id: Name | None = None
    """Id of the variant."""
    sku: Name | None = None
    """Stock keeping unit, by which stock is counted.
    Example: MUG-BLUE"""
    title: Name | None = None
    """Name of the variant.
    Example: Blue"""
    options: Annotated[list[ChoiceBody], Field(max_length=5, default_factory=list)]
    """Values of the product's options, 5 at most.
    Example: [{"name": "Color", "label": "Blue"}]"""
    weight_g: Annotated[int, Field(ge=0)] | None = None
    """Weight of a unit in grams, with its packaging.
    Example: 450"""
    length_mm: Annotated[int, Field(ge=1)] | None = None
    """Length of a unit in millimetres.
    Example: 120"""
    width_mm: Annotated[int, Field(ge=1)] | None = None
    """Width of a unit in millimetres.
    Example: 90"""
    height_mm: Annotated[int, Field(ge=1)] | None = None
    """Height of a unit in millimetres.
    Example: 100"""
    tax_class: Annotated[str, StringConstraints(max_length=32)] = "standard"
    """Tax class of the goods, such as standard or reduced.
    Example: standard"""
    barcode: Name | None = None
    """Barcode, such as an EAN, UPC or ISBN.
    Example: "4006381333931"
    """
    media: MediaBody | None = None
    """Image of the variant."""
    status: Literal["active", "discontinued"] = "active"
    """Status of the variant; discontinued variants are not sold."""

    def draft(self) -> DraftVariant:
        return DraftVariant(
            price=self.price.money(),
            list_price=self.list_price.money() if self.list_price else None,
            id=self.id,
            sku=None if self.sku is None else clean_key(self.sku),
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


class ProductBody(ProductAdminModel):
    """The content of a product. Without ``options`` the variants define them.

    ``html`` is sanitized; ``description`` is its plain text. If a request has only one of them, the
    other is derived from it.

    Clients may send a product back as they read it: status and times are ignored.
    """

    title: Name
    """Name of the product.
    Example: Ceramic mug"""
    variants: Annotated[list[VariantBody], Field(min_length=1, max_length=1000)]
    """Variants of the product, from 1 to 1,000.
    Example: [{"sku": "MUG", "price": {"amount": 1299, "currency": "USD"}}]"""
    id: Annotated[str, StringConstraints(max_length=100)] | None = None
    """Id of the product; the shop assigns one if it is absent."""
    handle: Name | None = None
    """Readable name in URLs, unique in the shop.
    Example: ceramic-mug"""
    description: Text = ""
    """Description as plain text, 20,000 characters at most.
    Example: A mug of stoneware, dishwasher safe."""
    html: Text | None = None
    """Description as HTML; scripts, styles and event handlers are removed.
    Example: <p>A mug of stoneware, dishwasher safe.</p>"""
    brand: Name | None = None
    """Brand of the product.
    Example: Doorbuster"""
    categories: Annotated[list[str | CategoryBody], Field(default_factory=list)]
    """Categories of the product; a plain name is one of the shop's own.
    Example: ["Kitchen"]"""
    tags: Annotated[list[str], Field(default_factory=list)]
    """Words by which search finds the product.
    Example: ["stoneware"]"""
    media: Annotated[list[MediaBody], Field(default_factory=list)]
    """Images, videos and 3D models in display order."""
    options: Annotated[list[OptionBody], Field(default_factory=list)]
    """Options in display order; the variants define them if they are absent."""
    version: Annotated[int, Field(ge=1)] | None = None
    """Version that was read; ``If-Match`` may give it instead.
    Example: 3"""
    status: ReadOnly = None
    created_at: ReadOnly = None
    updated_at: ReadOnly = None

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


class StatusBody(ProductAdminModel):
    """The new status of a product."""

    status: Literal["draft", "in_review", "published", "archived"]
    """New status of the product.
    Example: published"""
    version: Annotated[int, Field(ge=1)] | None = None
    """Version that was read; ``If-Match`` may give it instead.
    Example: 3"""


def options_of(variants: tuple[DraftVariant, ...]) -> tuple[Option, ...]:
    """Return the options of the active variants, with values in order of appearance."""
    values: dict[str, dict[str, None]] = {}
    for variant in (v for v in variants if v.status is VariantStatus.ACTIVE):
        for choice in variant.choices:
            values.setdefault(choice.name, {})[choice.value] = None
    return tuple(Option(name, tuple(own_values)) for name, own_values in values.items())
