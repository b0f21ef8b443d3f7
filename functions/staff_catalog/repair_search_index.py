"""Every 15 minutes: finish product changes that a crash interrupted."""

from datetime import datetime
from typing import Any

from shop.catalog.store import DynamoProductCatalog
from shop.entrypoints.scheduler import scheduled

catalog = DynamoProductCatalog()


@scheduled
def handler(at: datetime) -> dict[str, Any]:
    return {"products_repaired": catalog.finish_reindexing(at=at)}
