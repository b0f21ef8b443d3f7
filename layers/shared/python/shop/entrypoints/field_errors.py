"""The code and the sentence of each pydantic error, for clients of the API.

Pydantic's own texts name Python types and repeat input, and they change with its releases. The
sentences here are built from the limits of the schema only.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, get_args

from pydantic_core.core_schema import ErrorType

from shop.kernel.errors import InvalidValue

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails


class FieldError(NamedTuple):
    """A code and its sentence; braces stand for a limit of the schema, ``{s}`` for a plural."""

    code: str
    sentence: str


_UNKNOWN = FieldError("format_invalid", "This value is invalid. See docs/openapi.json.")
_REQUIRED = FieldError("missing", "This field is required.")
_OBJECT = FieldError("wrong_type", "Must be an object.")
_LIST = FieldError("wrong_type", "Must be a list.")
_STRING = FieldError("wrong_type", "Must be a string.")
_BOOLEAN = FieldError("wrong_type", "Must be true or false.")
_WHOLE_NUMBER = FieldError("wrong_type", "Must be a whole number.")
_NUMBER = FieldError("wrong_type", "Must be a number.")
_DATE = FieldError("time_invalid", "Must be a date, such as 2026-12-31.")
_TIME = FieldError(
    "time_invalid", "Must be a time with its UTC offset, such as 2026-12-31T23:59:59Z."
)

FIELD_ERRORS: Mapping[str, FieldError] = {
    "missing": _REQUIRED,
    "union_tag_not_found": _REQUIRED,
    "extra_forbidden": FieldError("unknown_field", "This field is unknown. Remove it."),
    "json_invalid": FieldError(
        "json_malformed", "The body is not JSON. Correct it and send it again."
    ),
    "model_type": _OBJECT,
    "model_attributes_type": _OBJECT,
    "dict_type": _OBJECT,
    "list_type": _LIST,
    "string_type": _STRING,
    "bool_type": _BOOLEAN,
    "bool_parsing": _BOOLEAN,
    "int_type": _WHOLE_NUMBER,
    "int_parsing": _WHOLE_NUMBER,
    "int_from_float": _WHOLE_NUMBER,
    "int_parsing_size": FieldError("out_of_range", "Must be a smaller number."),
    "float_type": _NUMBER,
    "float_parsing": _NUMBER,
    "finite_number": FieldError("out_of_range", "Must be a finite number."),
    "greater_than": FieldError("out_of_range", "Must be greater than {gt}."),
    "greater_than_equal": FieldError("out_of_range", "Must be {ge} or more."),
    "less_than": FieldError("out_of_range", "Must be less than {lt}."),
    "less_than_equal": FieldError("out_of_range", "Must be {le} or less."),
    "multiple_of": FieldError("out_of_range", "Must be a multiple of {multiple_of}."),
    "too_short": FieldError("missing", "Must have at least {min_length} item{s}."),
    "too_long": FieldError("too_many", "Must have at most {max_length} item{s}."),
    "string_too_short": FieldError("text_invalid", "Must have at least {min_length} character{s}."),
    "string_too_long": FieldError("text_invalid", "Must have at most {max_length} character{s}."),
    "string_unicode": FieldError("text_invalid", "Must be Unicode text."),
    "literal_error": FieldError("value_unknown", "Must be {expected}."),
    "enum": FieldError("value_unknown", "Must be {expected}."),
    "union_tag_invalid": FieldError("value_unknown", "Must be one of {expected_tags}."),
    "date_type": _DATE,
    "date_parsing": _DATE,
    "date_from_datetime_parsing": _DATE,
    "date_from_datetime_inexact": _DATE,
    "datetime_type": _TIME,
    "datetime_parsing": _TIME,
    "datetime_from_date_parsing": _TIME,
    "datetime_object_invalid": _TIME,
    "timezone_aware": FieldError("time_invalid", "Must include a UTC offset, such as Z or +01:00."),
}
"""The errors that the schemas of requests can raise, by pydantic's type."""

PATTERN_ERRORS: Mapping[str, FieldError] = {
    r"\S": FieldError("text_invalid", "Must not be blank."),
    r"^[A-Z]{3}$": FieldError(
        "currency_unknown", "Must be an ISO 4217 currency code, such as USD or EUR."
    ),
    r"^https?://[!-~]+$": FieldError(
        "url_invalid", "Must be an http or https URL, such as https://example.com/track."
    ),
    r"^[!-~]{1,100}$": FieldError(
        "id_invalid", "Must be 1 to 100 printable ASCII characters without spaces."
    ),
    r"^chk_[a-z2-7]{26}$": FieldError("id_invalid", "Must be the id of a checkout, unchanged."),
    r"^[A-Za-z0-9_-]{1,100}$": FieldError(
        "id_invalid", "Must be 1 to 100 letters, digits, '_' or '-'."
    ),
    r"^[A-Za-z0-9_.:-]{1,64}$": FieldError(
        "id_invalid", "Must be 1 to 64 letters, digits, '_', '.', ':' or '-'."
    ),
    r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$": FieldError(
        "id_invalid",
        "Must be 1 to 64 letters, digits, '_', '.' or '-', and begin with a letter or digit.",
    ),
    r"^[A-Za-z0-9][A-Za-z0-9._-]{3,59}$": FieldError(
        "id_invalid",
        "Must be 4 to 60 letters, digits, '.', '_' or '-', and begin with a letter or digit.",
    ),
    r"^[a-z0-9][a-z0-9_-]{0,39}$": FieldError(
        "id_invalid",
        "Must be 1 to 40 characters: a-z, 0-9, '_' or '-', and begin with a letter or digit.",
    ),
    r"^[a-z0-9][a-z0-9_-]{1,39}$": FieldError(
        "id_invalid",
        "Must be 2 to 40 characters: a-z, 0-9, '_' or '-', and begin with a letter or digit.",
    ),
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$": FieldError(
        "version_invalid", "Must be a version of UCP, such as 2026-08-25."
    ),
    r"^[a-z](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9_-]*[a-z0-9_])?)+$": FieldError(
        "id_invalid", "Must be a reverse domain name, such as dev.ucp.shopping."
    ),
}
"""The meaning of each pattern in the schemas of requests and platform profiles."""

_PYDANTIC_TYPES = frozenset(get_args(ErrorType))


def field_error(error: "ErrorDetails") -> FieldError:
    """Return the code and the sentence of an error.

    A validator of the shop chooses both itself, by ``InvalidValue`` or ``PydanticCustomError``.
    """
    error_type, context = error["type"], error.get("ctx", {})
    if error_type == "value_error" and isinstance(context.get("error"), InvalidValue):
        return FieldError(context["error"].code, str(context["error"]))
    if error_type == "string_pattern_mismatch":
        return PATTERN_ERRORS.get(context["pattern"], _UNKNOWN)
    if error_type in FIELD_ERRORS:
        code, sentence = FIELD_ERRORS[error_type]
        return FieldError(code, sentence.format_map(_limits(context)))
    if error_type in _PYDANTIC_TYPES:
        return _UNKNOWN
    return FieldError(error_type, error["msg"])


def _limits(context: Mapping[str, Any]) -> dict[str, Any]:
    limits = {name: _without_zero_decimals(value) for name, value in context.items()}
    length = context.get("max_length", context.get("min_length"))
    return {**limits, "s": "" if length == 1 else "s"}


def _without_zero_decimals(limit: Any) -> Any:
    return int(limit) if isinstance(limit, float) and limit.is_integer() else limit
