"""Imports of large files, as staff create and follow them."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel

from shop.catalog.model.import_job import MAX_UPLOAD_BYTES, ImportJob, UploadTarget
from shop.catalog.model.import_options import ImportOptions
from shop.catalog.model.import_report import FoldedNotice, RejectedEntry, ReportSummary
from shop.catalog.schemas.admin import ProductAdminModel
from shop.catalog.schemas.admin_views import (
    ProductNoticeView,
    RejectedView,
    StatusCountView,
    TaxClassCountView,
    status_counts,
    tax_class_counts,
)
from shop.catalog.schemas.files import MEDIA_DETAIL, is_media_base
from shop.kernel.errors import InvalidValue, Problem
from shop.kernel.pagination import Page
from shop.kernel.text_validation import validate_currency


def _media_base(text: str) -> str:
    if not is_media_base(text):
        raise InvalidValue("url_invalid", MEDIA_DETAIL)
    return text


class ImportJobBody(ProductAdminModel):
    """The options of an import, which a file does not state."""

    format: Literal["csv", "yaml"] = "csv"
    """Format of the file: Shopify's product CSV, or the YAML list of AWS's retail demo store."""
    currency: Annotated[str, AfterValidator(validate_currency)]
    """Currency of the prices in the file as an ISO 4217 code.
    Example: EUR"""
    decimal: Literal["point", "comma"] = "point"
    """Decimal sign of the numbers in the file: 129.99 or 129,99."""
    media: Annotated[str, AfterValidator(_media_base)] | None = None
    """HTTP URL with a final slash, before relative names of images in the file.
    Example: https://images.example.com/"""
    encoding: Literal["utf-8", "windows-1252"] = "utf-8"
    """Character encoding of a file without a byte order mark."""

    def options(self) -> ImportOptions:
        return ImportOptions(
            self.currency,
            self.media,
            encoding=self.encoding,
            decimal=self.decimal,
            format=self.format,
        )


class UploadTargetView(BaseModel):
    """Where to upload the file: a POST of ``multipart/form-data``, directly to the storage."""

    url: str
    """URL of the upload.
    Example: https://doorbuster-prod-files.s3.amazonaws.com/"""
    fields: dict[str, str]
    """Fields of the form, to send unchanged before the field ``file``."""
    max_bytes: int
    """Largest size of the file in bytes.
    Example: 268435456"""
    expires_at: datetime
    """Instant after which the upload is rejected, in ISO 8601."""

    @classmethod
    def of(cls, target: UploadTarget) -> "UploadTargetView":
        return cls(
            url=target.url,
            fields=target.fields,
            max_bytes=MAX_UPLOAD_BYTES,
            expires_at=target.expires_at,
        )


class JobProblemView(BaseModel):
    """The reason why a job failed."""

    code: str
    """Code of the problem, as in errors of the API.
    Example: csv_malformed"""
    detail: str
    """Problem, place and remedy in words.
    Example: The quote opened on line 15 is never closed. Nothing was imported."""

    @classmethod
    def of(cls, problem: Problem) -> "JobProblemView":
        return cls(code=problem.code, detail=problem.detail)


