"""POST /staff/import-jobs: create an import of a large file, and return where to upload it."""

from shop.catalog.gateway.import_files import S3ImportFiles
from shop.catalog.model.import_job import ImportJob
from shop.catalog.schemas.import_jobs import ImportJobBody, ImportJobCreatedView
from shop.catalog.store.import_jobs import DynamoImportJobs
from shop.entrypoints.http import Request, endpoint
from shop.kernel.ids import derived_id

jobs = DynamoImportJobs()
files = S3ImportFiles()


@endpoint(ImportJobBody, status=201)
def handler(request: Request[ImportJobBody]) -> ImportJobCreatedView:
    owner = request.caller.owner
    job = ImportJob(
        id=derived_id("imp", owner, request.required_idempotency_key),
        created_by=request.caller.username or owner,
        created_at=request.received_at,
        options=request.body.options(),
    )
    job = jobs.add(job, request.fingerprint)
    target = files.upload_target(job, at=request.received_at)
    return ImportJobCreatedView.with_target(job, target)
