"""Rules on error codes and their messages: one code per meaning, sentences as messages.

Each rule takes the uses of codes in the source (:mod:`infra.error_codes`) and lists every breach.
A message that the source computes as a whole is empty there, and is not checked.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable

from infra.error_codes import ErrorCode

GENERAL_CODES = {"invalid": "… fields are invalid.", "conflict": None}
"""Codes that are too general for one problem, and the only message that each may have."""

REPLACED_CODES = {
    "busy": "contention",
    "day_invalid": "time_invalid",
    "duplicate_key": "duplicate",
    "field_unknown": "unknown_field",
    "list_too_large": "too_large",
    "name_invalid": "id_invalid",
    "policy_too_large": "too_large",
    "status_invalid": "value_unknown",
    "too_long": "text_invalid or too_many",
    "too_short": "text_invalid or missing",
    "unknown_variant": "variant_unknown",
}
"""Codes with the meaning of another one, and that one."""

REPETITION = re.compile(r"\w+_(repeated|twice)")
"""The same item twice in one request: ``duplicate`` for items of every kind."""

SYNONYMS = {
    **dict.fromkeys(("malformed", "illegal", "bad", "wrong", "incorrect", "not_valid"), "invalid"),
    **dict.fromkeys(("required", "absent", "omitted"), "missing"),
    **dict.fromkeys(("unrecognized", "unsupported", "not_found"), "unknown"),
    **dict.fromkeys(("exists", "in_use", "used"), "taken"),
    **dict.fromkeys(("repeated", "twice"), "duplicate"),
    **dict.fromkeys(("timed_out", "past"), "expired"),
    **dict.fromkeys(("mismatch", "differs", "other"), "differs"),
    **dict.fromkeys(("down", "unreachable"), "unavailable"),
    "canceled": "cancelled",
}
"""Words of codes with one meaning."""

CODES_WITH_ONE_MESSAGE = ("cursor_invalid", "limit_invalid")

SENTENCE = re.compile(
    r"""
    (?:
        [A-Z…]                       # a capital letter, or a value
      | [`'"“]                       # something quoted
      | [a-z]\w*(?:[_\-][a-z]|[\[.]) # a technical name: on_hand, Idempotency-Key, variants[0], a.b
      | [a-z]\w*[ ]must[ ]be[ ]      # a field by its name: limit must be 1 or more
    )
    .* [.…]                          # a full stop, or a value with its own
    """,
    re.VERBOSE | re.DOTALL,
)


def general_codes(uses: Iterable[ErrorCode]) -> list[str]:
    """A code that is too general for a problem has no message of one problem."""
    return [
        f"{use.code}: {use.message!r} needs a code of its own"
        for use in uses
        if use.code in GENERAL_CODES and use.message not in ("", GENERAL_CODES[use.code])
    ]


def replaced_codes(uses: Iterable[ErrorCode]) -> list[str]:
    """No code has the meaning of another one."""
    breaches = []
    for use in uses:
        instead = REPLACED_CODES.get(use.code)
        if REPETITION.fullmatch(use.code):
            instead = "duplicate"
        if instead:
            breaches.append(f"{use.code}: use {instead} for {use.message!r}")
    return breaches


def codes_of_the_same_words(uses: Iterable[ErrorCode]) -> list[str]:
    """No two codes have the same words in another order, or synonyms: they mean the same."""
    found: dict[frozenset[str], set[str]] = defaultdict(set)
    for code in {use.code for use in uses}:
        found[words_of(code)].add(code)
    return [
        f"{', '.join(sorted(codes))} have one meaning: use one of them"
        for codes in found.values()
        if len(codes) > 1
    ]


def words_of(code: str) -> frozenset[str]:
    """Return the words of a code, each replaced by one of its meaning."""
    for phrase in (phrase for phrase in SYNONYMS if "_" in phrase):
        code = re.sub(rf"(?<![a-z]){phrase}(?![a-z])", SYNONYMS[phrase], code)
    return frozenset(SYNONYMS.get(word, word) for word in code.split("_"))


def different_messages(uses: Iterable[ErrorCode]) -> list[str]:
    """Some codes have the same message everywhere, because they have one cause and one remedy."""
    found: dict[str, set[str]] = defaultdict(set)
    for use in uses:
        if use.code in CODES_WITH_ONE_MESSAGE and use.message:
            found[use.code].add(use.message)
    return [
        f"{code} has {len(messages)} messages: {', '.join(map(repr, sorted(messages)))}"
        for code, messages in sorted(found.items())
        if len(messages) > 1
    ]


def incomplete_sentences(uses: Iterable[ErrorCode]) -> list[str]:
    """A message begins with a capital letter, a value or a technical name, and ends with a stop."""
    return [
        f"{use.code}: {use.message!r} must be a sentence with a capital letter and a full stop"
        for use in uses
        if use.message and not SENTENCE.fullmatch(use.message)
    ]


RULES: dict[str, Callable[[Iterable[ErrorCode]], list[str]]] = {
    "general codes": general_codes,
    "codes of the same words": codes_of_the_same_words,
    "replaced codes": replaced_codes,
    "different messages": different_messages,
    "incomplete sentences": incomplete_sentences,
}
