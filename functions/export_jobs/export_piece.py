"""ExportPiece: write the next piece of an export's file."""

from typing import Any

from shop.catalog.actions.export_jobs import export_piece
from shop.catalog.gateway.export_files import S3ExportFiles
from shop.catalog.schemas.shopify_export import export_rows, header_line
from shop.catalog.store import DynamoProductCatalog
from shop.catalog.store.export_jobs import DynamoExportJobs
from shop.composition.product_exports import units_on_hand
from shop.entrypoints.step_functions import JobTask, job_task
from shop.inventory.store import DynamoStockRepository

jobs = DynamoExportJobs()
files = S3ExportFiles()
catalog = DynamoProductCatalog()
stock = DynamoStockRepository()


@job_task
def handler(task: JobTask) -> dict[str, Any]:
    is_read = export_piece(
        task.job_id,
        header=header_line(),
        export_product=export_rows,
        units_on_hand=lambda skus: units_on_hand(skus, stock),
        catalog=catalog,
        jobs=jobs,
        files=files,
    )
    return {"is_read": is_read}
