"""Where the goods of an order come from, as staff decide it."""

from functions.manifest import Access, Endpoint, Feature, Table
from functions.query_parameters import LOCATION

GROUPS = ("staff", "fulfilment")
_KITS = "shop.inventory.schemas.kits"
_TERMS = "shop.inventory.schemas.backorders"
_WIRE = "shop.inventory.schemas.locations"

FEATURE = Feature(
    "staff_sourcing",
    (
        Endpoint(
            route="GET /staff/locations",
            module="staff_sourcing.list_locations",
            access=Access.STAFF,
            groups=GROUPS,
            summary="List the warehouses and shops, and the sourcing policy",
            response=f"{_WIRE}:LocationsView",
            reads=(Table.INVENTORY,),
        ),
        Endpoint(
            route="PUT /staff/locations/{name}",
            module="staff_sourcing.set_location",
            access=Access.STAFF,
            groups=GROUPS,
            summary="Create a location (version 0), or change it: in force within ten seconds",
            versioned=True,
            request=f"{_WIRE}:LocationBody",
            response=f"{_WIRE}:LocationView",
            writes=(Table.INVENTORY,),
        ),
        Endpoint(
            route="PUT /staff/allocation-policy",
            module="staff_sourcing.set_allocation_policy",
            access=Access.STAFF,
            groups=GROUPS,
            summary="Replace the preferences by which the units of an order are sourced",
            versioned=True,
            request=f"{_WIRE}:PolicyBody",
            response=f"{_WIRE}:PolicyView",
            writes=(Table.INVENTORY,),
        ),
        Endpoint(
            route="GET /staff/stock-terms/{sku+}",
            query=(LOCATION,),
            module="staff_sourcing.get_backorder_terms",
            access=Access.STAFF,
            groups=GROUPS,
            summary="Get the back-order terms of a SKU, and its back-ordered units",
            response=f"{_TERMS}:BackorderTermsView",
            reads=(Table.CATALOG, Table.INVENTORY),
        ),
        Endpoint(
            route="PUT /staff/stock-terms/{sku+}",
            module="staff_sourcing.set_backorder_terms",
            access=Access.STAFF,
            groups=GROUPS,
            summary="Sell a SKU on back-order, or before it first comes, up to a limit",
            versioned=True,
            request=f"{_TERMS}:BackorderTermsBody",
            response=f"{_TERMS}:BackorderTermsView",
            reads=(Table.CATALOG,),
            writes=(Table.INVENTORY,),
        ),
        Endpoint(
            route="GET /staff/kits/{sku+}",
            module="staff_sourcing.get_kit",
            access=Access.STAFF,
            groups=GROUPS,
            summary="Get the parts of a kit, and how many kits they make",
            response=f"{_KITS}:KitView",
            reads=(Table.CATALOG, Table.INVENTORY),
        ),
        Endpoint(
            route="PUT /staff/kits/{sku+}",
            module="staff_sourcing.set_kit",
            access=Access.STAFF,
            groups=GROUPS,
            summary="Sell a SKU as a kit of others, or with no parts as itself again",
            versioned=True,
            request=f"{_KITS}:KitBody",
            response=f"{_KITS}:KitView",
            reads=(Table.CATALOG,),
            writes=(Table.INVENTORY,),
        ),
    ),
)
