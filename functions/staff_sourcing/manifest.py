"""Endpoints of locations, allocation, back-order terms and kits, for staff."""

from functions.manifest import Access, Endpoint, Feature, Table
from functions.patch_routes import with_patch
from functions.query_parameters import LOCATION

GROUPS = ("staff", "fulfilment")
_KITS = "shop.inventory.schemas.kits"
_TERMS = "shop.inventory.schemas.backorders"
_LOCATIONS = "shop.inventory.schemas.locations"

FEATURE = Feature(
    "staff_sourcing",
    (
        Endpoint(
            route="GET /staff/locations",
            module="staff_sourcing.list_locations",
            access=Access.STAFF,
            groups=GROUPS,
            summary="List the locations and the allocation policy",
            response=f"{_LOCATIONS}:LocationsView",
            unpaged="fifty at most",
            reads=(Table.INVENTORY,),
        ),
        *with_patch(
            Endpoint(
                route="PUT /staff/locations/{name}",
                module="staff_sourcing.set_location",
                access=Access.STAFF,
                groups=GROUPS,
                summary="Create a location (version 0) or change it; effective within ten seconds",
                versioned=True,
                request=f"{_LOCATIONS}:LocationBody",
                response=f"{_LOCATIONS}:LocationView",
                etag=True,
                writes=(Table.INVENTORY,),
            ),
            "Change fields of a location; effective within ten seconds",
        ),
        *with_patch(
            Endpoint(
                route="PUT /staff/allocation-policy",
                module="staff_sourcing.set_allocation_policy",
                access=Access.STAFF,
                groups=GROUPS,
                summary="Set the policy that chooses the locations of paid orders",
                versioned=True,
                request=f"{_LOCATIONS}:PolicyBody",
                response=f"{_LOCATIONS}:PolicyView",
                etag=True,
                writes=(Table.INVENTORY,),
            ),
            "Change fields of the policy that chooses the locations of paid orders",
        ),
        Endpoint(
            route="GET /staff/stock-terms/{sku+}",
            query=(LOCATION,),
            module="staff_sourcing.get_backorder_terms",
            access=Access.STAFF,
            groups=GROUPS,
            summary="Get the back-order terms of a SKU, and its back-ordered units",
            response=f"{_TERMS}:BackorderTermsView",
            etag=True,
            reads=(Table.CATALOG, Table.INVENTORY),
        ),
        *with_patch(
            Endpoint(
                route="PUT /staff/stock-terms/{sku+}",
                module="staff_sourcing.set_backorder_terms",
                access=Access.STAFF,
                groups=GROUPS,
                summary="Set the back-order or pre-order terms of a SKU; a limit of 0 ends them",
                versioned=True,
                request=f"{_TERMS}:BackorderTermsBody",
                response=f"{_TERMS}:BackorderTermsView",
                etag=True,
                reads=(Table.CATALOG,),
                writes=(Table.INVENTORY,),
            ),
            "Change fields of the back-order or pre-order terms of a SKU",
        ),
        Endpoint(
            route="GET /staff/kits/{sku+}",
            module="staff_sourcing.get_kit",
            access=Access.STAFF,
            groups=GROUPS,
            summary="Get the parts of a kit, and how many kits they make",
            response=f"{_KITS}:KitView",
            etag=True,
            reads=(Table.CATALOG, Table.INVENTORY),
        ),
        *with_patch(
            Endpoint(
                route="PUT /staff/kits/{sku+}",
                module="staff_sourcing.set_kit",
                access=Access.STAFF,
                groups=GROUPS,
                summary="Set the parts of a kit; without parts it becomes an ordinary SKU again",
                versioned=True,
                request=f"{_KITS}:KitBody",
                response=f"{_KITS}:KitView",
                etag=True,
                reads=(Table.CATALOG,),
                writes=(Table.INVENTORY,),
            ),
            "Change the parts of a kit, at the version that was read",
        ),
    ),
)
