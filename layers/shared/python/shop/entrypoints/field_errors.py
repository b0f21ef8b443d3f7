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
_CLOCK = FieldError("time_invalid", "Must be a time of day, such as 09:30:00.")
_DURATION = FieldError("time_invalid", "Must be an ISO 8601 duration, such as PT30M.")
_URL = FieldError("url_invalid", "Must be a URL, such as https://example.com/page.")
_UUID = FieldError("id_invalid", "Must be a UUID, such as 6579c22f-be2b-444c-a52b-0116dd82df6c.")
_DECIMAL = FieldError("wrong_type", "Must be a decimal number, such as 12.50.")
_EXTRA = FieldError("unknown_field", "This field is unknown. Remove it.")

FIELD_ERRORS: Mapping[str, FieldError] = {
    "missing": _REQUIRED,
    "union_tag_not_found": _REQUIRED,
    "extra_forbidden": _EXTRA,
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
    # No schema of a request can raise the others yet. A new type of field may.
    **dict.fromkeys(("missing_argument", "missing_keyword_only_argument"), _REQUIRED),
    **dict.fromkeys(("missing_positional_only_argument", "missing_sentinel_error"), _REQUIRED),
    **dict.fromkeys(("unexpected_keyword_argument", "unexpected_positional_argument"), _EXTRA),
    "multiple_argument_values": FieldError("duplicate", "Send this field once."),
    "none_required": FieldError("wrong_type", "Must be null."),
    **dict.fromkeys(("dataclass_type", "dataclass_exact_type", "mapping_type"), _OBJECT),
    **dict.fromkeys(("frozen_dict_type", "ordered_dict_type", "counter_type"), _OBJECT),
    "arguments_type": _OBJECT,
    "invalid_key": FieldError("wrong_type", "Must have strings as names."),
    **dict.fromkeys(("iterable_type", "iteration_error", "tuple_type", "set_type"), _LIST),
    **dict.fromkeys(("frozen_set_type", "deque_type", "named_tuple_type"), _LIST),
    "set_item_not_hashable": FieldError("wrong_type", "Must have texts or numbers as items."),
    **dict.fromkeys(("bytes_type", "json_type"), _STRING),
    "bytes_too_short": FieldError("text_invalid", "Must have at least {min_length} byte{s}."),
    "bytes_too_long": FieldError("text_invalid", "Must have at most {max_length} byte{s}."),
    "bytes_invalid_encoding": FieldError("text_invalid", "Must be encoded in {encoding}."),
    "string_not_ascii": FieldError("text_invalid", "Must have ASCII characters only."),
    **dict.fromkeys(("time_type", "time_parsing"), _CLOCK),
    **dict.fromkeys(("time_delta_type", "time_delta_parsing"), _DURATION),
    "date_past": FieldError("out_of_range", "Must be a date before today."),
    "date_future": FieldError("time_past", "Must be a date after today."),
    "datetime_past": FieldError("out_of_range", "Must be a time in the past."),
    "datetime_future": FieldError("time_past", "Must be a time in the future."),
    "timezone_naive": FieldError("time_invalid", "Must be a time without a UTC offset."),
    "timezone_offset": FieldError("time_invalid", "Must have another UTC offset."),
    **dict.fromkeys(("url_type", "url_parsing", "url_syntax_violation"), _URL),
    "url_too_long": FieldError(
        "url_invalid", "Must be a URL of at most {max_length} character{s}."
    ),
    "url_scheme": FieldError("url_invalid", "Must be a URL that begins with {expected_schemes}."),
    **dict.fromkeys(("uuid_type", "uuid_parsing"), _UUID),
    "uuid_version": FieldError("id_invalid", "Must be a UUID of version {expected_version}."),
    **dict.fromkeys(("decimal_type", "decimal_parsing"), _DECIMAL),
    "decimal_max_digits": FieldError("out_of_range", "Must have at most {max_digits} digit{s}."),
    "decimal_max_places": FieldError(
        "out_of_range", "Must have at most {decimal_places} digit{s} after the decimal point."
    ),
    "decimal_whole_digits": FieldError(
        "out_of_range", "Must have at most {whole_digits} digit{s} before the decimal point."
    ),
    **dict.fromkeys(("fraction_type", "fraction_parsing", "complex_type"), _NUMBER),
    "complex_str_parsing": _NUMBER,
    "recursion_depth_exceeded": FieldError("json_malformed", "Must be nested less deeply."),
    "recursion_loop": FieldError("json_malformed", "Must not contain itself."),
    # Faults of a validator, and values that JSON cannot hold.
    **dict.fromkeys(("value_error", "assertion_error", "no_such_attribute"), _UNKNOWN),
    **dict.fromkeys(("get_attribute_error", "needs_python_object", "callable_type"), _UNKNOWN),
    **dict.fromkeys(("is_instance_of", "is_subclass_of", "ellipsis_error"), _UNKNOWN),
    **dict.fromkeys(("frozen_field", "frozen_instance"), _UNKNOWN),
    "default_factory_not_called": _UNKNOWN,
}
"""The errors of pydantic by type, without ``string_pattern_mismatch``."""

PATTERN_ERRORS: Mapping[str, FieldError] = {
    r"\S": FieldError("text_invalid", "Must not be blank."),
    r"^[A-Z]{3}$": FieldError(
        "currency_unknown", "Must be an ISO 4217 currency code, such as USD or EUR."
    ),
    r"^[Hh][Tt][Tt][Pp][Ss]?://[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?"
    r"(?::(?:6553[0-5]|655[0-2][0-9]|65[0-4][0-9]{2}|6[0-4][0-9]{3}|[0-5]?[0-9]{1,4}))?"
    r"(?:[/?#][!#-;=?-~]*)?$": FieldError(
        "url_invalid",
        "Must be an http or https URL with a host, no user name and no port above 65535, such as"
        " https://example.com/track.",
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

_COUNTS = ("min_length", "max_length", "max_digits", "decimal_places", "whole_digits")
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
    counts = {context[name] for name in _COUNTS if name in context}
    return {**limits, "s": "" if counts == {1} else "s"}


def _without_zero_decimals(limit: Any) -> Any:
    return int(limit) if isinstance(limit, float) and limit.is_integer() else limit
