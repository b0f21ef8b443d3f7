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
        {ImportStatus.IMPORTING, ImportStatus.FAILED, ImportStatus.CANCELLING}
    ),
    ImportStatus.IMPORTING: frozenset({ImportStatus.COMPLETED, ImportStatus.CANCELLING}),
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
