"""Domain events. A store writes an event in the same transaction as the change that caused it."""

from datetime import datetime
from typing import Any

from shop.kernel.frozen import frozen


@frozen
class Event:
    """A fact about a committed change, named in the past tense (``OrderPlaced``).

    ``subject`` is the id of the changed object. ``id`` is derived from the subject and its version,
    so a consumer recognizes a second delivery. ``data`` holds JSON values only.
    """

    id: str
    type: str
    subject: str
    at: datetime
    data: dict[str, Any]
