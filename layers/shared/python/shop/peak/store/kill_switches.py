"""Kill switches in DynamoDB: the item that Lambdas read, and one item per change."""

from datetime import datetime
from typing import Any

from shop.kernel.errors import InvalidRequest, VersionConflict
from shop.kernel.kill_switches import SwitchStates
from shop.kernel.pagination import Page, from_cursor, to_cursor
from shop.kernel.unit_of_work import ConditionFailed
from shop.peak.model.switch_changes import SwitchChange
from shop.storage.kill_switches import NOW, SWITCHES, SwitchRow, read_switch_states
from shop.storage.transactions import DynamoUnitOfWork

CHANGE_PREFIX = "CHANGE#"
MAX_NUMBER = 10**9


class DynamoSwitchRepository:
    """See :class:`shop.peak.ports.SwitchRepository`."""

    def states(self) -> SwitchStates:
        return read_switch_states(consistent=True)

    def save(self, before: SwitchStates, after: SwitchStates, change: SwitchChange) -> SwitchStates:
        unchanged = (
            SwitchRow.version == before.version if before.version else SwitchRow.pk.does_not_exist()
        )
        states = SwitchRow(SWITCHES, NOW, version=after.version, doc=_states_document(after))
        entry = SwitchRow(
            SWITCHES,
            _change_key(change.number),
            version=change.number,
            doc=_change_document(change),
        )

        # One transaction: no state without its change in the log.
        def write(transaction: Any) -> None:
            transaction.save(states, unchanged)
            transaction.save(entry, SwitchRow.pk.does_not_exist())

        try:
            DynamoUnitOfWork().commit(write)
        except ConditionFailed:
            raise VersionConflict(
                "A switch was changed at the same moment. Read the switches and try again."
            ) from None
        return after

    def list_changes(self, *, cursor: str | None, limit: int) -> Page[SwitchChange]:
        newest = _change_key(MAX_NUMBER if cursor is None else _before(cursor) - 1)
        rows = list(
            SwitchRow.query(
                SWITCHES,
                SwitchRow.sk.between(_change_key(0), newest),
                scan_index_forward=False,
                limit=limit + 1,
            )
        )
        changes = tuple(_change_from(row) for row in rows[:limit])
        next_cursor = to_cursor({"before": changes[-1].number}) if len(rows) > limit else None
        return Page(changes, next_cursor)


def _before(cursor: str) -> int:
    before = (from_cursor(cursor) or {}).get("before")
    if type(before) is not int or not 0 < before <= MAX_NUMBER:
        raise InvalidRequest(
            "The cursor is invalid. Use the cursor of the previous page unchanged.",
            code="cursor_invalid",
            path="cursor",
        )
    return before


def _change_key(number: int) -> str:
    return f"{CHANGE_PREFIX}{number:010d}"


def _states_document(states: SwitchStates) -> dict[str, Any]:
    return {
        name: {
            "since": off.since.isoformat(),
            "actor": off.actor,
            "reason": off.reason,
            "retry_after_seconds": off.retry_after_seconds,
        }
        for name, off in states.disabled.items()
    }


def _change_document(change: SwitchChange) -> dict[str, Any]:
    return {
        "switch": change.switch,
        "on": change.on,
        "actor": change.actor,
        "reason": change.reason,
        "at": change.at.isoformat(),
        "retry_after_seconds": change.retry_after_seconds,
    }


def _change_from(row: SwitchRow) -> SwitchChange:
    doc = row.doc
    return SwitchChange(
        int(row.version),
        doc["switch"],
        doc["on"],
        doc["actor"],
        doc["reason"],
        datetime.fromisoformat(doc["at"]),
        doc["retry_after_seconds"],
    )
