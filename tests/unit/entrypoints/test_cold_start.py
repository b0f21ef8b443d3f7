"""Cold starts: a handler loads only the modules that its requests need.

Modules are counted, because their number is the same on every machine. ``bench.cold_start``
measures the CPU time.
"""

import subprocess
import sys
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import pytest

from tests.kit.shop import ENVIRONMENT

pytestmark = pytest.mark.slow

LAYER = Path(__file__).resolve().parents[3] / "layers/shared/python"
ROOT = LAYER.parents[2]

HEAVY = ("jwt", "cryptography", "boto3", "botocore.client", "pynamodb", "aws_xray_sdk", "stripe")
"""Modules that cost a cold start tens of milliseconds each."""
AGENTS_ONLY = (
    "shop.entrypoints.platform_profiles",
    "shop.entrypoints.profile_fetch",
    "shop.entrypoints.structured_fields",
    "http.client",
    "ssl",
)


def output_of(program: str) -> str:
    """Run a program in a new process with a Lambda's environment; return its output."""
    settings = {"SECRET_STRIPE_WEBHOOK": "stripe", "PYTHONPATH": f"{ROOT}:{LAYER}"}
    result = subprocess.run(
        [sys.executable, "-c", program],
        env={**ENVIRONMENT, **settings},
        capture_output=True,
        text=True,
        check=True,
    )
    return result.stdout


@cache
def modules_after(statement: str) -> frozenset[str]:
    """Return the modules that a new process has loaded after a statement, once per statement."""
    return frozenset(output_of(f"import sys\n{statement}\nprint(*sys.modules)").split())


def modules_of(handler: str) -> frozenset[str]:
    return modules_after(f"import functions.{handler}")


def of_capabilities(modules: Iterable[str], *capabilities: str) -> set[str]:
    prefixes = tuple(f"shop.{capability}." for capability in capabilities)
    return {module for module in modules if module.startswith(prefixes)}


def test_http_adapter_loads_no_token_profile_or_aws_library() -> None:
    modules = modules_after("import shop.entrypoints.http")
    assert modules.isdisjoint(HEAVY)
    assert modules.isdisjoint(AGENTS_ONLY)


@pytest.mark.parametrize(
    "handler",
    [
        "discovery.get_business_profile",
        "discovery.get_openapi",
        "discovery.get_reference",
        "mcp.reject_stream",
    ],
)
def test_static_handlers_load_no_heavy_library(handler: str) -> None:
    assert modules_of(handler).isdisjoint(HEAVY)


def test_mcp_handler_loads_schemas_only_on_request() -> None:
    modules = modules_of("mcp.handle_mcp")
    assert modules.isdisjoint({*HEAVY, "shop.checkout.schemas", "shop.catalog.schemas"})


CATALOG = ("catalog.search_catalog", "catalog.get_product", "catalog.lookup_catalog")
CARTS = ("cart.create_cart", "cart.update_cart")
CHECKOUTS = (
    "checkout.create_checkout",
    "checkout.update_checkout",
    "checkout.complete_checkout",
)
ORDER = "orders.get_order"
WEBHOOK_RECEIVERS = (
    "webhooks.receive_carrier_event",
    "sandbox.receive_payment_event",
    "stripe_webhook.receive_event",
)
WEBHOOK_CONSUMERS = ("webhooks.apply_carrier_event", "webhooks.apply_payment_event")

STAFF_AND_MACHINES_ONLY = (
    *("nh3", "jwt", "cryptography", "boto3", "s3transfer", "stripe", "stdnum", "yaml"),
    *("aws_xray_sdk", "aiohttp", "httpx", "standardwebhooks"),
    *(
        "shop.entrypoints.platform_profiles",
        "shop.entrypoints.profile_fetch",
        "shop.entrypoints.structured_fields",
        "shop.entrypoints.mcp",
        "shop.entrypoints.webhook",
        "shop.entrypoints.business_profile",
    ),
    *(
        "shop.catalog.schemas.admin",
        "shop.catalog.schemas.html_sanitizer",
        "shop.catalog.schemas.shopify",
    ),
    *("shop.catalog.actions.product_admin", "shop.catalog.actions.importing"),
    *("shop.pricing.schemas", "shop.pricing.model.validation", "shop.pricing.model.quote_diff"),
    *("shop.pricing.store.promotions", "shop.pricing.store.price_lists"),
    *("shop.orders.schemas.staff", "shop.peak.schemas.waiting_rooms", "shop.peak.store.capacity"),
)
"""Staff schemas and actions, HTML, YAML, tokens, and libraries of third parties."""
PRICING_ENGINE = (
    "shop.pricing.model.engine",
    "shop.pricing.model.quote",
    "shop.pricing.actions.quotes",
)


