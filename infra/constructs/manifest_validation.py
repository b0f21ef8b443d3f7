"""Rules of the manifests, checked before stacks are built from them."""

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
    JobStep,
    Step,
    StreamReader,
)
from infra.constructs.iam import InvalidManifest
from infra.constructs.tables import TABLE_SCHEMAS
from infra.stages import Stage

FUNCTIONS_DIRECTORY = Path(__file__).resolve().parents[2] / "functions"


def features_in_stage(features: Iterable[Feature], stage: Stage) -> tuple[Feature, ...]:
    """Return the features of a stage. Raises :class:`InvalidManifest` with all problems."""
    present = tuple(f for f in features if f.stages is None or stage.name in f.stages)
    problems = list(_problems(present))
    if problems:
        raise InvalidManifest("\n".join(problems))
    return present


def manifest_entries(features: Iterable[Feature]) -> list[Function]:
    return [entry for feature in features for entry in feature.functions]


def missing_references(features: Iterable[Feature]) -> Iterator[str]:
    """Yield the missing files of Lambdas, and the missing Lambdas that others invoke."""
    entries = manifest_entries(features)
    modules = {entry.module for entry in entries}
    for entry in entries:
        if not (FUNCTIONS_DIRECTORY / f"{entry.module.replace('.', '/')}.py").is_file():
            yield f"{entry.module}: its file is missing below functions/"
        for module in sorted(set(entry.invokes) - modules):
            yield f"{entry.module}: invokes {module}, which no manifest has"


def _problems(features: tuple[Feature, ...]) -> Iterator[str]:
    entries = manifest_entries(features)
    yield from _duplicates("module", (entry.module for entry in entries))
    routes = [x.route for x in entries if isinstance(x, Endpoint)]
    yield from _duplicates("route", map(_without_names, routes))
    yield from _duplicates("route", ("$default" for x in entries if isinstance(x, DefaultRoute)))
    yield from _duplicates(
        "consumer of queue", (x.queue for x in entries if isinstance(x, Consumer))
    )
    states = (x.name for x in entries if isinstance(x, Step | Compensation | JobStep))
    yield from _duplicates("state", states)
    for feature in features:
        for entry in feature.functions:
            if entry.module.partition(".")[0] != feature.name:
                yield f"{entry.module}: is not in the folder of feature {feature.name}"
    for entry in entries:
        if len(f"doorbuster-local-{entry.module}") > 64:
            yield f"{entry.module}: the function's name would exceed Lambda's 64 characters"
        if isinstance(entry, Endpoint):
            yield from _endpoint_problems(entry)
        if isinstance(entry, StreamReader) and not TABLE_SCHEMAS[entry.table].streams:
            yield f"{entry.module}: table {entry.table} has no stream"
        if isinstance(entry, Step):
            if entry.waits_for_token and entry.deadline is None:
                yield f"{entry.module}: waits without a deadline"
            if entry.compensation and not any(
                isinstance(x, Compensation) and x.module == entry.compensation for x in entries
            ):
                yield f"{entry.module}: {entry.compensation} is not a Compensation entry"


def _endpoint_problems(entry: Endpoint) -> Iterator[str]:
    if not re.fullmatch(
        r"(GET|POST|PUT|PATCH|DELETE) (/[a-z0-9_.{}-]+)*/[a-z0-9_.{}-]+(\+\})?", entry.route
    ):
        yield f"{entry.module}: {entry.route!r} is not a route"
    if (entry.access is Access.STAFF) != bool(entry.groups):
        yield f"{entry.module}: STAFF requires groups, and groups require STAFF"
    for group in entry.groups:
        # An HTTP API writes the groups claim as "[a b]": a space in a name would make two groups.
        if not re.fullmatch(r"[a-z0-9_-]+", group):
            yield f"{entry.module}: group {group!r} may contain a-z, 0-9, _ and - only"
    if entry.cached and (entry.method != "GET" or entry.access is not Access.PUBLIC):
        yield f"{entry.module}: only a public GET can be cached"
    if entry.shopper_facing and entry.method != "GET" and entry.switch is None:
        yield f"{entry.module}: shoppers write data, so it needs a kill switch"
    if entry.peak and not entry.shopper_facing:
        yield f"{entry.module}: only shopper-facing endpoints may have a peak"
    if entry.timeout > 30:
        yield f"{entry.module}: an HTTP API times out after 30 s"


def _without_names(route: str) -> str:
    return re.sub(r"\{[^}]*\}", "{}", route)


def _duplicates(kind: str, values: Iterable[str]) -> Iterator[str]:
    for value, times in Counter(values).items():
        if times > 1:
            yield f"{kind} {value} is declared {times} times"
