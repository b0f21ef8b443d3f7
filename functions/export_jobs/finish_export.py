"""FinishExport: join the pieces of an export's file."""

from typing import Any

from shop.catalog.actions.export_jobs import finish_export
from shop.catalog.gateway.export_files import S3ExportFiles
from shop.catalog.store.export_jobs import DynamoExportJobs
from shop.entrypoints.step_functions import JobTask, job_task

jobs = DynamoExportJobs()
files = S3ExportFiles()


@job_task
def handler(task: JobTask) -> dict[str, Any]:
    job = finish_export(task.job_id, at=task.at, jobs=jobs, files=files)
    return {"status": job.status.value}
