"""What importing the doorframe may cost: a guest's request pays for nothing it does not need."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.kit.shop import ENVIRONMENT

pytestmark = pytest.mark.slow

SHOP = Path(__file__).resolve().parents[3] / "layers/shared/python"
HEAVY = ("jwt", "cryptography", "boto3", "botocore.client", "pynamodb", "aws_xray_sdk", "stripe")
RARE = ("shop.edge.profiles", "shop.edge.structured", "http.client", "ssl")


def modules_after(statement: str) -> set[str]:
    program = f"import sys\n{statement}\nprint(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**ENVIRONMENT, "PYTHONPATH": f"{SHOP.parents[2]}:{SHOP}"},
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stdout.split())


def test_the_doorframe_brings_neither_tokens_nor_profiles_nor_aws() -> None:
    loaded = modules_after("import shop.edge.http")
    assert loaded.isdisjoint(HEAVY)
    assert loaded.isdisjoint(RARE)


@pytest.mark.parametrize(
    "module", ["functions.discovery.business_profile", "functions.agents.no_stream"]
)
def test_the_light_doors_stay_light(module: str) -> None:
    assert modules_after(f"import {module}").isdisjoint(HEAVY)


def test_the_agents_door_brings_no_shapes_before_it_is_asked_for_them() -> None:
    loaded = modules_after("import functions.agents.serve_tools")
    assert loaded.isdisjoint({*HEAVY, "shop.checkout.wire", "shop.catalog.wire"})
