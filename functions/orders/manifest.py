"""Endpoints of orders, for customers and guests."""

from functions.manifest import Access, Endpoint, Feature, Switch, Table
from functions.query_parameters import ORDERS_PAGE

FEATURE = Feature(
    "orders",
    (
        Endpoint(
            route="GET /orders/{id}",
            switch=Switch.ORDERS,
            module="orders.get_order",
            access=Access.SHOPPER,
            summary="Get an order with its lines, parcels, adjustments and totals",
            capability="dev.ucp.shopping.order",
            response="ucp:shopping/order.json",
            reads=(Table.ORDERS,),
        ),
        Endpoint(
            route="GET /account/orders",
            query=ORDERS_PAGE,
            switch=Switch.ORDERS,
            module="orders.list_my_orders",
            access=Access.CUSTOMER,
            summary="List the signed-in customer's orders, newest first",
            response="shop.orders.schemas.order_list:OrderList",
            reads=(Table.ORDERS,),
        ),
    ),
)
