"""ImportPart: import the products of one part of a large file, once."""

from typing import Any

from shop.catalog.actions.import_jobs import import_part
from shop.catalog.gateway.import_files import S3ImportFiles
from shop.catalog.model.import_options import ImportOptions
from shop.catalog.schemas.file_parsing import FileParseResult
from shop.catalog.schemas.file_parts import read_part
from shop.catalog.store import DynamoProductCatalog
from shop.catalog.store.import_jobs import DynamoImportJobs
from shop.entrypoints.step_functions import JobTask, job_task
from shop.inventory.store import DynamoStockRepository
from shop.tax.store.cache import tax_table_cache

jobs = DynamoImportJobs()
files = S3ImportFiles()
catalog = DynamoProductCatalog()
stock = DynamoStockRepository()
tax = tax_table_cache()


def read_part_with_classes(data: bytes, options: ImportOptions) -> FileParseResult:
    parsed = read_part(data, options)
    parsed.tax_classes = tax.table().classes
    return parsed


@job_task
def handler(task: JobTask) -> dict[str, Any]:
    is_imported = import_part(
        task.job_id,
        int(task.input["part"]),
        at=task.at,
        jobs=jobs,
        files=files,
        read_part=read_part_with_classes,
        catalog=catalog,
        stock=stock,
    )
    return {"imported": is_imported}
