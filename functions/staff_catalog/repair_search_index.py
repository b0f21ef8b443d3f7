"""Every 15 minutes: finish interrupted product changes, and rebuild an outdated search index."""

from datetime import datetime
from typing import Any

from shop.catalog.store import DynamoProductCatalog
from shop.entrypoints.scheduler import scheduled

catalog = DynamoProductCatalog()


@scheduled
def handler(at: datetime) -> dict[str, Any]:
    repaired = catalog.finish_reindexing(at=at)
    return {"products_repaired": repaired, "products_reindexed": catalog.rebuild_index()}
