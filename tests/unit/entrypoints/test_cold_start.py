"""What a cold start may cost: a guest's request pays for nothing it does not need.

Mostly counted, by the modules that a door loads, for these are the same on every machine. Time is
told as a ratio of CPU to a bare Lambda's (one PynamoDB row and its client), both taken in one run.
"""

import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.kit.shop import ENVIRONMENT

pytestmark = pytest.mark.slow

SHOP = Path(__file__).resolve().parents[3] / "layers/shared/python"
HEAVY = ("jwt", "cryptography", "boto3", "botocore.client", "pynamodb", "aws_xray_sdk", "stripe")
RARE = (
    "shop.entrypoints.platform_profiles",
    "shop.entrypoints.structured_fields",
    "http.client",
    "ssl",
)


def run(program: str) -> str:
    """What a new process prints, with a Lambda's environment."""
    more = {"SECRET_STRIPE_WEBHOOK": "stripe", "PYTHONPATH": f"{SHOP.parents[2]}:{SHOP}"}
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**ENVIRONMENT, **more},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def modules_after(statement: str) -> set[str]:
    return set(run(f"import sys\n{statement}\nprint(*sys.modules)").split())


def test_the_doorframe_brings_neither_tokens_nor_profiles_nor_aws() -> None:
    loaded = modules_after("import shop.entrypoints.http")
    assert loaded.isdisjoint(HEAVY)
    assert loaded.isdisjoint(RARE)


@pytest.mark.parametrize(
    "module", ["functions.discovery.get_business_profile", "functions.mcp.reject_stream"]
)
def test_the_light_doors_stay_light(module: str) -> None:
    assert modules_after(f"import {module}").isdisjoint(HEAVY)


def test_the_agents_door_brings_no_shapes_before_it_is_asked_for_them() -> None:
    loaded = modules_after("import functions.mcp.handle_mcp")
    assert loaded.isdisjoint({*HEAVY, "shop.checkout.schemas", "shop.catalog.schemas"})


CATALOGUE = ("catalog.search_catalog", "catalog.get_product", "catalog.lookup_catalog")
CARTS = ("cart.create_cart", "cart.update_cart")
TILLS = ("checkout.create_checkout", "checkout.update_checkout", "checkout.complete_checkout")
ORDER = "orders.get_order"
RECEIVERS = (
    "webhooks.receive_carrier_event",
    "sandbox.receive_payment_event",
    "stripe_webhook.receive_event",
)
APPLIERS = ("webhooks.apply_carrier_event", "webhooks.apply_payment_event")

