"""PUT /staff/kits/{sku+}: sell a SKU as a kit of others, from the version that was read."""

from shop.catalog.store import DynamoCatalogue
from shop.edge.http import Answer, Request, endpoint
from shop.inventory.actions.kits import define_kit
from shop.inventory.store import DynamoKits, DynamoStock
from shop.inventory.wire.kits import KitBody, KitView
from shop.kernel.versions import needed_version

stock = DynamoStock()
kits = DynamoKits()
catalogue = DynamoCatalogue()


@endpoint(KitBody)
def handler(request: Request[KitBody]) -> Answer:
    sku = request.path["sku"]
    kit, version = define_kit(
        sku,
        request.body.taken(),
        expected_version=needed_version(
            request.headers.get("if-match"), request.body.version, least=0
        ),
        kits=kits,
        goods=catalogue,
    )
    view = KitView.of(sku, kit, version, stock.levels([sku])[sku].available)
    return Answer(view, headers={"ETag": f'"{version}"'})
