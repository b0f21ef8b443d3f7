"""What must hold of the manifests before anything is laid out from them."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from functions.manifest import (
    Access,
    Compensation,
    Consumer,
    DefaultRoute,
    Endpoint,
    Feature,
    Function,
    Step,
    StreamReader,
)
from infra.parts.rights import ManifestRefused
from infra.parts.tables import SHAPES
from infra.stages import Stage

DOORS = Path(__file__).resolve().parents[2] / "functions"

ROUTES = 3_000
"""Characters. A Lambda's environment has 4 KB, its other settings have 1."""


def present(features: Iterable[Feature], stage: Stage) -> tuple[Feature, ...]:
    """The features a stage has. Raises :class:`ManifestRefused` with everything that is wrong."""
    here = tuple(f for f in features if f.stages is None or stage.name in f.stages)
    faults = list(_faults(here))
    if faults:
        raise ManifestRefused("\n".join(faults))
    return here


def lines(features: Iterable[Feature]) -> list[Function]:
    return [line for feature in features for line in feature.functions]


def dangling(features: Iterable[Feature]) -> Iterator[str]:
    """What a manifest names that is not there: files of Lambdas, and Lambdas that others invoke."""
    every = lines(features)
    modules = {line.module for line in every}
    for line in every:
        if not (DOORS / f"{line.module.replace('.', '/')}.py").is_file():
            yield f"{line.module}: there is no such file below functions/"
        for module in sorted(set(line.invokes) - modules):
            yield f"{line.module}: invokes {module}, which no manifest has"


def _faults(features: tuple[Feature, ...]) -> Iterator[str]:
    every = lines(features)
    yield from _twice("module", (line.module for line in every))
    yield from _twice("route", (_shape(x.route) for x in every if isinstance(x, Endpoint)))
    yield from _twice("route", ("$default" for x in every if isinstance(x, DefaultRoute)))
    if sum(len(x.route) + 1 for x in every if isinstance(x, Endpoint)) > ROUTES:
        yield f"all routes together exceed {ROUTES} characters; Otherwise has them in its settings"
    yield from _twice("consumer of queue", (x.queue for x in every if isinstance(x, Consumer)))
    yield from _twice("state", (x.name for x in every if isinstance(x, Step | Compensation)))
    for feature in features:
        for line in feature.functions:
            if line.module.partition(".")[0] != feature.name:
                yield f"{line.module}: is not in the folder of feature {feature.name}"
    for line in every:
        if len(f"doorbuster-local-{line.module}") > 64:
            yield f"{line.module}: the function's name would exceed Lambda's 64 characters"
        if isinstance(line, Endpoint):
            yield from _endpoint_faults(line)
        if isinstance(line, StreamReader) and not SHAPES[line.table].streams:
            yield f"{line.module}: table {line.table} has no stream"
        if isinstance(line, Step):
            if line.waits_for_token and line.deadline is None:
                yield f"{line.module}: waits without a deadline"
            if line.compensation and not any(
                isinstance(x, Compensation) and x.module == line.compensation for x in every
            ):
                yield f"{line.module}: its undo {line.compensation} is not an Undo line"


def _endpoint_faults(line: Endpoint) -> Iterator[str]:
    if not re.fullmatch(
        r"(GET|POST|PUT|PATCH|DELETE) (/[a-z0-9_.{}-]+)*/[a-z0-9_.{}-]+(\+\})?", line.route
    ):
        yield f"{line.module}: {line.route!r} is not a route"
    if (line.access is Access.STAFF) != bool(line.groups):
        yield f"{line.module}: groups go with STAFF, and STAFF with groups"
    for group in line.groups:
        # An HTTP API writes the groups claim as "[a b]": a space in a name would make two groups.
        if not re.fullmatch(r"[a-z0-9_-]+", group):
            yield f"{line.module}: group {group!r} has more than a-z, 0-9, _ and -"
    if line.cached and (line.method != "GET" or line.access is not Access.PUBLIC):
        yield f"{line.module}: only what everybody may GET can be cached"
    if line.shopper_facing and line.method != "GET" and line.switch is None:
        yield f"{line.module}: shoppers change something there, and no switch closes it"
    if line.peak and not line.shopper_facing:
        yield f"{line.module}: only what shoppers call is prepared for their rush"
    if line.timeout > 30:
        yield f"{line.module}: an HTTP API gives up after 30 s"


def _shape(route: str) -> str:
    return re.sub(r"\{[^}]*\}", "{}", route)


def _twice(what: str, values: Iterable[str]) -> Iterator[str]:
    for value, times in Counter(values).items():
        if times > 1:
            yield f"{what} {value} is there {times} times"
