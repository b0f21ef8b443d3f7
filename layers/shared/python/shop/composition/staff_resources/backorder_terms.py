"""The back-order or pre-order terms of a SKU at a location."""

from typing import Any

from shop.catalog.store import DynamoProductCatalog
from shop.entrypoints.http import Request, Response
from shop.entrypoints.merge_patch import EditableResource
from shop.inventory.actions import get_level
from shop.inventory.actions.backorders import set_backorder_terms
from shop.inventory.model import MAIN_LOCATION, StockLevel
from shop.inventory.schemas.backorders import BackorderTermsBody, BackorderTermsView
from shop.inventory.store import DynamoLocationRepository, DynamoStockRepository
from shop.kernel.optimistic_locking import require_version
from shop.kernel.text_folding import clean_key

stock = DynamoStockRepository()
locations = DynamoLocationRepository()
catalog = DynamoProductCatalog()


def read(request: Request[Any]) -> Response:
    """Return the terms at the location that the patch names, as in a PUT."""
    named = request.body.get("location")
    # The schema reports a location that is not text.
    location = named if isinstance(named, str) else MAIN_LOCATION
    locations.get().location(location)  # raises NotFound for an unknown location
    sku = clean_key(request.path["sku"])
    return _response(get_level(sku, stock=stock, skus=catalog, location=location))


def replace(request: Request[BackorderTermsBody]) -> Response:
    body = request.body
    locations.get().location(body.location)  # raises NotFound for an unknown location
    level = set_backorder_terms(
        clean_key(request.path["sku"]),
        body.terms(),
        expected_version=require_version(request.headers.get("if-match"), body.version, minimum=0),
        at=request.received_at,
        stock=stock,
        skus=catalog,
        location=body.location,
    )
    return _response(level)


def _response(level: StockLevel) -> Response:
    return Response(BackorderTermsView.of(level), headers={"ETag": f'"{level.version}"'})


BACKORDER_TERMS = EditableResource(
    schema=BackorderTermsBody,
    read=read,
    replace=replace,
    read_only=("sku", "backordered", "earmarked", "available"),
    first_version=0,
)
