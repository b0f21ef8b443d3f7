"""Kill switches: one small row that every warm Lambda caches for three seconds.

Requests read it from memory. A Lambda reads the row once in three seconds, so a change is effective
everywhere within five seconds (three, plus the lag of an eventually consistent read). If the row
cannot be read, the last known states remain; without known states, every feature is enabled. A
failure of this mechanism must not close the shop.
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
SWITCHES, NOW = "SWITCHES", "NOW"
"""Partition key of all switch rows, and sort key of the current states."""


class SwitchRow(Row):
    """The current states (``NOW``), and one row per change with actor, time and reason."""

    class Meta:
        table_name = os.environ["TABLE_PEAK"]

    pk = UnicodeAttribute(hash_key=True, attr_name="PK")
    sk = UnicodeAttribute(range_key=True, attr_name="SK")
    version = NumberAttribute(null=True)
    doc = CompressedJsonAttribute(null=True)


def read_switch_states(*, consistent: bool = False) -> SwitchStates:
    """Read the current states of all switches."""
    try:
        row = SwitchRow.get(SWITCHES, NOW, consistent_read=consistent)
    except SwitchRow.DoesNotExist:
        return SwitchStates()
    disabled = {
        name: DisabledSwitch(
            datetime.fromisoformat(state["since"]),
            state["actor"],
            state["reason"],
            state["retry_after_seconds"],
        )
        for name, state in row.doc.items()
    }
    return SwitchStates(disabled, int(row.version))


class SwitchCache:
    """The switch states that this process knows. ``clock`` returns monotonic seconds."""

    def __init__(
        self,
        read: Callable[[], SwitchStates] = read_switch_states,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._read = read
        self._clock = clock
        self.clear()

    def clear(self) -> None:
        """Forget all states, as after a cold start."""
        self._states = SwitchStates()
        self._read_at: float | None = None

    def states(self) -> SwitchStates:
        """Return the states, read at most :data:`SWITCH_CACHE_SECONDS` ago."""
        now = self._clock()
        if self._read_at is None or now - self._read_at >= SWITCH_CACHE_SECONDS:
            # Before the read: a failed read is repeated after three seconds, not on every request.
            self._read_at = now
            # A table that cannot be read must not disable any feature (see the module docstring).
            with suppress(PynamoDBException, BotoCoreError):
                self._states = self._read()
        return self._states


@lru_cache(maxsize=1)
def switch_cache() -> SwitchCache:
    """Return the switch cache of this process."""
    return SwitchCache()
