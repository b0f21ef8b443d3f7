"""The switchboard: one small row that every warm Lambda keeps in memory for three seconds.

A request reads nothing of it. Once in three seconds a Lambda reads the row, so a switch is obeyed
everywhere within five (three, and what an eventually consistent read may lag behind). Where the row
cannot be read, what was known holds on, and where nothing was, everything is on: the means to close
a shop must not close it by breaking.
"""

import os
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from functools import lru_cache

from botocore.exceptions import BotoCoreError
from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import PynamoDBException

from shop.kernel.kill_switches import DisabledSwitch, SwitchStates
from shop.storage.connection import Row
from shop.storage.documents import CompressedJsonAttribute

SWITCH_CACHE_SECONDS = 3.0
"""Seconds."""
BOARD, NOW = "SWITCHES", "NOW"


class SwitchRow(Row):
    """The board as it is (``NOW``), and who changed it, when and why (``CHANGE#<version>``)."""

    class Meta:
        table_name = os.environ["TABLE_PEAK"]

    pk = UnicodeAttribute(hash_key=True, attr_name="PK")
    sk = UnicodeAttribute(range_key=True, attr_name="SK")
    version = NumberAttribute(null=True)
    doc = CompressedJsonAttribute(null=True)


def read_switch_states(*, consistent: bool = False) -> SwitchStates:
    """The switches as they stand."""
    try:
        row = SwitchRow.get(BOARD, NOW, consistent_read=consistent)
    except SwitchRow.DoesNotExist:
        return SwitchStates()
    off = {
        name: DisabledSwitch(
            datetime.fromisoformat(told["since"]), told["actor"], told["reason"], told["retry"]
        )
        for name, told in row.doc.items()
    }
    return SwitchStates(off, int(row.version))


class SwitchCache:
    """The board of this process. ``clock`` is seconds that only go forward."""

    def __init__(
        self,
        read: Callable[[], SwitchStates] = read_switch_states,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._read = read
        self._clock = clock
        self.clear()

    def clear(self) -> None:
        """Know nothing, as after a cold start."""
        self._board = SwitchStates()
        self._asked: float | None = None

    def states(self) -> SwitchStates:
        """What is off, as this process knows it."""
        now = self._clock()
        if self._asked is None or now - self._asked >= SWITCH_CACHE_SECONDS:
            self._asked = now  # whoever cannot read asks again in three seconds, not at once
            with suppress(PynamoDBException, BotoCoreError):
                self._board = self._read()
        return self._board


@lru_cache(maxsize=1)
def switch_cache() -> SwitchCache:
    """The one board of this process."""
    return SwitchCache()
