"""POST /mcp: the shop as tools for AI agents. Each tool is an endpoint, invoked as it stands."""

from importlib import import_module
from typing import Any

from shop.entrypoints.mcp import Tool, build_mcp_handler, lambda_invoker
from shop.entrypoints.ucp import CART, CATALOG_LOOKUP, CATALOG_SEARCH, CHECKOUT, ORDER

TOOLS = (
    Tool(
        "search_catalog",
        "Search products by words, category and price. Prices are in minor units (1299 = 12.99).",
        "catalog.search_catalog",
        "POST /catalog/search",
        CATALOG_SEARCH,
        "catalog",
        "shop.catalog.schemas.storefront:SearchRequest",
    ),
    Tool(
        "lookup_catalog",
        "Look up several products or variants by id.",
        "catalog.lookup_catalog",
        "POST /catalog/lookup",
        CATALOG_LOOKUP,
        "catalog",
        "shop.catalog.schemas.storefront:LookupRequest",
    ),
    Tool(
        "get_product",
        "Everything about one product: variants, options, prices, availability.",
        "catalog.get_product",
        "POST /catalog/product",
        CATALOG_LOOKUP,
        "catalog",
        "shop.catalog.schemas.storefront:ProductRequest",
    ),
    Tool(
        "create_cart",
        "Begin a cart with variants and quantities. It is kept for some days; remember its id.",
        "cart.create_cart",
        "POST /carts",
        payload="cart",
        shape="shop.cart.schemas:CartRequest",
        capability=CART,
    ),
    Tool(
        "get_cart",
        "Look at a cart at today's prices.",
        "cart.get_cart",
        "GET /carts/{id}",
        capability=CART,
    ),
    Tool(
        "update_cart",
        "Replace what is in a cart: send all lines that it is to have.",
        "cart.update_cart",
        "PUT /carts/{id}",
        payload="cart",
        shape="shop.cart.schemas:CartRequest",
        capability=CART,
    ),
    Tool(
        "cancel_cart",
        "Leave a cart for good.",
        "cart.cancel_cart",
        "POST /carts/{id}/cancel",
        accepts_idempotency_key=True,
        capability=CART,
    ),
    Tool(
        "create_checkout",
        "Begin a checkout, from lines or from a cart_id. Its messages say what it still needs;"
        " it expires after some hours.",
        "checkout.create_checkout",
        "POST /checkout-sessions",
        payload="checkout",
        shape="shop.checkout.schemas:CheckoutCreateRequest",
        capability=CHECKOUT,
    ),
    Tool(
        "get_checkout",
        "Look at a checkout: status, totals, shipping options, messages.",
        "checkout.get_checkout",
        "GET /checkout-sessions/{id}",
        capability=CHECKOUT,
    ),
    Tool(
        "update_checkout",
        "Replace what a checkout is: send lines, buyer, address and shipping option all together.",
        "checkout.update_checkout",
        "PUT /checkout-sessions/{id}",
        payload="checkout",
        shape="shop.checkout.schemas:CheckoutUpdateRequest",
        capability=CHECKOUT,
    ),
    Tool(
        "complete_checkout",
        "Buy: place the order and pay with a token of one of the checkout's payment handlers."
        " Ask the buyer first.",
        "checkout.complete_checkout",
        "POST /checkout-sessions/{id}/complete",
        payload="checkout",
        shape="shop.checkout.schemas:CompleteRequest",
        accepts_idempotency_key=True,
        capability=CHECKOUT,
    ),
    Tool(
        "cancel_checkout",
        "Leave a checkout for good; what it held goes back.",
        "checkout.cancel_checkout",
        "POST /checkout-sessions/{id}/cancel",
        accepts_idempotency_key=True,
        capability=CHECKOUT,
    ),
    Tool(
        "get_order",
        "An order as it stands: lines, parcels and where they are, refunds, totals.",
        "orders.get_order",
        "GET /orders/{id}",
        ORDER,
    ),
)


def schema_of(shape: str) -> dict[str, Any]:
    """The JSON schema of a request, from the class that will read it."""
    module, name = shape.split(":")
    schema: dict[str, Any] = getattr(import_module(module), name).model_json_schema()
    return schema


handler = build_mcp_handler(
    TOOLS,
    name="doorbuster",
    instructions=(
        "An online shop. Search the catalogue, fill a cart or begin a checkout, add the buyer's"
        " e-mail and shipping address, choose a shipping option, then complete the checkout with a"
        " payment token. Amounts are whole minor units of the currency. Where an answer holds"
        " messages, read them: they say what is missing or went wrong."
    ),
    call=lambda_invoker(),
    schema_of=schema_of,
)
