"""What staff do with shipping: where the shop sends, which ways, and what they cost."""

from functions.manifest import Access, Endpoint, Feature, Table
from functions.query_parameters import CURSOR, limit, version

GROUPS = ("staff", "catalogue")
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
            summary="The shipping table",
            response=_VIEW,
            reads=(Table.PRICING,),
        ),
        Endpoint(
            route="PUT /staff/shipping",
            module="staff_shipping.set_shipping_table",
            access=Access.STAFF,
            groups=GROUPS,
            summary="Put another shipping table in force: zones, methods, rates, distances;"
            " everywhere within five seconds",
            request="shop.shipping.schemas:ShippingTableBody",
            response=_VIEW,
            writes=(Table.PRICING,),
        ),
        Endpoint(
            route="GET /staff/shipping/history",
            query=(limit(20, 20), CURSOR),
            module="staff_shipping.list_shipping_history",
            access=Access.STAFF,
            groups=GROUPS,
            summary="Who changed the shipping table, when and why, newest first",
            response="shop.shipping.schemas:ShippingHistoryView",
            reads=(Table.PRICING,),
        ),
        Endpoint(
            route="POST /staff/shipping/try",
            module="staff_shipping.simulate_shipping",
            access=Access.STAFF,
            groups=GROUPS,
            summary="What ways some goods have to a place, by the table in force or by a draft",
            request="shop.shipping.schemas:ShippingSimulationBody",
            response="shop.shipping.schemas:ShippingSimulationView",
            reads=(Table.PRICING,),
        ),
    ),
)
