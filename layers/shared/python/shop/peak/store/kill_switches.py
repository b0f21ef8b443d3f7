"""The switches in DynamoDB: the row that Lambdas read, and a row for each time one was turned."""

from datetime import datetime
from typing import Any

from shop.kernel.errors import InvalidRequest, VersionConflict
from shop.kernel.kill_switches import SwitchStates
from shop.kernel.pagination import Page, from_cursor, to_cursor
from shop.kernel.unit_of_work import ConditionFailed
from shop.peak.model.switch_changes import SwitchChange
from shop.storage.kill_switches import NOW, SWITCHES, SwitchRow, read_switch_states
from shop.storage.transactions import DynamoUnitOfWork

CHANGE_PREFIX = "FLIP#"


class DynamoSwitchRepository:
    """See :class:`shop.peak.ports.SwitchRepository`."""

    def states(self) -> SwitchStates:
        return read_switch_states(consistent=True)

    def save(self, before: SwitchStates, after: SwitchStates, change: SwitchChange) -> SwitchStates:
        unchanged = (
            SwitchRow.version == before.version if before.version else SwitchRow.pk.does_not_exist()
        )
        now = SwitchRow(SWITCHES, NOW, version=after.version, doc=_told(after))
        line = SwitchRow(
            SWITCHES, _line(change.number), version=change.number, doc=_line_doc(change)
        )

        def write(writes: Any) -> None:
            writes.save(now, unchanged)
            writes.save(line, SwitchRow.pk.does_not_exist())

        try:
            DynamoUnitOfWork().commit(write)
        except ConditionFailed:
            raise VersionConflict(
                "somebody else turned a switch at this moment; look again"
            ) from None
        return after

    def list_changes(self, *, cursor: str | None, limit: int) -> Page[SwitchChange]:
        upto = _line(10**9 if cursor is None else _before(cursor) - 1)
        found = list(
            SwitchRow.query(
                SWITCHES,
                SwitchRow.sk.between(_line(0), upto),
                scan_index_forward=False,
                limit=limit + 1,
            )
        )
        flips = tuple(_flip(row) for row in found[:limit])
        more = to_cursor({"before": flips[-1].number}) if len(found) > limit else None
        return Page(flips, more)


def _before(cursor: str) -> int:
    before = (from_cursor(cursor) or {}).get("before")
    if type(before) is not int or not 0 < before <= 10**9:
        raise InvalidRequest("this cursor is not one of ours", code="cursor_invalid", path="cursor")
    return before


def _line(number: int) -> str:
    return f"{CHANGE_PREFIX}{number:010d}"


def _told(states: SwitchStates) -> dict[str, Any]:
    return {
        name: {
            "since": off.since.isoformat(),
            "actor": off.actor,
            "reason": off.reason,
            "retry": off.retry_after,
        }
        for name, off in states.disabled.items()
    }


def _line_doc(change: SwitchChange) -> dict[str, Any]:
    return {
        "switch": change.switch,
        "on": change.on,
        "actor": change.actor,
        "reason": change.reason,
        "at": change.at.isoformat(),
        "retry": change.retry_after,
    }


def _flip(row: SwitchRow) -> SwitchChange:
    told = row.doc
    return SwitchChange(
        int(row.version),
        told["switch"],
        told["on"],
        told["actor"],
        told["reason"],
        datetime.fromisoformat(told["at"]),
        told["retry"],
    )
