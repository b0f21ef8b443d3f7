"""POST /mcp: the endpoints of the shop as tools for AI agents. Each tool invokes one Lambda."""

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
        "Get one product: variants, options, prices, availability.",
        "catalog.get_product",
        "POST /catalog/product",
        CATALOG_LOOKUP,
        "catalog",
        "shop.catalog.schemas.storefront:ProductRequest",
    ),
    Tool(
        "create_cart",
        "Create a cart with variants and quantities. It expires after some days; store its id.",
        "cart.create_cart",
        "POST /carts",
        payload="cart",
        shape="shop.cart.schemas:CartRequest",
        capability=CART,
    ),
    Tool(
        "get_cart",
        "Get a cart at current prices.",
        "cart.get_cart",
        "GET /carts/{id}",
        capability=CART,
    ),
    Tool(
        "update_cart",
        "Replace the contents of a cart: send all its lines.",
        "cart.update_cart",
        "PUT /carts/{id}",
        payload="cart",
        shape="shop.cart.schemas:CartRequest",
        capability=CART,
    ),
    Tool(
        "cancel_cart",
        "Cancel a cart permanently.",
        "cart.cancel_cart",
        "POST /carts/{id}/cancel",
        accepts_idempotency_key=True,
        capability=CART,
    ),
    Tool(
        "create_checkout",
        "Create a checkout from lines or from a cart_id. Its messages name missing data."
        " It expires after some hours.",
        "checkout.create_checkout",
        "POST /checkout-sessions",
        payload="checkout",
        shape="shop.checkout.schemas:CheckoutCreateRequest",
        capability=CHECKOUT,
    ),
    Tool(
        "get_checkout",
        "Get a checkout: status, totals, shipping options, messages.",
        "checkout.get_checkout",
        "GET /checkout-sessions/{id}",
        capability=CHECKOUT,
    ),
    Tool(
        "update_checkout",
        "Replace a checkout: send lines, buyer, address and shipping option together.",
        "checkout.update_checkout",
        "PUT /checkout-sessions/{id}",
        payload="checkout",
        shape="shop.checkout.schemas:CheckoutUpdateRequest",
        capability=CHECKOUT,
    ),
    Tool(
        "complete_checkout",
        "Place the order and pay with a token of one of the checkout's payment handlers."
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
        "Cancel a checkout permanently. Its unpaid order is cancelled and the stock released.",
        "checkout.cancel_checkout",
        "POST /checkout-sessions/{id}/cancel",
        accepts_idempotency_key=True,
        capability=CHECKOUT,
    ),
    Tool(
        "get_order",
        "Get the current state of an order: lines, parcels and tracking, refunds, totals.",
        "orders.get_order",
        "GET /orders/{id}",
        ORDER,
    ),
)


def schema_of(shape: str) -> dict[str, Any]:
    """Return the JSON schema of a request from its class, named ``module:class``."""
    # Imported only when an agent lists the tools: a tool call needs no schema.
    module, name = shape.split(":")
    schema: dict[str, Any] = getattr(import_module(module), name).model_json_schema()
    return schema


handler = build_mcp_handler(
    TOOLS,
    name="doorbuster",
    instructions=(
        "An online shop. Search the catalog, fill a cart or create a checkout, add the buyer's"
        " e-mail and shipping address, choose a shipping option, then complete the checkout with a"
        " payment token. Amounts are whole minor units of the currency. If a result has messages,"
        " read them: they name missing data and errors."
    ),
    call=lambda_invoker(),
    schema_of=schema_of,
)