NO_SHOPPERS = (
    *("nh3", "jwt", "cryptography", "boto3", "s3transfer", "stripe", "stdnum", "yaml"),
    *("aws_xray_sdk", "aiohttp", "httpx", "standardwebhooks"),
    *(
        "shop.entrypoints.platform_profiles",
        "shop.entrypoints.structured_fields",
        "shop.entrypoints.mcp",
        "shop.entrypoints.webhook",
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
"""What no shopper waits for: staff's shapes, other people's libraries, HTML, YAML, tokens."""
ENGINE = ("shop.pricing.model.engine", "shop.pricing.model.quote", "shop.pricing.actions.quotes")


def of_a_floor(loaded: Iterable[str], *floors: str) -> set[str]:
    return {module for module in loaded if module.startswith(tuple(f"shop.{f}." for f in floors))}


def door(name: str) -> set[str]:
    return modules_after(f"import functions.{name}")


@pytest.mark.parametrize("name", [*CATALOGUE, *CARTS, *TILLS, ORDER])
def test_no_shopper_waits_for_what_staff_or_machines_need(name: str) -> None:
    assert door(name).isdisjoint(NO_SHOPPERS)


@pytest.mark.parametrize("name", CATALOGUE)
def test_looking_around_starts_without_the_pricing_engine_and_whatever_is_bought_with(
    name: str,
) -> None:
    loaded = door(name)
    assert loaded.isdisjoint(ENGINE)
    assert not of_a_floor(loaded, "cart", "orders", "checkout", "payments", "shipping", "peak")


@pytest.mark.parametrize("name", CARTS)
def test_a_cart_starts_without_the_till(name: str) -> None:
    loaded = door(name)
    assert loaded.isdisjoint(("shop.orders.actions.payments", "shop.payments.gateway"))
    assert not of_a_floor(loaded, "checkout", "shipping", "peak")


def test_an_order_is_looked_at_without_prices_goods_or_shapes() -> None:
    loaded = door(ORDER)
    assert not of_a_floor(loaded, "pricing", "catalog", "cart", "checkout", "shipping", "peak")
    assert loaded.isdisjoint(("pydantic", "zoneinfo"))


@pytest.mark.parametrize("name", RECEIVERS)
def test_what_takes_deliveries_in_knows_no_table(name: str) -> None:
    loaded = door(name)
    assert not of_a_floor(loaded, "pricing", "catalog", "cart", "checkout", "shipping", "storage")
    assert loaded.isdisjoint(("pynamodb", "botocore.client", "boto3", "stripe", "nh3"))


@pytest.mark.parametrize("name", APPLIERS)
def test_what_applies_deliveries_knows_no_goods_and_no_engine(name: str) -> None:
    loaded = door(name)
    assert not of_a_floor(loaded, "catalog", "cart", "checkout", "shipping")
    assert loaded.isdisjoint((*ENGINE, "boto3", "stripe", "nh3"))


SHOPS_MODULES = {
    **dict.fromkeys(CATALOGUE, 105),
    **dict.fromkeys(CARTS, 145),
    **dict.fromkeys(TILLS, 208),
    ORDER: 50,
}
"""Modules of the shop's own that a door may load; each costs some 0.5 ms."""


@pytest.mark.parametrize("name", SHOPS_MODULES)
def test_a_door_loads_no_more_of_the_shop_than_this(name: str) -> None:
    ours = {module for module in door(name) if module.startswith("shop.")}
    assert len(ours) <= SHOPS_MODULES[name], sorted(ours)


@pytest.mark.parametrize("name", [*CATALOGUE, *CARTS, *TILLS])
def test_no_shape_is_built_before_it_is_needed(name: str) -> None:
    built = modules_after(
        f"""import functions.{name}
from pydantic import BaseModel
def below(shape):
    for each in shape.__subclasses__():
        yield each
        yield from below(each)
sys.modules = {{
    f"BUILT:{{s.__module__}}.{{s.__name__}}": s
    for s in below(BaseModel)
    if s.__module__.startswith("shop.") and s.__pydantic_complete__
}}
"""
    )
    assert built == set()


BARE = """
from pynamodb.attributes import UnicodeAttribute
from pynamodb.models import Model
class Row(Model):
    class Meta:
        table_name = "bare"
        region = "us-east-1"
    pk = UnicodeAttribute(hash_key=True)
Row._get_connection().connection.client
"""
TIMES_BARE = {
    **dict.fromkeys(CATALOGUE, 1.65),
    **dict.fromkeys(CARTS, 1.75),
    **dict.fromkeys(TILLS, 1.8),
    ORDER: 1.1,
}
"""Measured 1.42, 1.5, 1.55 and 0.9, with a sixth on top for a machine that is busy."""


def cpu(statement: str) -> float:
    """Seconds of CPU that a new process spends on it."""
    taken = "resource.getrusage(resource.RUSAGE_SELF)"
    used = "after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime"
    program = f"before = {taken}\n{statement}\nafter = {taken}\nprint({used})"
    return float(run(f"import resource\n{program}"))


def test_no_door_takes_much_longer_than_a_bare_lambda() -> None:
    programs = {"bare": BARE, **{name: f"import functions.{name}" for name in TIMES_BARE}}
    # The least of three: whatever else runs on a machine can only add.
    least = {
        name: min(seconds)
        for name, seconds in zip(
            programs,
            zip(*([cpu(p) for p in programs.values()] for _ in range(3)), strict=True),
            strict=True,
        )
    }
    ratios = {name: round(least[name] / least["bare"], 2) for name in TIMES_BARE}
    assert {n: r for n, r in ratios.items() if r > TIMES_BARE[n]} == {}, ratios
