"""ImportPart: import the products of one part of a large file, once."""

from typing import Any

from shop.catalog.actions.import_jobs import import_part
from shop.catalog.gateway.import_files import S3ImportFiles
from shop.catalog.schemas.file_parts import read_part
from shop.catalog.store import DynamoProductCatalog
from shop.catalog.store.import_jobs import DynamoImportJobs
from shop.entrypoints.step_functions import JobTask, job_task
from shop.inventory.store import DynamoStockRepository

jobs = DynamoImportJobs()
files = S3ImportFiles()
catalog = DynamoProductCatalog()
stock = DynamoStockRepository()


@job_task
def handler(task: JobTask) -> dict[str, Any]:
    is_imported = import_part(
        task.job_id,
        int(task.input["part"]),
        at=task.at,
        jobs=jobs,
        files=files,
        read_part=read_part,
        catalog=catalog,
        stock=stock,
    )
    return {"imported": is_imported}
