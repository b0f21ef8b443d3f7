"""What staff do with stock: counts, movements, transfers, thresholds, and the journal of it all."""

from functions.manifest import Access, Endpoint, Feature, Table

GROUPS = ("staff", "catalogue")
_LEVEL = "shop.inventory.wire:StockView"
_MOVEMENTS = "shop.inventory.wire.movements"

FEATURE = Feature(
    "staff_stock",
    (
        Endpoint(
            route="GET /staff/stock/{sku+}",
            module="staff_stock.get_level",
            access=Access.STAFF,
            groups=GROUPS,
            summary="What is on the shelf of a SKU, promised and for sale (?location=…)",
            response=_LEVEL,
            reads=(Table.CATALOG, Table.INVENTORY),
        ),
        Endpoint(
            route="PUT /staff/stock/{sku+}",
            module="staff_stock.count",
            access=Access.STAFF,
            groups=GROUPS,
            summary="Write down what was counted, from the version that was read",
            versioned=True,
            takes_key=True,
            request="shop.inventory.wire:CountRequest",
            response=_LEVEL,
            reads=(Table.CATALOG,),
            writes=(Table.INVENTORY, Table.SESSIONS),
        ),
        Endpoint(
            route="GET /staff/stock-levels",
            module="staff_stock.list_levels",
            access=Access.STAFF,
            groups=GROUPS,
            summary="The stock of a SKU in total and at each location (?sku=…)",
            response="shop.inventory.wire:LevelsView",
            reads=(Table.CATALOG, Table.INVENTORY),
        ),
        Endpoint(
            route="GET /staff/stock-journal",
            module="staff_stock.read_journal",
            access=Access.STAFF,
            groups=GROUPS,
            summary="What moved of a SKU, newest first (?sku=…&limit=50&cursor=…)",
            response=f"{_MOVEMENTS}:JournalView",
            reads=(Table.INVENTORY,),
        ),
        Endpoint(
            route="POST /staff/stock-movements",
            module="staff_stock.move_goods",
            access=Access.STAFF,
            groups=GROUPS,
            summary="Adjust, receive, expect, take back, set aside, bring back, write off, or set "
            "the safety stock, from the version that was read",
            takes_key=True,
            request=f"{_MOVEMENTS}:MovementRequest",
            response=_LEVEL,
            status=201,
            reads=(Table.CATALOG,),
            writes=(Table.INVENTORY, Table.SESSIONS),
        ),
        Endpoint(
            route="POST /staff/stock-transfers",
            module="staff_stock.transfer",
            access=Access.STAFF,
            groups=GROUPS,
            summary="Dispatch goods to another location, or let them arrive there, with losses",
            takes_key=True,
            request=f"{_MOVEMENTS}:TransferRequest",
            response=f"{_MOVEMENTS}:TransferView",
            status=201,
            reads=(Table.CATALOG,),
            writes=(Table.INVENTORY, Table.SESSIONS),
        ),
        Endpoint(
            route="POST /staff/stock-takes",
            module="staff_stock.take_stock",
            access=Access.STAFF,
            groups=GROUPS,
            summary="Write down what was counted of up to 200 SKUs, each line for itself",
            takes_key=True,
            request=f"{_MOVEMENTS}:StockTakeRequest",
            response=f"{_MOVEMENTS}:StockTakeView",
            reads=(Table.CATALOG,),
            writes=(Table.INVENTORY, Table.SESSIONS),
            timeout=30,
        ),
    ),
)
