"""GET /staff/kits/{sku+}: the parts of a kit, and the number of kits that they make."""

from shop.catalog.store import DynamoProductCatalog
from shop.entrypoints.http import Request, Response, endpoint
from shop.inventory.actions.kits import get_kit
from shop.inventory.schemas.kits import KitView
from shop.inventory.store import DynamoKitRepository, DynamoStockRepository
from shop.kernel.text_folding import clean_key

stock = DynamoStockRepository()
kits = DynamoKitRepository()
catalog = DynamoProductCatalog()


@endpoint()
def handler(request: Request[None]) -> Response:
    sku = clean_key(request.path["sku"])
    kit, version = get_kit(sku, kits=kits, skus=catalog)
    view = KitView.of(sku, kit, version, stock.levels([sku])[sku].available)
    return Response(view, headers={"ETag": f'"{version}"'})
