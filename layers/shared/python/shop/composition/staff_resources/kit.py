"""The parts of a kit."""

from typing import Any

from shop.catalog.store import DynamoProductCatalog
from shop.entrypoints.http import Request, Response
from shop.entrypoints.merge_patch import EditableResource
from shop.inventory.actions.kits import get_kit, set_kit
from shop.inventory.model.kits import Kit
from shop.inventory.schemas.kits import KitBody, KitView
from shop.inventory.store import DynamoKitRepository, DynamoStockRepository
from shop.kernel.optimistic_locking import require_version
from shop.kernel.text_folding import clean_key

stock = DynamoStockRepository()
kits = DynamoKitRepository()
catalog = DynamoProductCatalog()


def read(request: Request[Any]) -> Response:
    sku = clean_key(request.path["sku"])
    kit, version = get_kit(sku, kits=kits, skus=catalog)
    return _response(sku, kit, version)


def replace(request: Request[KitBody]) -> Response:
    sku = clean_key(request.path["sku"])
    kit, version = set_kit(
        sku,
        request.body.parts_by_sku(),
        expected_version=require_version(
            request.headers.get("if-match"), request.body.version, minimum=0
        ),
        kits=kits,
        skus=catalog,
    )
    return _response(sku, kit, version)


def _response(sku: str, kit: Kit | None, version: int) -> Response:
    view = KitView.of(sku, kit, version, stock.levels([sku])[sku].available)
    return Response(view, headers={"ETag": f'"{version}"'})


KIT = EditableResource(
    schema=KitBody,
    read=read,
    replace=replace,
    read_only=("sku", "available"),
    first_version=0,
)
