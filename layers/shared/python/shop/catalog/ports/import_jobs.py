"""Ports of imports of large files: jobs, files and the workflow."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Protocol

from shop.catalog.model.import_job import ImportCounts, ImportJob, ImportStatus, UploadTarget
from shop.catalog.model.import_report import PartReport, RejectedEntry, ReportSummary


class ImportJobs(Protocol):
    """Imports of large files, with the progress of their parts."""

    def add(self, job: ImportJob, request_hash: str) -> ImportJob:
        """Store a new job; return the stored one if the id exists.

        Raises ``IdempotencyKeyReused`` if the stored one has another hash.
        """

    def get(self, job_id: str) -> ImportJob:
        """Return a job as last written. Raises ``NotFound``."""

    def save(self, job: ImportJob, *, expected: ImportStatus) -> bool:
        """Store a job, except the progress of its parts; ``False`` if it has another status."""

    def begin_part(self, job: ImportJob, part: int, at: datetime) -> frozenset[datetime] | None:
        """Note that a part is imported; return the instants of its earlier attempts.

        ``None`` means that the part is complete.
        """

    def complete_part(self, job: ImportJob, part: int, counts: ImportCounts) -> None:
        """Add the counts of a part to its job, once; a second call changes nothing."""

    def completed_parts(self, job: ImportJob) -> frozenset[int]:
        """Return the numbers of the parts that are complete."""


class ImportFiles(Protocol):
    """The uploaded files of imports, their parts and their reports."""

    def upload_target(self, job: ImportJob, *, at: datetime) -> UploadTarget:
        """Return where a client may upload the file of a job, in the allowed size and type."""

    def upload_size(self, job: ImportJob) -> int | None:
        """Return the bytes of the uploaded file, ``None`` before its upload."""

    def read_upload(self, job: ImportJob) -> Iterator[bytes]:
        """Yield the blocks of the uploaded file."""

    def put_part(self, job: ImportJob, part: int, data: bytes) -> None: ...

    def get_part(self, job: ImportJob, part: int) -> bytes: ...

    def put_report(self, job: ImportJob, part: int | None, report: PartReport) -> None:
        """Store the report of a part, or with ``None`` that of the validation."""

    def get_report(self, job: ImportJob, part: int | None) -> PartReport | None: ...

    def put_summary(
        self,
        job: ImportJob,
        summary: ReportSummary,
        pages: Sequence[Sequence[RejectedEntry]],
    ) -> None:
        """Store the report of a finished job."""

    def get_summary(self, job: ImportJob) -> ReportSummary: ...

    def get_page(self, job: ImportJob, page: int) -> Sequence[RejectedEntry]: ...


class ImportWorkflow(Protocol):
    """The workflow that imports an uploaded file."""

    def start(self, job_id: str) -> None:
        """Start it; a second call for the same job changes nothing."""
