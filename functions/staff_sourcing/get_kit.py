"""GET /staff/kits/{sku+}: what a kit takes, and how many its parts make."""

from shop.catalog.store import DynamoCatalogue
from shop.edge.http import Answer, Request, endpoint
from shop.inventory.actions.kits import find_kit
from shop.inventory.store import DynamoKits, DynamoStock
from shop.inventory.wire.kits import KitView

stock = DynamoStock()
kits = DynamoKits()
catalogue = DynamoCatalogue()


@endpoint()
def handler(request: Request[None]) -> Answer:
    sku = request.path["sku"]
    kit, version = find_kit(sku, kits=kits, goods=catalogue)
    view = KitView.of(sku, kit, version, stock.levels([sku])[sku].available)
    return Answer(view, headers={"ETag": f'"{version}"'})