class ImportJobView(BaseModel):
    """The import of a large file, with its progress."""

    id: str
    """Id of the import.
    Example: imp_47j5plp7asxuql4lbajx2xbhdm"""
    status: str
    """Status: awaiting_upload, validating, importing, completed, failed, cancelling or cancelled.
    Example: importing"""
    format: str
    """Format of the file: csv or yaml."""
    currency: str
    """Currency of the prices in the file.
    Example: EUR"""
    decimal: str
    """Decimal sign of the numbers in the file: point or comma."""
    created_at: datetime
    """Instant of creation, in ISO 8601."""
    started_at: datetime | None = None
    """Instant at which the import was started."""
    finished_at: datetime | None = None
    """Instant at which the import was completed, failed or was cancelled."""
    rows: int
    """Rows of the file, 0 until it was read."""
    products: int
    """Products in the file, 0 until it was read."""
    products_done: int
    """Products that were processed so far."""
    created: int
    """Number of products that were created."""
    changed: int
    """Number of products that were changed."""
    unchanged: int
    """Number of products that the file does not change."""
    rejected_count: int
    """Number of rejected products and rows."""
    failed_count: int
    """Number of products whose import failed after retries; they are among the rejected ones."""
    stock_created: int
    """Number of SKUs whose stock was created."""
    stock_unchanged: int
    """Number of SKUs that had stock before; an import leaves it unchanged."""
    problem: JobProblemView | None = None
    """Reason why the import failed as a whole and imported nothing."""

    @classmethod
    def of(cls, job: ImportJob) -> "ImportJobView":
        return cls(**_job_fields(job))


class ImportJobCreatedView(ImportJobView):
    """A new import, with the target of its upload."""

    upload: UploadTargetView
    """Where to upload the file. Then start the import."""

    @classmethod
    def with_target(cls, job: ImportJob, target: UploadTarget) -> "ImportJobCreatedView":
        return cls(**_job_fields(job), upload=UploadTargetView.of(target))


class FoldedNoticeView(BaseModel):
    """A notice on several products."""

    notice: str
    """What the shop does instead, in words."""
    products: int
    """Number of products that the notice is about."""
    examples: list[ProductNoticeView]
    """The first of these products by line, 20 at most."""

    @classmethod
    def of(cls, notice: FoldedNotice) -> "FoldedNoticeView":
        examples = [
            ProductNoticeView(lines=list(e.lines), notice=e.text, product=e.product)
            for e in notice.examples
        ]
        return cls(notice=notice.text, products=notice.products, examples=examples)


class ImportJobReportView(ImportJobView):
    """An import with the notices of its report, which it has once it is finished."""

    statuses: list[StatusCountView]
    """Statuses that the products of the file have after the import."""
    tax_classes: list[TaxClassCountView]
    """Tax classes that the products of the file have after the import."""
    notices: list[str]
    """Notices about the file as a whole, such as columns that the shop does not store."""
    product_notices: list[FoldedNoticeView]
    """Notices about prices, taxes, stock and sale of products, each text once."""

    @classmethod
    def with_summary(cls, job: ImportJob, summary: ReportSummary) -> "ImportJobReportView":
        return cls(
            **_job_fields(job),
            statuses=status_counts(summary.content),
            tax_classes=tax_class_counts(summary.content),
            notices=list(summary.notices),
            product_notices=[FoldedNoticeView.of(notice) for notice in summary.product_notices],
        )


class RejectedListView(BaseModel):
    """A page of the rejected products and rows of an import."""

    rejected: list[RejectedView]
    """Rejected products and rows of this page, by line; empty until the import is finished."""
    cursor: str | None = None
    """Cursor of the next page; absent on the last page."""

    @classmethod
    def of(cls, page: Page[RejectedEntry]) -> "RejectedListView":
        return cls(rejected=[RejectedView.of(r) for r in page.items], cursor=page.cursor)


def _job_fields(job: ImportJob) -> dict[str, Any]:
    counts = job.counts
    return {
        "id": job.id,
        "status": job.status.value,
        "format": job.options.format,
        "currency": job.options.currency,
        "decimal": job.options.decimal,
        "created_at": job.created_at,
        "started_at": job.started_at,
        "finished_at": job.finished_at,
        "rows": job.rows,
        "products": job.products,
        "products_done": job.products_processed,
        "created": counts.created,
        "changed": counts.changed,
        "unchanged": counts.unchanged,
        "rejected_count": counts.rejected + job.unplaced + job.failed,
        "failed_count": job.failed,
        "stock_created": counts.stock_created,
        "stock_unchanged": counts.stock_unchanged,
        "problem": JobProblemView.of(job.problem) if job.problem else None,
    }
