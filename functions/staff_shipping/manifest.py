"""Endpoints of the shipping table for staff."""

from functions.manifest import Access, Endpoint, Feature, Table
from functions.patch_routes import with_patch
from functions.query_parameters import CURSOR, limit, version

GROUPS = ("staff", "catalog")
_VIEW = "shop.shipping.schemas:ShippingTableView"

FEATURE = Feature(
    "staff_shipping",
    (
        Endpoint(
            route="GET /staff/shipping",
            query=(version("table"),),
            module="staff_shipping.get_shipping_table",
            access=Access.STAFF,
            groups=GROUPS,
            summary="Get the shipping table, or an earlier version of it",
            response=_VIEW,
            unpaged="one document with the zones and methods of one carrier",
            reads=(Table.PRICING,),
        ),
        *with_patch(
            Endpoint(
                route="PUT /staff/shipping",
                module="staff_shipping.set_shipping_table",
                access=Access.STAFF,
                groups=GROUPS,
                summary="Replace the shipping table; effective everywhere within five seconds",
                versioned=True,
                request="shop.shipping.schemas:ShippingTableBody",
                response=_VIEW,
                writes=(Table.PRICING,),
            ),
            "Change fields of the shipping table; effective everywhere within five seconds",
        ),
        Endpoint(
            route="GET /staff/shipping/history",
            query=(limit(20, 20), CURSOR),
            module="staff_shipping.list_shipping_history",
            access=Access.STAFF,
            groups=GROUPS,
            summary="List the versions of the shipping table with actor and reason, newest first",
            response="shop.shipping.schemas:ShippingHistoryView",
            reads=(Table.PRICING,),
        ),
        Endpoint(
            route="POST /staff/shipping/try",
            module="staff_shipping.simulate_shipping",
            access=Access.STAFF,
            groups=GROUPS,
            summary="Calculate the shipping options of goods by the current table or a draft",
            request="shop.shipping.schemas:ShippingSimulationBody",
            response="shop.shipping.schemas:ShippingSimulationView",
            reads=(Table.PRICING,),
        ),
    ),
)
