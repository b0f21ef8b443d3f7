"""Cursors come from clients, who may change them."""

import base64
import json
from typing import Any

import pytest

from shop.kernel.errors import InvalidRequest
from shop.kernel.pagination import from_cursor, to_cursor


def encoded(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


@pytest.mark.parametrize("key", [{"after": "a"}, {"before": 7}, {"q": "é\U0001f600", "h": [1]}])
def test_cursor_returns_the_key_that_it_encodes(key: dict[str, Any]) -> None:
    assert from_cursor(to_cursor(key)) == key


@pytest.mark.parametrize(
    "value",
    [
        {"after": "\ud800"},
        {"after": "main#a\udfff"},
        {"\ud800": "a"},
        {"p": {"q": ["\udc00"]}},
        {"before": float("nan")},
        {"before": float("inf")},
        ["after"],
        "after",
        None,
        7,
    ],
)
def test_cursor_that_no_store_can_read_is_rejected_at_its_place(value: Any) -> None:
    with pytest.raises(InvalidRequest) as raised:
        from_cursor(encoded(value), path="$.pagination.cursor")
    (problem,) = raised.value.problems
    assert (problem.code, problem.path) == ("cursor_invalid", "$.pagination.cursor")
