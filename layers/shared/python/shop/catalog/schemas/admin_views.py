"""Product responses for staff."""

from pydantic import BaseModel

from shop.catalog.actions.importing import FileImport
from shop.catalog.model import (
    Product,
    ProductCard,
    ProductStatus,
    Variant,
)
from shop.catalog.model.import_content import ImportContent
from shop.catalog.model.import_report import RejectedEntry
from shop.catalog.schemas.admin import CategoryBody, ChoiceBody, MediaBody, MoneyBody, OptionBody
from shop.catalog.schemas.file_parsing import FileParseResult
from shop.kernel.errors import InvalidRequest
from shop.kernel.pagination import Page


class VariantView(BaseModel):
    """A variant, in the format that :class:`VariantBody` accepts."""

    id: str
    """Id of the variant."""
    sku: str
    """Stock keeping unit, by which stock is counted.
    Example: MUG-BLUE"""
    title: str
    """Name of the variant.
    Example: Blue"""
    status: str
    """Status of the variant; discontinued variants are not sold."""
    price: MoneyBody
    """Price of a unit."""
    list_price: MoneyBody | None = None
    """Former or recommended price, displayed beside a lower price."""
    options: list[ChoiceBody]
    """Values of the product's options, 5 at most.
    Example: [{"name": "Color", "label": "Blue"}]"""
    weight_g: int | None = None
    """Weight of a unit in grams, with its packaging.
    Example: 450"""
    length_mm: int | None = None
    """Length of a unit in millimetres.
    Example: 120"""
    width_mm: int | None = None
    """Width of a unit in millimetres.
    Example: 90"""
    height_mm: int | None = None
    """Height of a unit in millimetres.
    Example: 100"""
    tax_class: str = "standard"
    """Tax class of the goods, such as standard or reduced.
    Example: standard"""
    barcode: str | None = None
    """Barcode, such as an EAN, UPC or ISBN.
    Example: "4006381333931"
    """
    media: MediaBody | None = None
    """Image of the variant."""

    @classmethod
    def of(cls, variant: Variant) -> "VariantView":
        return cls(
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
    """A product in full, in the format that :class:`ProductBody` accepts."""

    id: str
    """Id of the product."""
    version: int
    """Version of the product; each change raises it."""
    status: str
    """Status of the product: draft, in_review, published or archived."""
    title: str
    """Name of the product.
    Example: Ceramic mug"""
    handle: str
    """Readable name in URLs, unique in the shop.
    Example: ceramic-mug"""
    description: str
    """Description as plain text, 20,000 characters at most.
    Example: A mug of stoneware, dishwasher safe."""
    html: str | None = None
    """Description as HTML; scripts, styles and event handlers are removed.
    Example: <p>A mug of stoneware, dishwasher safe.</p>"""
    brand: str | None = None
    """Brand of the product.
    Example: Doorbuster"""
    categories: list[CategoryBody]
    """Categories of the product; a plain name is one of the shop's own.
    Example: ["Kitchen"]"""
    tags: list[str]
    """Words by which search finds the product.
    Example: ["stoneware"]"""
    media: list[MediaBody]
    """Images, videos and 3D models in display order."""
    options: list[OptionBody]
    """Options in display order; the variants define them if they are absent."""
    variants: list[VariantView]
    """Variants of the product, from 1 to 1,000.
    Example: [{"sku": "MUG", "price": {"amount": 1299, "currency": "USD"}}]"""
    created_at: str
    """Instant of creation, in ISO 8601."""
    updated_at: str
    """Instant of the last change, in ISO 8601."""

    @classmethod
    def of(cls, product: Product) -> "ProductView":
        return cls(
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
    """A product in a list for staff."""

    id: str
    """Id of the product."""
    title: str
    """Name of the product.
    Example: Ceramic mug"""
    handle: str
    """Readable name in URLs, unique in the shop.
    Example: ceramic-mug"""
    status: str
    """Status of the product: draft, in_review, published or archived."""
    version: int
    """Version of the product; each change raises it."""
    variants: int
    """Number of variants."""
    lowest_price: MoneyBody
    """Lowest price of a variant."""
    highest_price: MoneyBody
    """Highest price of a variant."""


class ProductListView(BaseModel):
    """A page of products for staff."""

    products: list[ProductSummaryView]
    """Products of this page."""
    cursor: str | None = None
    """Cursor of the next page; absent on the last page."""

    @classmethod
    def of(cls, page: Page[ProductCard]) -> "ProductListView":
        return cls(
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
    """A product of a file that was not imported."""

    line: int
    """Line of the file, from 1."""
    reason: str
    """Problem, in words."""
    product: str | None = None
    """Id of the product, if the file names it."""
    row: int | None = None
    """Row in a spreadsheet, where a row of a CSV may have several lines; absent for YAML.
    Example: 12"""
    column: str | None = None
    """Column in a spreadsheet, if one column is wrong.
    Example: E"""

    @classmethod
    def of(cls, entry: RejectedEntry) -> "RejectedView":
        return cls(
            line=entry.line,
            reason=entry.reason,
            product=entry.product,
            row=entry.row,
            column=entry.column,
        )


class ProductNoticeView(BaseModel):
    """Content of an imported product that the shop does not import as the file states it."""

    lines: list[int]
    """Lines of the file, from 1.
    Example: [2, 3]"""
    notice: str
    """What the shop does instead, in words."""
    product: str
    """Id of the product."""


class StatusCountView(BaseModel):
    """The number of products with one status."""

    status: str
    """Status of the products: draft, in_review, published or archived.
    Example: published"""
    products: int
    """Number of products."""


class TaxClassCountView(BaseModel):
    """The number of products and variants with one tax class."""

    tax_class: str
    """Tax class; goods of the class zero are untaxed everywhere.
    Example: standard"""
    products: int
    """Number of products with an active variant of this class."""
    variants: int
    """Number of active variants of this class."""


def status_counts(content: ImportContent) -> list[StatusCountView]:
    return [StatusCountView(status=name, products=number) for name, number in content.statuses]


def tax_class_counts(content: ImportContent) -> list[TaxClassCountView]:
    products = dict(content.products)
    return [
        TaxClassCountView(tax_class=name, products=products[name], variants=number)
        for name, number in content.variants
    ]


class ImportReportView(BaseModel):
    """The result of an import of a product file."""

    created: int
    """Number of products that were created."""
    changed: int
    """Number of products that were changed."""
    unchanged: int
    """Number of products that the file does not change."""
    rejected: list[RejectedView]
    """Products that were not imported."""
    stock_created: int
    """Number of SKUs whose stock was created."""
    stock_unchanged: int
    """Number of SKUs that had stock before; an import leaves it unchanged."""
    statuses: list[StatusCountView]
    """Statuses that the products of the file have now."""
    tax_classes: list[TaxClassCountView]
    """Tax classes that the products of the file have now."""
    notices: list[str]
    """Notices about the file as a whole, such as columns that the shop does not store."""
    product_notices: list[ProductNoticeView]
    """Notices about prices, taxes, stock and sale of single products, by line."""

    @classmethod
    def of(cls, imported: FileImport, parsed: FileParseResult) -> "ImportReportView":
        products = imported.products
        rejected = sorted((*products.rejected, *parsed.rejected), key=lambda r: r.line)
        product_notices = [
            ProductNoticeView(
                lines=list(notice.lines), notice=notice.text, product=entry.product_id
            )
            for entry in parsed.entries
            if entry.product_id in products.accepted_ids
            for notice in entry.notices
        ]
        return cls(
            created=len(products.created),
            changed=len(products.changed),
            unchanged=len(products.unchanged),
            rejected=[RejectedView.of(parsed.located(r)) for r in rejected],
            stock_created=imported.stock_created,
            stock_unchanged=imported.stock_counted - imported.stock_created,
            statuses=status_counts(products.content),
            tax_classes=tax_class_counts(products.content),
            notices=[*products.content.notices, *parsed.notices],
            product_notices=sorted(product_notices, key=lambda n: n.lines),
        )


def product_status_from_query(text: str | None) -> ProductStatus | None:
    """Parse ``?status=`` of the list. Raises ``InvalidRequest`` (``value_unknown``)."""
    if text is None:
        return None
    try:
        return ProductStatus(text)
    except ValueError:
        statuses = ", ".join(ProductStatus)
        raise InvalidRequest(
            f"Status must be one of: {statuses}.", code="value_unknown", path="status"
        ) from None
