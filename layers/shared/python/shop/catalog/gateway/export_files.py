"""The files of exports: ``exports/<job>/`` holds the file and the lists of omitted products."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from shop.catalog.gateway.job_files import JobFiles, decode, encode, load
from shop.catalog.model.export_job import DownloadLink, ExportJob, OmittedProduct
from shop.serialization import to_json

LINK_LIFETIME = timedelta(hours=1)
CONTENT_TYPE = "text/csv; charset=utf-8"


class S3ExportFiles:
    """See :class:`shop.catalog.ports.export_jobs.ExportFiles`."""

    def __init__(self, files: JobFiles | None = None) -> None:
        self._files = files or JobFiles()

    def begin(self, job: ExportJob) -> str:
        return self._files.begin_upload(_file(job), CONTENT_TYPE)

    def put_piece(self, job: ExportJob, number: int, data: bytes) -> str:
        return self._files.put_piece(_file(job), job.upload, number, data)

    def complete(self, job: ExportJob) -> None:
        self._files.complete_upload(_file(job), job.upload, job.pieces)

    def download_link(self, job: ExportJob, *, at: datetime) -> DownloadLink:
        name = f"products-{job.currency}.csv"
        url = self._files.download_link(_file(job), name=name, lifetime=LINK_LIFETIME)
        return DownloadLink(url, at + LINK_LIFETIME)

    def put_omitted(self, job: ExportJob, number: int, omitted: Sequence[OmittedProduct]) -> None:
        self._files.put(_omitted(job, number), encode([to_json(each) for each in omitted]))

    def get_omitted(self, job: ExportJob, number: int) -> Sequence[OmittedProduct]:
        entries = load(self._files.get(_omitted(job, number)))
        return [decode(OmittedProduct, entry) for entry in entries]


def _file(job: ExportJob) -> str:
    return f"exports/{job.id}/products.csv"


def _omitted(job: ExportJob, number: int) -> str:
    return f"exports/{job.id}/omitted/{number:05}"
