"""Every quarter of an hour: finish changes to products that a crash left half listed."""

from datetime import datetime
from typing import Any

from shop.catalog.store import DynamoCatalogue
from shop.edge.schedule import scheduled

catalogue = DynamoCatalogue()


@scheduled
def handler(at: datetime) -> dict[str, Any]:
    return {"mended": catalogue.mend(at=at)}
