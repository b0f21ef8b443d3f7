"""A valid request of a route, with placeholders for values that earlier responses contained."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class ValidRequest:
    """One request. ``save`` names values of the response, by their JSONPath in short form."""

    route: str
    body: Any = None
    path: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    save: Mapping[str, str] = field(default_factory=dict)

    @property
    def method(self) -> str:
        return self.route.partition(" ")[0]


def valid(route: str, body: Any = None, **options: Any) -> ValidRequest:
    """Return a request; unknown options are path parameters."""
    known = {name: options.pop(name) for name in ("query", "headers", "save") if name in options}
    return ValidRequest(route, body, options, **known)
