"""GET /staff/export-jobs/{id}/omitted: a page of the products that an export omitted."""

from shop.catalog.actions.export_jobs import list_omitted
from shop.catalog.gateway.export_files import S3ExportFiles
from shop.catalog.schemas.export_jobs import OmittedListView
from shop.catalog.store.export_jobs import DynamoExportJobs
from shop.entrypoints.http import Request, endpoint

jobs = DynamoExportJobs()
files = S3ExportFiles()


@endpoint()
def handler(request: Request[None]) -> OmittedListView:
    job = jobs.get(request.path["id"])
    return OmittedListView.of(list_omitted(job, request.query.get("cursor"), files=files))
