"""ExportPiece: write the next piece of an export's file."""

from typing import Any

from shop.catalog.actions.export_jobs import export_piece
from shop.catalog.gateway.export_files import S3ExportFiles
from shop.catalog.schemas.shopify_export import export_rows, header_line
from shop.catalog.store import DynamoProductCatalog
from shop.catalog.store.export_jobs import DynamoExportJobs
from shop.entrypoints.step_functions import JobTask, job_task

jobs = DynamoExportJobs()
files = S3ExportFiles()
catalog = DynamoProductCatalog()


@job_task
def handler(task: JobTask) -> dict[str, Any]:
    is_read = export_piece(
        task.job_id,
        header=header_line(),
        export_product=export_rows,
        catalog=catalog,
        jobs=jobs,
        files=files,
    )
    return {"is_read": is_read}
