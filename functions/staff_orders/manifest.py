"""Endpoints of orders, for staff."""

from functions.manifest import Access, Endpoint, Feature, Secret, Table
from functions.query_parameters import DAY, ORDER_STATUSES, ORDERS_PAGE, PAGE, status

GROUPS = ("staff", "fulfilment")

FEATURE = Feature(
    "staff_orders",
    (
        Endpoint(
            route="GET /staff/orders",
            query=(DAY, status(*ORDER_STATUSES), *ORDERS_PAGE),
            module="staff_orders.list_orders",
            access=Access.STAFF,
            groups=GROUPS,
            summary="List a day's orders, newest first",
            response="shop.orders.schemas.order_list:OrderList",
            reads=(Table.ORDERS,),
        ),
        Endpoint(
            route="GET /staff/parked-events",
            query=PAGE,
            module="staff_orders.list_parked_events",
            access=Access.STAFF,
            groups=GROUPS,
            summary="List tracking events of carriers for unknown parcels",
            response="shop.orders.schemas.parked_events:ParkedEventListView",
            reads=(Table.ORDERS,),
        ),
        Endpoint(
            route="GET /staff/orders/{id}",
            module="staff_orders.get_order",
            access=Access.STAFF,
            groups=GROUPS,
            summary="Get an order with its payment, history and price calculation",
            response="shop.orders.schemas.pricing:PricedOrderView",
            reads=(Table.ORDERS,),
        ),
        Endpoint(
            route="POST /staff/orders/{id}/parcels",
            module="staff_orders.create_shipment",
            access=Access.STAFF,
            groups=GROUPS,
            summary="Create a parcel with all unshipped pieces of an order, or some of them",
            request="shop.orders.schemas.staff_requests:ParcelRequest",
            response="shop.orders.schemas.staff:StaffOrder",
            status=201,
            accepts_idempotency_key=True,
            writes=(Table.ORDERS, Table.INVENTORY, Table.SESSIONS),
            secrets=(Secret.CARRIER_WEBHOOK,),
        ),
        Endpoint(
            route="POST /staff/orders/{id}/parcels/{number}/events",
            module="staff_orders.report_shipment",
            access=Access.STAFF,
            groups=GROUPS,
            summary="Report the status of a parcel by hand, such as delivered or lost",
            requires_idempotency_key=True,
            request="shop.orders.schemas.staff_requests:ShipmentReport",
            response="shop.orders.schemas.staff:StaffOrder",
            status=201,
            writes=(Table.ORDERS,),
        ),
        Endpoint(
            route="POST /staff/orders/{id}/cancel",
            module="staff_orders.cancel_order",
            access=Access.STAFF,
            groups=GROUPS,
            summary="Cancel an order, or its unshipped pieces; release stock and refund money",
            request="shop.orders.schemas.staff_requests:CancelRequest",
            response="shop.orders.schemas.staff:StaffOrder",
            writes=(Table.ORDERS, Table.INVENTORY, Table.PRICING, Table.CREDITS),
        ),
        Endpoint(
            route="POST /staff/orders/{id}/returns",
            module="staff_orders.create_return",
            access=Access.STAFF,
            groups=GROUPS,
            summary="Record a return; refund money, reverse points and credits, restock by choice",
            requires_idempotency_key=True,
            request="shop.orders.schemas.staff_requests:ReturnRequest",
            response="shop.orders.schemas.staff:StaffOrder",
            status=201,
            writes=(Table.ORDERS, Table.INVENTORY, Table.SESSIONS),
        ),
    ),
)
