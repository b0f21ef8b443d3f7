"""GET /staff/import-jobs/{id}/rejected: a page of the rejected products and rows of an import."""

from shop.catalog.actions.import_jobs import list_rejected
from shop.catalog.gateway.import_files import S3ImportFiles
from shop.catalog.schemas.import_jobs import RejectedListView
from shop.catalog.store.import_jobs import DynamoImportJobs
from shop.entrypoints.http import Request, endpoint

jobs = DynamoImportJobs()
files = S3ImportFiles()


@endpoint()
def handler(request: Request[None]) -> RejectedListView:
    job = jobs.get(request.path["id"])
    return RejectedListView.of(list_rejected(job, request.query.get("cursor"), files=files))
