"""docs/errors.md lists every error code of the source, and each rule on codes finds a breach."""

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
from tests.contracts import error_code_rules as rules

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
        ('Problem(code="a", detail="Detail.")', {ErrorCode("a", IN_AN_ERROR, "Detail.")}),
        ('Problem("a", detail="Detail.")', {ErrorCode("a", IN_AN_ERROR, "Detail.")}),
        ('errors.Problem("a", "Detail.")', {ErrorCode("a", IN_AN_ERROR, "Detail.")}),
        ('errors.Conflict("It is shipped.", code="order_shipped")', {SHIPPED}),
        ('errors.Conflict(detail="It is shipped.", code="order_shipped")', {SHIPPED}),
        ('InvalidValue("a", "Detail.")', {ErrorCode("a", IN_AN_ERROR, "Detail.")}),
        (
            'FieldError("a", "At least {ge} item{s}.")',
            {ErrorCode("a", IN_AN_ERROR, "At least … items.")},
        ),
        (
            """def _failed(detail: str, code: str, path: str = "$") -> Conflict:
    return Conflict(detail, code=code, path=path)
raise _failed("It is shipped.", "order_shipped")""",
            {SHIPPED},
        ),
        (
            """def _failed(detail: str, code: str) -> Conflict:
    return Conflict(detail, code=code)
raise _failed(code="order_shipped", detail="It is shipped.")""",
            {SHIPPED},
        ),
        ('self.add("a", "Detail.", path)', {ErrorCode("a", IN_AN_ERROR, "Detail.")}),
        ('Message("error", "a", "Detail.")', {ErrorCode("a", IN_A_RESPONSE, "Detail.")}),
        ('Message("warning", "a", "Detail.")', set()),
        (
            'Message(type="error", code="a", content="Detail.")',
            {ErrorCode("a", IN_A_RESPONSE, "Detail.")},
        ),
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


def test_codes_of_bodies_and_their_fields_are_on_the_page() -> None:
    page = errors_page()
    for code in ("body_missing", "json_malformed", "duplicate", "unknown_field", "wrong_type"):
        assert f"| `{code}` |" in page


# ---------------------------------------------------------------- planted breaches


def use(code: str, message: str = "The limit must be 1 to 100.") -> ErrorCode:
    return ErrorCode(code, "400", message)


@pytest.mark.parametrize("code", ["invalid", "conflict"])
def test_message_of_one_problem_with_a_general_code_is_detected(code: str) -> None:
    (breach,) = rules.general_codes([use(code)])
    assert breach == f"{code}: 'The limit must be 1 to 100.' needs a code of its own"


def test_number_of_invalid_fields_and_computed_messages_may_have_a_general_code() -> None:
    counted = use("invalid", "… fields are invalid.")
    assert rules.general_codes([counted, use("invalid", ""), use("conflict", "")]) == []


@pytest.mark.parametrize(
    ("code", "instead"),
    [
        *rules.REPLACED_CODES.items(),
        ("currency_repeated", "duplicate"),
        ("variant_twice", "duplicate"),
    ],
)
def test_code_with_the_meaning_of_another_one_is_detected(code: str, instead: str) -> None:
    (breach,) = rules.replaced_codes([use(code)])
    assert breach.startswith(f"{code}: use {instead} for ")


@pytest.mark.parametrize("code", ["duplicate", "contention", "quantity_invalid", "repeated"])
def test_code_with_a_meaning_of_its_own_is_accepted(code: str) -> None:
    assert rules.replaced_codes([use(code)]) == []


@pytest.mark.parametrize(
    "codes",
    [
        ("field_unknown", "unknown_field"),
        ("json_invalid", "json_malformed"),
        ("body_missing", "body_required"),
        ("id_exists", "id_taken"),
        ("order_canceled", "order_cancelled"),
        ("sku_not_found", "sku_unknown"),
    ],
)
def test_codes_with_the_same_words_are_detected(codes: tuple[str, str]) -> None:
    (breach,) = rules.codes_of_the_same_words(map(use, codes))
    assert breach == f"{codes[0]}, {codes[1]} have one meaning: use one of them"


def test_codes_with_other_words_may_coexist() -> None:
    codes = (
        "json_malformed",
        "csv_malformed",
        "id_taken",
        "id_invalid",
        "not_found",
        "unknown_field",
    )
    assert rules.codes_of_the_same_words(map(use, codes)) == []


@pytest.mark.parametrize("code", rules.CODES_WITH_ONE_MESSAGE)
def test_second_message_of_a_code_with_one_message_is_detected(code: str) -> None:
    first, second = use(code, "First."), use(code, "Second.")
    assert rules.different_messages([first, first, use(code, "")]) == []
    assert rules.different_messages([second, first]) == [
        f"{code} has 2 messages: 'First.', 'Second.'"
    ]


@pytest.mark.parametrize(
    "message",
    [
        "The limit must be 1 to 100",
        "the limit must be 1 to 100.",
        "limit is 1 to 100.",
        "this is no VAT number",
        "Send one!",
    ],
)
def test_message_that_is_no_sentence_is_detected(message: str) -> None:
    (breach,) = rules.incomplete_sentences([use("a", message)])
    assert f"{message!r} must be a sentence" in breach


@pytest.mark.parametrize(
    "message",
    [
        "The limit must be 1 to 100.",
        "… has two prices. Send one.",
        "The product is …",
        "'limit' must be 1 to 100.",
        "`limit` must be 1 to 100.",
        "limit must be 1 to 100.",
        "on_hand must be 0 or more.",
        "variants[…] is the same variant. Send each variant once.",
        "filters.price must be an object.",
        "",
    ],
)
def test_sentence_is_accepted(message: str) -> None:
    assert rules.incomplete_sentences([use("a", message)]) == []


# ---------------------------------------------------------------- the whole product


@pytest.mark.parametrize("rule", rules.RULES)
def test_every_code_of_the_product_keeps_the_rule(rule: str) -> None:
    breaches = rules.RULES[rule](sorted(set(error_codes())))
    assert not breaches, f"{len(breaches)} breaches:\n" + "\n".join(breaches)
