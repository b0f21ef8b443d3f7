"""The tax class of many products, as staff set it."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from shop.catalog.actions.tax_classes import SelectedProducts, TaxClassChange
from shop.catalog.schemas.admin import Name, ProductAdminModel
from shop.kernel.errors import InvalidRequest

TaxClass = Annotated[str, StringConstraints(min_length=1, max_length=32)]
_SELECTIONS = ("products", "category", "tag")


class SelectedProductBody(ProductAdminModel):
    """A product by id."""

    id: Annotated[str, StringConstraints(min_length=1, max_length=100)]
    """Id of the product.
    Example: ceramic-mug"""
    version: Annotated[int, Field(ge=1, le=10**9)] | None = None
    """Version of the product that was read; without it, the current one.
    Example: 3"""


class ProductsTaxClassBody(ProductAdminModel):
    """A tax class for many products. Exactly one of products, category and tag selects them."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        defer_build=True,
        json_schema_extra={"oneOf": [{"required": [name]} for name in _SELECTIONS]},
    )

    tax_class: TaxClass
    """Tax class that the active variants get; it must have rates, or be zero (untaxed everywhere).
    Example: reduced"""
    from_class: TaxClass | None = None
    """Tax class of the variants to change; without it, variants of all classes.
    Example: standard"""
    products: Annotated[list[SelectedProductBody], Field(min_length=1, max_length=100)] | None = (
        None
    )
    """Products by id, 100 at most. An unknown id, or another version, changes nothing.
    Example: [{"id": "ceramic-mug", "version": 3}]"""
    category: Name | None = None
    """Category path: all products in it and below it, whatever their status.
    Example: Media > Books"""
    tag: Name | None = None
    """Tag: all products with it, whatever their status.
    Example: book"""
    cursor: str | None = None
    """Cursor of the previous response, which continues a category or tag."""

    def selection(self) -> SelectedProducts:
        """Return the selection. Raises :class:`InvalidRequest` for none, or for two."""
        stated = [name for name in _SELECTIONS if getattr(self, name) is not None]
        if len(stated) != 1:
            raise InvalidRequest(
                "Must have exactly one of products, category and tag.",
                code="missing" if not stated else "too_many",
                path="$",
            )
        versions = {product.id: product.version for product in self.products or ()}
        return SelectedProducts(
            versions=tuple(versions.items()), category=self.category, tag=self.tag
        )


class ProductsTaxClassView(BaseModel):
    """The products that got a tax class."""

    tax_class: str
    """Tax class that was set."""
    changed: list[str]
    """Ids of the products that were changed, by id."""
    unchanged: int
    """Number of selected products that had the class already, or no variant of `from_class`."""
    cursor: str | None = None
    """Cursor with which the same request continues; absent if all products were read."""

    @classmethod
    def of(cls, change: TaxClassChange, tax_class: str) -> "ProductsTaxClassView":
        return cls(
            tax_class=tax_class,
            changed=list(change.changed),
            unchanged=change.unchanged,
            cursor=change.cursor,
        )
