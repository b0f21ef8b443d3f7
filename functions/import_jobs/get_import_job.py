"""GET /staff/import-jobs/{id}: an import with its progress and the notices of its report."""

from shop.catalog.actions.import_jobs import read_summary
from shop.catalog.gateway.import_files import S3ImportFiles
from shop.catalog.schemas.import_jobs import ImportJobReportView
from shop.catalog.store.import_jobs import DynamoImportJobs
from shop.entrypoints.http import Request, endpoint

jobs = DynamoImportJobs()
files = S3ImportFiles()


@endpoint()
def handler(request: Request[None]) -> ImportJobReportView:
    job = jobs.get(request.path["id"])
    return ImportJobReportView.with_summary(job, read_summary(job, files=files))
