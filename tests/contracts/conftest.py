"""Templates of all stages, read once."""

import copy
import json
from collections.abc import Mapping
from typing import Any

import pytest

from functions.all import FEATURES
from functions.manifest import Function
from infra.stages import STAGES, Stage
from tests.contracts.rules import MACHINE, lines_of
from tests.contracts.templates import Cloud, stacks_of


@pytest.fixture(params=list(STAGES))
def stage(request: pytest.FixtureRequest) -> Stage:
    """Each stage in turn."""
    name: str = request.param
    return STAGES[name]


@pytest.fixture
def cloud(stage: Stage) -> Cloud:
    return Cloud(stacks_of(stage))


@pytest.fixture
def lines(stage: Stage) -> Mapping[str, Function]:
    return lines_of(FEATURES, stage)


@pytest.fixture
def prod() -> Cloud:
    """Production's templates, to plant something in: a copy of one's own."""
    return Cloud(copy.deepcopy(stacks_of(STAGES["prod"])))


@pytest.fixture
def prod_lines() -> dict[str, Function]:
    return lines_of(FEATURES, STAGES["prod"])


def machine_of(cloud: Cloud) -> dict[str, Any]:
    """The order workflow's definition."""
    (machine,) = cloud.of(MACHINE)
    loaded: dict[str, Any] = json.loads(
        cloud.text(machine.stack, machine.properties["DefinitionString"])
    )
    return loaded
