"""The files of imports: ``imports/<job>/`` holds the upload, the parts and the reports."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from shop.catalog.gateway.job_files import JobFiles, decode, encode, load
from shop.catalog.model.import_job import (
    MAX_UPLOAD_BYTES,
    UPLOAD_WINDOW,
    ImportJob,
    UploadTarget,
)
from shop.catalog.model.import_report import PartReport, RejectedEntry, ReportSummary
from shop.serialization import to_json

CONTENT_TYPES = {"csv": "text/csv", "yaml": "application/yaml"}
"""Content types of uploads by the format of the job."""


class S3ImportFiles:
    """See :class:`shop.catalog.ports.import_jobs.ImportFiles`."""

    def __init__(self, files: JobFiles | None = None) -> None:
        self._files = files or JobFiles()

    def upload_target(self, job: ImportJob, *, at: datetime) -> UploadTarget:
        url, fields = self._files.upload_form(
            _upload_key(job),
            content_type=CONTENT_TYPES[job.options.format],
            max_bytes=MAX_UPLOAD_BYTES,
            lifetime=UPLOAD_WINDOW,
        )
        return UploadTarget(url, fields, at + UPLOAD_WINDOW)

    def upload_size(self, job: ImportJob) -> int | None:
        return self._files.size(_upload_key(job))

    def read_upload(self, job: ImportJob) -> Iterator[bytes]:
        return self._files.blocks(_upload_key(job))

    def put_part(self, job: ImportJob, part: int, data: bytes) -> None:
        self._files.put(_key(job, f"parts/{part:05}"), data)

    def get_part(self, job: ImportJob, part: int) -> bytes:
        return self._files.get(_key(job, f"parts/{part:05}"))

    def put_report(self, job: ImportJob, part: int | None, report: PartReport) -> None:
        self._files.put(_report_key(job, part), encode(to_json(report)))

    def get_report(self, job: ImportJob, part: int | None) -> PartReport | None:
        data = self._files.find(_report_key(job, part))
        return None if data is None else decode(PartReport, load(data))

    def put_summary(
        self,
        job: ImportJob,
        summary: ReportSummary,
        pages: Sequence[Sequence[RejectedEntry]],
    ) -> None:
        for number, page in enumerate(pages):
            self._files.put(_key(job, f"pages/{number:05}"), encode([to_json(e) for e in page]))
        self._files.put(_key(job, "summary"), encode(to_json(summary)))

    def get_summary(self, job: ImportJob) -> ReportSummary:
        return decode(ReportSummary, load(self._files.get(_key(job, "summary"))))

    def get_page(self, job: ImportJob, page: int) -> Sequence[RejectedEntry]:
        entries = load(self._files.get(_key(job, f"pages/{page:05}")))
        return [decode(RejectedEntry, entry) for entry in entries]


def _key(job: ImportJob, name: str) -> str:
    return f"imports/{job.id}/{name}"


def _upload_key(job: ImportJob) -> str:
    return _key(job, f"upload.{job.options.format}")


def _report_key(job: ImportJob, part: int | None) -> str:
    return _key(job, "reports/validation" if part is None else f"reports/{part:05}")
