"""PUT /staff/kits/{sku+}: set the parts of a kit, at the version that was read."""

from shop.catalog.store import DynamoProductCatalog
from shop.entrypoints.http import Request, Response, endpoint
from shop.inventory.actions.kits import set_kit
from shop.inventory.schemas.kits import KitBody, KitView
from shop.inventory.store import DynamoKitRepository, DynamoStockRepository
from shop.kernel.optimistic_locking import require_version
from shop.kernel.text_folding import clean_key

stock = DynamoStockRepository()
kits = DynamoKitRepository()
catalog = DynamoProductCatalog()


@endpoint(KitBody)
def handler(request: Request[KitBody]) -> Response:
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
    view = KitView.of(sku, kit, version, stock.levels([sku])[sku].available)
    return Response(view, headers={"ETag": f'"{version}"'})
