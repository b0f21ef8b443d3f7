"""What happened, told once: an event rides in the same write as the change it speaks of."""

from datetime import datetime
from typing import Any

from shop.kernel.frozen import frozen


@frozen
class Event:
    """A fact of trade, named in the past tense (``OrderPlaced``).

    ``subject`` is the id of the thing it happened to; ``id`` is derived from the subject and its
    version, so a reader that sees it twice can tell. ``data`` holds JSON values only.
    """

    id: str
    type: str
    subject: str
    at: datetime
    data: dict[str, Any]
