"""POST /staff/export-jobs: export the whole catalog as one file."""

from shop.catalog.gateway.job_workflow import StepFunctionsJobWorkflow
from shop.catalog.model.export_job import ExportJob, ExportStatus
from shop.catalog.schemas.export_jobs import ExportJobBody, ExportJobView
from shop.catalog.store.export_jobs import DynamoExportJobs
from shop.entrypoints.http import Request, endpoint, required_setting
from shop.kernel.ids import derived_id

jobs = DynamoExportJobs()
workflow = StepFunctionsJobWorkflow(required_setting("WORKFLOW_EXPORT"))


@endpoint(ExportJobBody, status=201)
def handler(request: Request[ExportJobBody]) -> ExportJobView:
    owner = request.caller.owner
    job = ExportJob(
        id=derived_id("exp", owner, request.required_idempotency_key),
        created_by=request.caller.username or owner,
        created_at=request.received_at,
        currency=request.body.currency,
    )
    job = jobs.add(job, request.fingerprint).as_of(request.received_at)
    # Again on a retry, after a crash between the two writes: it starts once per job.
    if job.status is ExportStatus.EXPORTING:
        workflow.start(job.id)
    return ExportJobView.of(job, None)
