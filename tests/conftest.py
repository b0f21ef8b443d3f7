"""What all tests share: the environment that a Lambda would be given, and what is quick."""

import os

import pytest
from hypothesis import settings

from tests.kit.shop import ENVIRONMENT

for _name, _value in ENVIRONMENT.items():
    os.environ.setdefault(_name, _value)

ON_TABLES = {"dynamo", "sandbox"}
"""Parameters that run a port's suite on the store, over moto, and not on the double."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--everything",
        action="store_true",
        help="unit tests also on the stores, and those that take seconds",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Fewer examples where nothing else is asked for; what states its own number keeps it."""
    settings.register_profile("quick", max_examples=20)
    if not config.getoption("--everything"):
        settings.load_profile("quick")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out of the unit tests what is not quick, unless everything is asked for.

    Unit tests are to be run after every change, so all of them together take seconds: the ports'
    suites run on the doubles. `make test` runs everything.
    """
    if config.getoption("--everything"):
        return
    slow = [item for item in items if "unit" in item.path.parts and _takes_its_time(item)]
    if slow:
        config.hook.pytest_deselected(items=slow)
        items[:] = [item for item in items if item not in set(slow)]


def _takes_its_time(item: pytest.Item) -> bool:
    parameters = getattr(item, "callspec", None)
    return item.get_closest_marker("slow") is not None or (
        parameters is not None
        and any(
            value in ON_TABLES for value in parameters.params.values() if isinstance(value, str)
        )
    )
