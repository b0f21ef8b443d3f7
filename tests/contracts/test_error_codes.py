"""docs/errors.md lists every error code, however the source uses it."""

import ast
import re

import pytest

from infra.error_codes import (
    IN_A_RESPONSE,
    IN_AN_ERROR,
    ErrorClass,
    ErrorCode,
    codes_in,
    error_codes,
    errors_page,
)

CLASSES = {"Conflict": ErrorClass("409", "conflict"), "NotFound": ErrorClass("404", "not_found")}
SHIPPED = ErrorCode("order_shipped", "409", "It is shipped.")


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ('raise Conflict("It is shipped.", code="order_shipped")', {SHIPPED}),
        ('raise Conflict("It is shipped.")', {ErrorCode("conflict", "409", "It is shipped.")}),
        ('raise NotFound(f"No {name}.")', {ErrorCode("not_found", "404", "No ….")}),
        ('detail = "It is shipped."\nConflict(detail, code="order_shipped")', {SHIPPED}),
        ('CODE = "order_shipped"\nConflict("It is shipped.", code=CODE)', {SHIPPED}),
        (
            'detail = "A."\nConflict(detail)\ndetail = "B."\nConflict(detail)',
            {ErrorCode("conflict", "409", "A."), ErrorCode("conflict", "409", "B.")},
        ),
        (
            'Conflict("A." if early else "B.")',
            {ErrorCode("conflict", "409", "A."), ErrorCode("conflict", "409", "B.")},
        ),
        ("Conflict(compute())", {ErrorCode("conflict", "409", "")}),
        ('Problem("a", "Detail.", path)', {ErrorCode("a", IN_AN_ERROR, "Detail.")}),
        ('PydanticCustomError("a", "Detail.")', {ErrorCode("a", IN_AN_ERROR, "Detail.")}),
        ('self.add("a", "Detail.", path)', {ErrorCode("a", IN_AN_ERROR, "Detail.")}),
        ('Message("error", "a", "Detail.")', {ErrorCode("a", IN_A_RESPONSE, "Detail.")}),
        ('Message("warning", "a", "Detail.")', set()),
        (
            '{"status": 405, "code": "a", "detail": "Detail."}',
            {ErrorCode("a", "405", "Detail.")},
        ),
        ('{"status": "ok", "code": "a"}', set()),
        ('raise ValueError("Not a domain error.")', set()),
    ],
)
def test_each_use_of_a_code_is_found(source: str, expected: set[ErrorCode]) -> None:
    assert set(codes_in(ast.parse(source), CLASSES)) == expected


def test_every_code_is_a_lower_case_name() -> None:
    codes = {use.code for use in error_codes()}
    assert [code for code in sorted(codes) if not re.fullmatch(r"[a-z…][a-z0-9_]*", code)] == []


def test_codes_of_classes_and_switches_are_on_the_page() -> None:
    page = errors_page()
    for code in ("stale", "idempotency_key_reused", "out_of_stock", "method_not_allowed", "fault"):
        assert f"| `{code}` |" in page
