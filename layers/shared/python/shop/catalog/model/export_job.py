"""The export of a whole catalog into one file, piece by piece."""

from dataclasses import replace
from datetime import datetime
from enum import StrEnum

from shop.catalog.model.import_job import JOB_RETENTION, WORKFLOW_LIMIT
from shop.kernel.frozen import frozen


class ExportStatus(StrEnum):
    EXPORTING = "exporting"
    COMPLETED = "completed"
    FAILED = "failed"


@frozen(slots=False, kw_only=True)
class ExportJob:
    """The export of all products with prices in one currency.

    ``upload`` is the storage's id of the file while it is written, and ``pieces`` are its receipts
    for the pieces so far. ``cursor`` is the place in the catalog after ``rounds`` steps.
    """

    id: str
    created_by: str
    created_at: datetime
    currency: str
    status: ExportStatus = ExportStatus.EXPORTING
    finished_at: datetime | None = None
    upload: str = ""
    rounds: int = 0
    pieces: tuple[str, ...] = ()
    cursor: str | None = None
    is_read: bool = False
    products: int = 0
    omitted: int = 0

    @property
    def expires_at(self) -> datetime:
        return self.created_at + JOB_RETENTION

    def as_of(self, at: datetime) -> "ExportJob":
        """Return the job as it is at an instant: failed if its workflow has ended without a file.

        The workflow may never have started, or may have been stopped before its last step.
        """
        end = self.created_at + WORKFLOW_LIMIT
        if self.status is not ExportStatus.EXPORTING or at <= end:
            return self
        return replace(self, status=ExportStatus.FAILED, finished_at=end)

    def after_round(
        self, receipt: str | None, *, cursor: str | None, products: int, omitted: int
    ) -> "ExportJob":
        """Return the job after a step; without a receipt, the step found nothing to write."""
        return replace(
            self,
            rounds=self.rounds + 1,
            pieces=self.pieces if receipt is None else (*self.pieces, receipt),
            cursor=cursor,
            is_read=cursor is None,
            products=self.products + products,
            omitted=self.omitted + omitted,
        )


@frozen(slots=False)
class OmittedProduct:
    """A product that the file cannot hold, and the reason."""

    product: str
    reason: str


@frozen(slots=False)
class ExportedProduct:
    """The rows of a product in the file, or the reason why it has none."""

    product: str
    rows: str | None
    omitted: str | None = None


@frozen(slots=False)
class DownloadLink:
    """Where a client may fetch a file."""

    url: str
    expires_at: datetime
