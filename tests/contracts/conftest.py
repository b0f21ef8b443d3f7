"""Fixtures: the templates and manifest entries of all stages, read once."""

import copy
import json
from collections.abc import Mapping
from typing import Any

import pytest

from functions.all import FEATURES
from functions.manifest import Function
from infra.stages import STAGES, Stage
from tests.contracts.rules import MACHINE, entries_of
from tests.contracts.templates import Cloud, stacks_of


@pytest.fixture(params=list(STAGES))
def stage(request: pytest.FixtureRequest) -> Stage:
    """Return each stage in turn."""
    name: str = request.param
    return STAGES[name]


@pytest.fixture
def cloud(stage: Stage) -> Cloud:
    return Cloud(stacks_of(stage))


@pytest.fixture
def entries(stage: Stage) -> Mapping[str, Function]:
    return entries_of(FEATURES, stage)


@pytest.fixture
def prod() -> Cloud:
    """Return a copy of production's templates, which a test may change."""
    return Cloud(copy.deepcopy(stacks_of(STAGES["prod"])))


@pytest.fixture
def prod_entries() -> dict[str, Function]:
    return entries_of(FEATURES, STAGES["prod"])


def machine_of(cloud: Cloud) -> dict[str, Any]:
    """Return the definition of the order workflow."""
    (order,) = [
        definition for name, definition in machines_of(cloud).items() if name.endswith("-order")
    ]
    return order


def machines_of(cloud: Cloud) -> dict[str, dict[str, Any]]:
    """Return the definitions of all state machines by name."""
    return {
        machine.properties["StateMachineName"]: json.loads(
            cloud.text(machine.stack, machine.properties["DefinitionString"])
        )
        for machine in cloud.of(MACHINE)
    }
