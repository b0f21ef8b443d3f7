"""The import of a large product file: upload, validation, import in parts, report."""

from dataclasses import field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from shop.catalog.model.import_options import ImportOptions
from shop.kernel.errors import Conflict, Problem
from shop.kernel.frozen import frozen

MAX_UPLOAD_BYTES = 256 * 1024 * 1024
"""Size of a large file."""
UPLOAD_WINDOW = timedelta(hours=1)
"""How long the upload target of a new job accepts the file."""
JOB_RETENTION = timedelta(days=30)
"""How long a job and its report can be read. The bucket's lifecycle rule has the same time."""

WORKFLOW_LIMIT = timedelta(hours=7)
"""When the workflow of a job has ended for certain: it stops after six hours, and its last steps
take minutes."""


class ImportStatus(StrEnum):
    AWAITING_UPLOAD = "awaiting_upload"
    VALIDATING = "validating"
    IMPORTING = "importing"
    CANCELLING = "cancelling"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


MAY_BECOME: dict[ImportStatus, frozenset[ImportStatus]] = {
    ImportStatus.AWAITING_UPLOAD: frozenset({ImportStatus.VALIDATING, ImportStatus.CANCELLED}),
    ImportStatus.VALIDATING: frozenset(
        {ImportStatus.IMPORTING, ImportStatus.FAILED, ImportStatus.CANCELLED}
    ),
    ImportStatus.IMPORTING: frozenset(
        {ImportStatus.COMPLETED, ImportStatus.CANCELLING, ImportStatus.CANCELLED}
    ),
    ImportStatus.CANCELLING: frozenset({ImportStatus.CANCELLED}),
    ImportStatus.COMPLETED: frozenset(),
    ImportStatus.FAILED: frozenset(),
    ImportStatus.CANCELLED: frozenset(),
}


@frozen(slots=False, kw_only=True)
class ImportCounts:
    """Numbers of products and SKUs of an import, as in the report of a small one."""

    created: int = 0
    changed: int = 0
    unchanged: int = 0
    rejected: int = 0
    stock_created: int = 0
    stock_unchanged: int = 0


@frozen(slots=False, kw_only=True)
class ImportJob:
    """The import of one uploaded file.

    ``part_sizes`` are the products of each part; ``products_done`` are those of the finished parts.
    ``unplaced`` counts the rejections of the validation. ``failed`` counts the products of parts
    that failed after all retries. ``problem`` is the reason why nothing was imported.
    ``has_no_report`` marks a job that was cancelled without its workflow, which writes the report.
    """

    id: str
    created_by: str
    created_at: datetime
    options: ImportOptions
    status: ImportStatus = ImportStatus.AWAITING_UPLOAD
    started_at: datetime | None = None
    finished_at: datetime | None = None
    rows: int = 0
    products: int = 0
    part_sizes: tuple[int, ...] = ()
    unplaced: int = 0
    failed: int = 0
    problem: Problem | None = None
    report_pages: int = 0
    has_no_report: bool = False
    parts_done: int = 0
    products_done: int = 0
    counts: ImportCounts = field(default_factory=ImportCounts)

    @property
    def expires_at(self) -> datetime:
        return self.created_at + JOB_RETENTION

    @property
    def products_processed(self) -> int:
        """The products of finished parts, and those that the validation rejected."""
        return self.products_done + self.products - sum(self.part_sizes)

    @property
    def is_finished(self) -> bool:
        return not MAY_BECOME[self.status]

    def cancelled(self, at: datetime) -> "ImportJob":
        """Return the job as staff cancel it. Raises :class:`Conflict` (``job_finished``).

        While parts may be imported, the workflow ends the job after them. It cannot be relied on
        before that: it may never have started. Nor can it long afterwards: it may have failed.
        """
        if self.status is ImportStatus.CANCELLED:
            return self
        if self.is_finished:
            return self.moved_to(ImportStatus.CANCELLING)
        imports_parts = self.status is ImportStatus.IMPORTING or self.rows > 0
        has_ended = self.started_at is not None and at - self.started_at > WORKFLOW_LIMIT
        if imports_parts and not has_ended:
            is_cancelling = self.status is ImportStatus.CANCELLING
            return self if is_cancelling else self.moved_to(ImportStatus.CANCELLING)
        ended = self.moved_to(ImportStatus.CANCELLED)
        return replace(ended, finished_at=at, has_no_report=True)

    def moved_to(self, status: ImportStatus) -> "ImportJob":
        """Return the job in another status. Raises :class:`Conflict` (``job_finished``)."""
        if status not in MAY_BECOME[self.status]:
            raise Conflict(
                f"The import is {self.status.replace('_', ' ')} and cannot become"
                f" {status.replace('_', ' ')}. Create a new import.",
                code="job_finished",
            )
        return replace(self, status=status)


@frozen(slots=False)
class UploadTarget:
    """Where a client sends a file by an HTML form: the URL, and the fields before the file."""

    url: str
    fields: dict[str, str]
    expires_at: datetime
