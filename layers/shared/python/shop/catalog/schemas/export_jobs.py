"""Exports of whole catalogs, as staff create and follow them."""

from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, BaseModel

from shop.catalog.model.export_job import DownloadLink, ExportJob, OmittedProduct
from shop.catalog.schemas.admin import ProductAdminModel
from shop.kernel.pagination import Page
from shop.kernel.text_validation import validate_currency


class ExportJobBody(ProductAdminModel):
    """The options of an export."""

    currency: Annotated[str, AfterValidator(validate_currency)]
    """Currency of the prices in the file as an ISO 4217 code; other products are omitted.
    Example: EUR"""


class DownloadView(BaseModel):
    """Where to download a file."""

    url: str
    """URL of the file, for a GET without a token.
    Example: https://doorbuster-prod-files.s3.amazonaws.com/exports/exp_1/products.csv"""
    expires_at: datetime
    """Instant after which the URL is rejected; another request returns a new one."""


class ExportJobView(BaseModel):
    """The export of a whole catalog, with its progress."""

    id: str
    """Id of the export.
    Example: exp_47j5plp7asxuql4lbajx2xbhdm"""
    status: str
    """Status: exporting, completed or failed.
    Example: completed"""
    currency: str
    """Currency of the prices in the file."""
    created_at: datetime
    """Instant of creation, in ISO 8601."""
    finished_at: datetime | None = None
    """Instant at which the export was completed or failed."""
    products: int
    """Number of products in the file so far."""
    omitted_count: int
    """Number of products that the format cannot hold."""
    download: DownloadView | None = None
    """Where to download the file, once the export is completed."""

    @classmethod
    def of(cls, job: ExportJob, link: DownloadLink | None) -> "ExportJobView":
        return cls(
            id=job.id,
            status=job.status.value,
            currency=job.currency,
            created_at=job.created_at,
            finished_at=job.finished_at,
            products=job.products,
            omitted_count=job.omitted,
            download=DownloadView(url=link.url, expires_at=link.expires_at) if link else None,
        )


class OmittedView(BaseModel):
    """A product that the format cannot hold."""

    product: str
    """Id of the product."""
    reason: str
    """Reason why it is not in the file, in words.
    Example: Its prices are in EUR. Export that currency."""


class OmittedListView(BaseModel):
    """A page of the products that an export omitted; it may be empty before the last page."""

    omitted: list[OmittedView]
    """Omitted products of this page."""
    cursor: str | None = None
    """Cursor of the next page; absent on the last page."""

    @classmethod
    def of(cls, page: Page[OmittedProduct]) -> "OmittedListView":
        omitted = [OmittedView(product=each.product, reason=each.reason) for each in page.items]
        return cls(omitted=omitted, cursor=page.cursor)
