"""POST /staff/import-jobs/{id}/start: start an import whose file is uploaded."""

from shop.catalog.actions.import_jobs import start_import
from shop.catalog.gateway.import_files import S3ImportFiles
from shop.catalog.gateway.job_workflow import StepFunctionsJobWorkflow
from shop.catalog.schemas.import_jobs import ImportJobView
from shop.catalog.store.import_jobs import DynamoImportJobs
from shop.entrypoints.http import Request, endpoint, required_setting

jobs = DynamoImportJobs()
files = S3ImportFiles()
workflow = StepFunctionsJobWorkflow(required_setting("WORKFLOW_IMPORT"))


@endpoint()
def handler(request: Request[None]) -> ImportJobView:
    job = start_import(
        request.path["id"], at=request.received_at, jobs=jobs, files=files, workflow=workflow
    )
    return ImportJobView.of(job)