@pytest.mark.parametrize("handler", [*CATALOG, *CARTS, *CHECKOUTS, ORDER])
def test_storefront_handlers_load_nothing_for_staff_or_machines(handler: str) -> None:
    assert modules_of(handler).isdisjoint(STAFF_AND_MACHINES_ONLY)


@pytest.mark.parametrize("handler", CATALOG)
def test_catalog_handlers_load_no_pricing_engine_and_no_purchase(handler: str) -> None:
    modules = modules_of(handler)
    assert modules.isdisjoint(PRICING_ENGINE)
    assert not of_capabilities(
        modules, "cart", "orders", "checkout", "payments", "shipping", "peak"
    )


@pytest.mark.parametrize("handler", CARTS)
def test_cart_handlers_load_no_checkout(handler: str) -> None:
    modules = modules_of(handler)
    assert modules.isdisjoint(("shop.orders.actions.payments", "shop.payments.gateway"))
    assert not of_capabilities(modules, "checkout", "shipping", "peak")


def test_order_handler_loads_no_pricing_catalog_or_pydantic() -> None:
    modules = modules_of(ORDER)
    assert not of_capabilities(
        modules, "pricing", "catalog", "cart", "checkout", "shipping", "peak"
    )
    assert modules.isdisjoint(("pydantic", "zoneinfo"))


@pytest.mark.parametrize("handler", WEBHOOK_RECEIVERS)
def test_webhook_receivers_load_no_storage(handler: str) -> None:
    modules = modules_of(handler)
    assert not of_capabilities(
        modules, "pricing", "catalog", "cart", "checkout", "shipping", "storage"
    )
    assert modules.isdisjoint(("pynamodb", "botocore.client", "boto3", "stripe", "nh3"))


@pytest.mark.parametrize("handler", WEBHOOK_CONSUMERS)
def test_webhook_consumers_load_no_catalog_and_no_pricing_engine(handler: str) -> None:
    modules = modules_of(handler)
    assert not of_capabilities(modules, "catalog", "cart", "checkout", "shipping")
    assert modules.isdisjoint((*PRICING_ENGINE, "boto3", "stripe", "nh3"))


MAX_SHOP_MODULES = {
    **dict.fromkeys(CATALOG, 111),
    **dict.fromkeys(CARTS, 161),
    "checkout.create_checkout": 207,
    "checkout.update_checkout": 206,
    "checkout.complete_checkout": 230,
    ORDER: 54,
}
"""Modules of the ``shop`` package that a handler may load; each costs about 0.5 ms."""


@pytest.mark.parametrize("handler", MAX_SHOP_MODULES)
def test_handler_loads_at_most_this_many_shop_modules(handler: str) -> None:
    modules = {module for module in modules_of(handler) if module.startswith("shop.")}
    assert len(modules) <= MAX_SHOP_MODULES[handler], f"{handler} loads {len(modules)}"


@pytest.mark.parametrize("handler", [*CATALOG, *CARTS, *CHECKOUTS])
def test_no_pydantic_schema_is_built_before_its_first_use(handler: str) -> None:
    built = modules_after(
        f"""import functions.{handler}
from pydantic import BaseModel
def subclasses(schema):
    for each in schema.__subclasses__():
        yield each
        yield from subclasses(each)
sys.modules = {{
    f"BUILT:{{s.__module__}}.{{s.__name__}}": s
    for s in subclasses(BaseModel)
    if s.__module__.startswith("shop.") and s.__pydantic_complete__
}}
"""
    )
    assert built == set()
