"""Verification 16: the API keeps its contract.

Schemathesis generates requests for every route from docs/openapi.json, valid ones and ones that
violate it in one place. The handlers run in this process over moto. No response may have a 5xx
status, none may be undeclared (status, media type, header or body), and no violation of the
document may be accepted. Each mutant breaks one of these rules.
"""

import logging
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any
from unittest.mock import patch

from tests.kit.shop import ENVIRONMENT
from verification.options import Options
from verification.report import VerificationReport

NUMBER = 16
CLAIM = "the API keeps its contract"
MIN_CASES = 5_000
EXAMPLES = 20
"""Random requests per route, after those that cover the schemas systematically."""
MUTANT_PATHS = "^/(carts|staff/products|waiting-rooms)"
"""The routes on which mutants run."""
MAX_FINDINGS = 10
"""Findings that a report lists."""


def run(options: Options) -> list[VerificationReport]:
    """Run the verification, or every mutant."""
    # A Lambda reads its settings while it is imported.
    os.environ.update(ENVIRONMENT)
    if options.broken:
        return [_run_mutant(options, name, mutant) for name, mutant in MUTANTS.items()]
    from tests.kit.api_fuzzing import fuzz  # lazy: it imports the Lambdas

    elapsed = options.stopwatch()
    result = fuzz(seed=options.seed, examples=options.points or EXAMPLES)
    figures = (
        f"{result.cases:,} requests to {result.operations} routes, {result.accepted:,} accepted, "
        f"{len(result.findings)} findings"
    )
    passed = not result.findings and result.cases >= MIN_CASES
    return [_report(options, elapsed(), passed=passed, figures=figures, findings=result.findings)]


def _run_mutant(
    options: Options, name: str, mutant: Callable[[], AbstractContextManager[None]]
) -> VerificationReport:
    from tests.kit.api_fuzzing import fuzz  # lazy: it imports the Lambdas

    elapsed = options.stopwatch()
    logging.disable(logging.CRITICAL)
    try:
        with mutant():
            result = fuzz(seed=options.seed, examples=2, phases=("coverage",), paths=MUTANT_PATHS)
    finally:
        logging.disable(logging.NOTSET)
    figures = f"{result.cases:,} requests, {len(result.findings)} findings"
    return _report(
        options,
        elapsed(),
        passed=not result.findings,
        figures=figures,
        findings=result.findings,
        mutant=name,
    )


def _report(
    options: Options,
    seconds: float,
    *,
    passed: bool,
    figures: str,
    findings: tuple[str, ...],
    mutant: str | None = None,
) -> VerificationReport:
    return VerificationReport(
        NUMBER,
        CLAIM,
        passed=passed,
        figures=figures,
        seed=options.seed,
        seconds=seconds,
        findings=findings[:MAX_FINDINGS],
        mutant=mutant,
    )


# ------------------------------------------------------------------------------------- mutants


@contextmanager
def unknown_id_has_status(status: int) -> Iterator[None]:
    """Answer every request for an unknown object with this status."""
    from shop.entrypoints import fault_mapping
    from shop.kernel.errors import NotFound

    with (
        patch.dict(fault_mapping.HTTP_STATUS_BY_ERROR, {NotFound: status}),
        patch.dict(fault_mapping._TITLES, {status: "Mutant"}),
    ):
        yield


@contextmanager
def responses_lack_a_header() -> Iterator[None]:
    from shop.entrypoints import http

    with patch.dict(http._HEADERS):
        del http._HEADERS["Cache-Control"]
        yield


@contextmanager
def responses_lack_a_field() -> Iterator[None]:
    """Leave out the first field of each successful response."""
    from shop.entrypoints import http

    respond = http.respond

    def shortened(status: int, body: Any, headers: Mapping[str, str] | None = None) -> Any:
        if status < 300 and isinstance(body, Mapping):
            body = dict(list(body.items())[1:])
        return respond(status, body, headers)

    with patch.object(http, "respond", shortened):
        yield


@contextmanager
def invalid_fields_are_ignored() -> Iterator[None]:
    """Drop the fields of a body that its schema rejects, instead of rejecting the body."""
    from pydantic import ValidationError

    from shop.entrypoints import request_body

    validate = request_body._validate

    def lenient(schema: Any, data: Any) -> Any:
        try:
            return validate(schema, data)
        except ValidationError as error:
            rejected = {problem["loc"][0] for problem in error.errors() if problem["loc"]}
            if not isinstance(data, dict) or not rejected & data.keys():
                raise
            return validate(schema, {k: v for k, v in data.items() if k not in rejected})

    with patch.object(request_body, "_validate", lenient):
        yield


MUTANTS: Mapping[str, Callable[[], AbstractContextManager[None]]] = {
    "an unknown id is a fault": lambda: unknown_id_has_status(500),
    "an unknown id has an undeclared status": lambda: unknown_id_has_status(410),
    "responses lack a header": responses_lack_a_header,
    "responses lack a field": responses_lack_a_field,
    "invalid fields are ignored": invalid_fields_are_ignored,
}
