"""Settings of all tests: a Lambda's environment, and the selection of quick tests."""

import gc
import os

import pytest
from hypothesis import HealthCheck, settings

from tests.kit.shop import ENVIRONMENT

for _name, _value in ENVIRONMENT.items():
    os.environ.setdefault(_name, _value)

STORE_PARAMETERS = {"dynamo", "sandbox"}
"""Parameters that run the suite of a port on its store over moto instead of on its double."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--everything",
        action="store_true",
        help="run slow unit tests and the suites of the stores as well",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Use few Hypothesis examples by default, and prepare moto for the slow tests.

    A test with its own number of examples is not affected. No profile has a deadline for an
    example or for generating one: a busy machine may need any time.
    """
    settings.register_profile(
        "everything", deadline=None, suppress_health_check=[HealthCheck.too_slow]
    )
    settings.register_profile("quick", settings.get_profile("everything"), max_examples=20)
    if not config.getoption("--everything"):
        settings.load_profile("quick")
        return
    settings.load_profile("everything")
    # moto intercepts only clients that are created after its import.
    import moto  # noqa: F401  lazy: the quick tests need no moto, and it takes half a second


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect slow unit tests unless ``--everything`` is set, as `make test` does.

    The unit tests run after every change, so all of them together must take seconds.
    """
    if config.getoption("--everything"):
        return
    slow = [item for item in items if "unit" in item.path.parts and _is_slow(item)]
    if slow:
        config.hook.pytest_deselected(items=slow)
        items[:] = [item for item in items if item not in set(slow)]


def pytest_collection_finish() -> None:
    """Exclude modules and tests from garbage collection: a tenth of the time of the unit tests.

    They live as long as the process, and each full collection would traverse all of them.
    """
    gc.collect()
    gc.freeze()


def _is_slow(item: pytest.Item) -> bool:
    parameters = getattr(item, "callspec", None)
    return item.get_closest_marker("slow") is not None or (
        parameters is not None
        and any(
            value in STORE_PARAMETERS
            for value in parameters.params.values()
            if isinstance(value, str)
        )
    )
