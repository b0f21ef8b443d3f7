"""Blank texts in a request: nothing of them is visible, so they count as empty."""

import json
import re
from typing import Any

from shop.kernel.text_folding import is_blank

_BLANK_TEXT = re.compile(r'"(?: |\\[tnrbf]|\\u[0-9a-f]{4})+"')
"""JSON in ASCII without a match has no blank text."""


def to_json_without_blanks(data: Any) -> str:
    """Return parsed JSON as a text, with ``""`` in place of each blank text."""
    text = json.dumps(data)
    # The search decides whether every value must be visited.
    return json.dumps(_without_blanks(data)) if _BLANK_TEXT.search(text) else text


def _without_blanks(data: Any) -> Any:
    """Return the data with an empty text for each blank one; names of members stay."""
    if isinstance(data, str):
        return "" if is_blank(data) else data
    if isinstance(data, list):
        return [_without_blanks(item) for item in data]
    if isinstance(data, dict):
        return {name: _without_blanks(value) for name, value in data.items()}
    return data
