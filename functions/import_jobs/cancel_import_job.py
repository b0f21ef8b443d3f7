"""POST /staff/import-jobs/{id}/cancel: cancel an import; what it imported so far stays."""

from shop.catalog.actions.import_jobs import cancel_import
from shop.catalog.schemas.import_jobs import ImportJobView
from shop.catalog.store.import_jobs import DynamoImportJobs
from shop.entrypoints.http import Request, endpoint

jobs = DynamoImportJobs()


@endpoint()
def handler(request: Request[None]) -> ImportJobView:
    return ImportJobView.of(cancel_import(request.path["id"], at=request.received_at, jobs=jobs))
