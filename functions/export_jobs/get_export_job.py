"""GET /staff/export-jobs/{id}: an export with its progress and its download link."""

from shop.catalog.gateway.export_files import S3ExportFiles
from shop.catalog.model.export_job import ExportStatus
from shop.catalog.schemas.export_jobs import ExportJobView
from shop.catalog.store.export_jobs import DynamoExportJobs
from shop.entrypoints.http import Request, endpoint

jobs = DynamoExportJobs()
files = S3ExportFiles()


@endpoint()
def handler(request: Request[None]) -> ExportJobView:
    job = jobs.get(request.path["id"]).as_of(request.received_at)
    is_completed = job.status is ExportStatus.COMPLETED
    link = files.download_link(job, at=request.received_at) if is_completed else None
    return ExportJobView.of(job, link)
