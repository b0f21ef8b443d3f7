"""How many codes somebody tried that there are not, in the ``sessions`` table, for a while."""

import os
from datetime import datetime

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import UpdateError

from shop.kernel.errors import TooMany
from shop.kernel.ids import derived_id
from shop.storage.table import Row

MOST = 10
"""Unknown codes that one address or customer may try ..."""
WITHIN = 600
"""... within so many seconds, counted from full ten minutes to full ten minutes."""


class _Row(Row):
    class Meta:
        table_name = os.environ["TABLE_SESSIONS"]

    pk = UnicodeAttribute(hash_key=True, attr_name="PK")
    tried = NumberAttribute(null=True)
    expires_at = NumberAttribute(null=True)


class DynamoGuesses:
    """See :class:`shop.pricing.ports.Guesses`. An address is kept as a digest only."""

    def trying(self, who: str, codes: int, at: datetime, *, path: str) -> None:
        room = _Row.tried <= MOST - codes
        if codes <= MOST:
            room = _Row.pk.does_not_exist() | room
        try:
            self._add(who, codes, at, room)
        except UpdateError as error:
            if error.cause_response_code != "ConditionalCheckFailedException":
                raise
            raise TooMany(
                "too many codes were tried that there are not; try again in ten minutes",
                code="too_many_codes",
                path=path,
            ) from None

    def known(self, who: str, codes: int, at: datetime) -> None:
        self._add(who, -codes, at, _Row.tried >= codes)

    def _add(self, who: str, codes: int, at: datetime, condition: object) -> None:
        window = int(at.timestamp()) // WITHIN
        row = _Row(f"GUESS#{derived_id('by', who)}#{window}")
        ends = (window + 2) * WITHIN
        row.update([_Row.tried.add(codes), _Row.expires_at.set(ends)], condition=condition)  # type: ignore[arg-type]
