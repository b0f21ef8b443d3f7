"""FinishImport: write the report of an import whose parts are done, failed or cancelled."""

from typing import Any

from shop.catalog.actions.import_jobs import finish_import
from shop.catalog.gateway.import_files import S3ImportFiles
from shop.catalog.schemas.file_parts import part_products
from shop.catalog.store.import_jobs import DynamoImportJobs
from shop.entrypoints.step_functions import JobTask, job_task

jobs = DynamoImportJobs()
files = S3ImportFiles()


@job_task
def handler(task: JobTask) -> dict[str, Any]:
    job = finish_import(
        task.job_id, at=task.at, jobs=jobs, files=files, part_products=part_products
    )
    return {"status": job.status.value, "failed": job.failed}
