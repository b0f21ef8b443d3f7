"""SplitFile: read an uploaded file once, validate it as a whole, and split it into parts."""

from typing import Any

from shop.catalog.actions.import_jobs import split_upload
from shop.catalog.gateway.import_files import S3ImportFiles
from shop.catalog.schemas.file_parts import split_product_file
from shop.catalog.store.import_jobs import DynamoImportJobs
from shop.entrypoints.step_functions import JobTask, job_task

jobs = DynamoImportJobs()
files = S3ImportFiles()


@job_task
def handler(task: JobTask) -> dict[str, Any]:
    parts = split_upload(task.job_id, jobs=jobs, files=files, split=split_product_file, at=task.at)
    return {"parts": list(parts)}
