"""Generated requests to every route, in one process, whose responses docs/openapi.json must allow.

Schemathesis derives the requests from the document: valid ones, and ones that violate it in one
place. A finding is a response with a 5xx status, a response that the document does not declare
(status, media type, header or body), or a violation that the shop accepted.

Most valid requests name objects that exist (:mod:`tests.kit.api_requests` creates them), as random
ids would all be answered with 404. The same seed gives the same requests.
"""

import copy
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import schemathesis
from schemathesis import hooks
from schemathesis.config import SchemathesisConfig
from schemathesis.core.parameters import ParameterLocation
from schemathesis.engine import events, from_schema

from tests.kit.api_requests import path_values, prepared_shop, send_all
from tests.kit.http_api import HttpApi
from tests.kit.openapi_contract import DOCUMENT

PHASES = ("coverage", "fuzzing")
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
)
MAX_LENGTH = 300
"""Characters of each part of a finding."""
RANDOM_VALUES = 4
"""One of so many valid requests keeps its random ids, cursor and platform."""


@dataclass(frozen=True)
class FuzzingResult:
    """What a run sent and found."""

    cases: int
    """Requests that were generated and answered."""
    accepted: int
    """Those with a response below 300."""
    operations: int
    statuses: Mapping[int, int]
    findings: tuple[str, ...]


def fuzz(
    *, seed: int = 1, examples: int = 10, phases: Iterable[str] = PHASES, paths: str | None = None
) -> FuzzingResult:
    """Send requests to every operation, or to those whose path matches a regular expression.

    ``examples`` is the number of random requests per operation in the phase *fuzzing*.
    """
    findings: dict[str, str] = {}
    operations: set[str] = set()
    with prepared_shop() as api, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        known: dict[str, Mapping[str, str]] = {}
        for request, _, values in send_all(api):
            known[request.route] = path_values(request, values)
        application = Application(api)
        schema = schemathesis.openapi.from_dict(
            copy.deepcopy(dict(DOCUMENT)), config=_config(seed, examples, set(phases))
        )
        schema.app = application
        selected = schema if paths is None else schema.include(path_regex=paths)
        with _existing_objects(known):
            for event in from_schema(selected).execute():
                if isinstance(event, events.ScenarioFinished) and event.label:
                    operations.add(event.label)
                for place, finding in _findings_of(event):
                    findings.setdefault(place, finding)
    statuses = application.statuses
    return FuzzingResult(
        cases=statuses.total(),
        accepted=sum(number for status, number in statuses.items() if status < 300),
        operations=len(operations),
        statuses=dict(sorted(statuses.items())),
        findings=tuple(findings.values()),
    )


def _config(seed: int, examples: int, phases: set[str]) -> SchemathesisConfig:
    checks = ("ignored_auth", "missing_required_header", "positive_data_acceptance")
    others = ("ensure_resource_availability", "unsupported_method", "use_after_free")
    return SchemathesisConfig.from_dict(
        {
            "seed": seed,
            "phases": {
                "examples": {"enabled": False},
                # No phase learns from responses, because they contain random ids.
                "coverage": {
                    "enabled": "coverage" in phases,
                    "extra-data-sources": {"responses": False},
                    "unexpected-methods": [],
                },
                "fuzzing": {
                    "enabled": "fuzzing" in phases,
                    "extra-data-sources": {"responses": False},
                    "error-feedback": {"enabled": False},
                },
                "stateful": {"enabled": False},
            },
            "generation": {
                "max-examples": examples,
                "no-shrink": True,
                "database": "none",
                "with-security-parameters": False,
            },
            "checks": {
                **{name: {"enabled": True} for name in CHECKS},
                **{name: {"enabled": False} for name in (*checks, *others)},
            },
        }
    )


def _findings_of(event: events.EngineEvent) -> Iterator[tuple[str, str]]:
    """Yield each violation with its check and operation, so that one of each is reported."""
    if isinstance(event, events.NonFatalError):
        yield f"{event.label}", f"{event.label}: not tested: {event.value}"
    if isinstance(event, events.FatalError):
        raise event.exception
    if not isinstance(event, events.ScenarioFinished):
        return
    for case_id, checks in event.recorder.checks.items():
        for check in checks:
            if check.failure_info is None:
                continue
            failure = check.failure_info.failure
            response = event.recorder.interactions[case_id].response
            case = event.recorder.cases[case_id].value
            parts = (
                f"{event.label}: {check.name}: {failure.message}",
                f"query {case.query}",
                f"body {case.body!r}",
                "" if response is None else f"response {response.status_code} {response.text}",
            )
            finding = "; ".join(" ".join(part.split())[:MAX_LENGTH] for part in parts)
            yield f"{check.name} {event.label}", finding


@contextmanager
def _existing_objects(known: Mapping[str, Mapping[str, str]]) -> Iterator[None]:
    """Let most valid requests name objects that exist, and be sent by the shop's own client."""
    sent = Counter[str]()

    def before_call(context: Any, case: Any, kwargs: dict[str, Any]) -> None:
        sent[case.operation.label] += 1
        if sent[case.operation.label] % RANDOM_VALUES == 0:
            return
        valid = {
            location
            for location in (ParameterLocation.PATH, ParameterLocation.QUERY)
            if _is_valid(case, location)
        }
        if ParameterLocation.PATH in valid and case.path_parameters:
            case.path_parameters.update(known.get(case.operation.label, {}))
        if ParameterLocation.QUERY in valid and case.query:
            case.query.pop("cursor", None)
        if _is_valid(case, ParameterLocation.HEADER) and case.headers:
            case.headers.pop("UCP-Agent", None)

    # Schemathesis has this hook for the whole process only.
    schemathesis.hook(before_call)
    try:
        yield
    finally:
        hooks.unregister(before_call)


def _is_valid(case: Any, location: ParameterLocation) -> bool:
    component = case.meta.components.get(location) if case.meta else None
    return component is None or component.mode.is_positive


class Application:
    """The API as a WSGI application, which counts its responses by status."""

    def __init__(self, api: HttpApi) -> None:
        self._api = api
        self.statuses = Counter[int]()

    def __call__(self, environ: Mapping[str, Any], start_response: Any) -> list[bytes]:
        headers = {
            name.removeprefix("HTTP_").replace("_", "-"): str(value)
            for name, value in environ.items()
            if name.startswith("HTTP_")
        }
        if environ.get("CONTENT_TYPE"):
            headers["content-type"] = environ["CONTENT_TYPE"]
        response = self._api.send(
            environ["REQUEST_METHOD"],
            environ["PATH_INFO"].encode("latin-1").decode("utf-8", "replace"),
            query=environ.get("QUERY_STRING", ""),
            headers=headers,
            body=environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)),
        )
        self.statuses[response.status] += 1
        start_response(f"{response.status} ", list(response.headers.items()))
        return [response.text.encode()]
