"""Counts the AWS calls of a piece of code: the number of calls is its budget.

Calls are counted below boto3 and PynamoDB, including their own paging: a list of two pages is two
calls. Retries inside botocore are not counted.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

from botocore.client import BaseClient


@dataclass(frozen=True)
class Call:
    """One request: service, operation such as ``Query``, and parameters."""

    service: str
    operation: str
    parameters: dict[str, Any]

    @property
    def table(self) -> str:
        """Return its table, or all its tables joined by ``+``."""
        parameters = self.parameters
        if "TableName" in parameters:
            return str(parameters["TableName"])
        if "RequestItems" in parameters:
            return "+".join(sorted(parameters["RequestItems"]))
        actions = (a for item in parameters.get("TransactItems", ()) for a in item.values())
        return "+".join(sorted({a["TableName"] for a in actions}))

    def __str__(self) -> str:
        table = f" {self.table}" if self.service == "dynamodb" else ""
        return f"{self.service}.{self.operation}{table}"


@dataclass
class Calls:
    """The calls so far, in order. A test compares :attr:`names` with an endpoint's budget."""

    made: list[Call] = field(default_factory=list)

    @property
    def names(self) -> list[str]:
        return [str(call) for call in self.made]

    @property
    def operations(self) -> Counter[str]:
        return Counter(call.operation for call in self.made)

    def __len__(self) -> int:
        return len(self.made)


@contextmanager
def count_calls() -> Iterator[Calls]:
    """Count the calls inside a ``with`` block."""
    calls = Calls()
    send = BaseClient._make_api_call  # type: ignore[attr-defined]

    def counting(client: Any, operation: str, parameters: dict[str, Any]) -> Any:
        calls.made.append(Call(client.meta.service_model.service_name, operation, parameters))
        return send(client, operation, parameters)

    with patch.object(BaseClient, "_make_api_call", counting):
        yield calls
