"""The outbox: each new event of a row is published in order, whatever EventBridge does."""

import base64
import json
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from shop.entrypoints.dynamodb_stream import StreamRecord, stream_reader
from shop.kernel.events import Event
from shop.storage import outbox
from shop.storage.compression import compress_json
from shop.storage.documents import EventsAttribute
from shop.storage.outbox import MAX_BYTES_PER_CALL, MAX_ENTRIES_PER_CALL, EventPublisher, new_events
from tests.kit.shop import Context
from tests.kit.stream_pump import StreamPump, record

AT = datetime(2026, 11, 27, 8, 0, tzinfo=UTC)


def event(n: int, subject: str = "ord_1", **data: Any) -> Event:
    return Event(f"{subject}.{n}.OrderPlaced", "OrderPlaced", subject, AT, {"n": n, **data})


def image(*events: Event) -> dict[str, Any]:
    return {"PK": "ORDER#ord_1", "events": EventsAttribute().serialize(events), "version": 1}


class Bus:
    """EventBridge that can reject entries ``rejections`` times, or fail the next ``down`` calls."""

    def __init__(self) -> None:
        self.entries: list[dict[str, Any]] = []
        self.batch_sizes: list[int] = []
        self.rejections: dict[str, int] = {}
        self.down = 0

    def put_events(self, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803
        assert 1 <= len(Entries) <= MAX_ENTRIES_PER_CALL
        size = sum(14 + len(e["Detail"]) + len(e["DetailType"]) + len(e["Source"]) for e in Entries)
        assert size <= MAX_BYTES_PER_CALL or len(Entries) == 1
        self.batch_sizes.append(len(Entries))
        if self.down:
            self.down -= 1
            raise ConnectionError("no bus")
        results: list[dict[str, str]] = []
        for entry in Entries:
            event_id = json.loads(entry["Detail"])["id"]
            if self.rejections.get(event_id, 0):
                self.rejections[event_id] -= 1
                results.append({"ErrorCode": "ThrottlingException", "ErrorMessage": "slow down"})
            else:
                self.entries.append(entry)
                results.append({"EventId": event_id})
        return {"Entries": results, "FailedEntryCount": 0}

    @property
    def event_ids(self) -> list[str]:
        """The ids of all published events, in order, with repetitions."""
        return [json.loads(entry["Detail"])["id"] for entry in self.entries]


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "FIRST_PAUSE", 0)


@pytest.fixture
def bus() -> Bus:
    return Bus()


def publish(bus: Bus, *changes: tuple[str, Any, Any]) -> str | None:
    return EventPublisher(bus, "shop").publish(changes)


# New events of an image


def test_all_events_of_a_created_row_are_new() -> None:
    assert new_events(None, image(event(1), event(2))) == (event(1), event(2))


def test_events_of_the_old_image_are_not_new() -> None:
    assert new_events(image(event(1)), image(event(1))) == ()
    assert new_events(image(event(1)), image(event(2))) == (event(2),)


@pytest.mark.parametrize("new", [None, {}, {"PK": "ORDER#1", "token": "t"}, image()])
def test_rows_without_events_have_no_new_events(new: Any) -> None:
    assert new_events(None, new) == ()
    assert new_events(image(event(1)), new) == ()


def test_events_attribute_round_trip() -> None:
    events = (event(1, note="Ø ✓", deep={"a": [1, None]}), event(2))
    raw = EventsAttribute().serialize(events)
    assert EventsAttribute().deserialize(raw) == events
    assert EventsAttribute().deserialize(EventsAttribute().serialize(())) == ()


# Publishing


def test_published_entry_has_all_parts_of_the_event(bus: Bus) -> None:
    assert publish(bus, ("1", None, image(event(7)))) is None
    (entry,) = bus.entries
    assert (entry["EventBusName"], entry["Source"], entry["DetailType"]) == (
        "shop",
        "doorbuster",
        "OrderPlaced",
    )
    assert entry["Time"] == AT
    assert json.loads(entry["Detail"]) == {
        "id": "ord_1.7.OrderPlaced",
        "subject": "ord_1",
        "at": "2026-11-27T08:00:00+00:00",
        "data": {"n": 7},
    }


def test_no_call_is_made_without_new_events(bus: Bus) -> None:
    assert publish(bus, ("1", image(event(1)), image(event(1))), ("2", None, None)) is None
    assert bus.batch_sizes == []


def test_batches_have_at_most_ten_entries(bus: Bus) -> None:
    assert publish(bus, *((str(n), None, image(event(n))) for n in range(23))) is None
    assert bus.batch_sizes == [10, 10, 3]
    assert bus.event_ids == [event(n).id for n in range(23)]


def test_batches_stay_within_the_byte_limit(bus: Bus) -> None:
    big = "x" * 100_000
    assert publish(bus, *((str(n), None, image(event(n, big=big))) for n in range(5))) is None
    assert bus.batch_sizes == [2, 2, 1]


def test_temporarily_rejected_entries_are_retried(bus: Bus) -> None:
    bus.rejections = {event(1).id: 1, event(3).id: 2}
    assert publish(bus, *((str(n), None, image(event(n))) for n in range(4))) is None
    assert sorted(bus.event_ids) == [event(n).id for n in range(4)]
    assert bus.batch_sizes == [4, 2, 1]


def test_first_persistently_rejected_change_is_returned(bus: Bus) -> None:
    bus.rejections = {event(12).id: 99, event(11).id: 99}
    assert publish(bus, *((f"s{n}", None, image(event(n))) for n in range(30))) == "s11"
    assert event(20).id not in bus.event_ids


def test_unreadable_events_stop_publishing_at_their_change(bus: Bus) -> None:
    bad = {"events": b"rubbish"}
    assert (
        publish(
            bus,
            ("1", None, image(event(1))),
            ("2", None, bad),
            ("3", None, image(event(3))),
        )
        == "2"
    )
    assert bus.event_ids == [event(1).id]


@pytest.mark.parametrize("events", [[["id", "type"]], [[1, 2, 3, 4, 5]], {"a": 1}, 7, None])
def test_events_of_unknown_structure_stop_publishing_too(bus: Bus, events: Any) -> None:
    assert publish(bus, ("1", None, {"events": compress_json(events)})) == "1"


# As a stream reader


def reader(bus: Bus) -> Any:
    publisher = EventPublisher(bus, "shop")

    @stream_reader
    def handler(changes: Sequence[StreamRecord]) -> str | None:
        return publisher.publish([(c.sequence, c.old_image, c.new_image) for c in changes])

    return lambda batch: handler(batch, Context())


def rows(count: int) -> list[dict[str, Any]]:
    return [record(n, f"ORDER#ord_{n}", None, image(event(1, f"ord_{n}"))) for n in range(count)]


def poison(stream_record: dict[str, Any]) -> None:
    """Replace the events of a record by bytes that cannot be decoded."""
    events = {"B": base64.b64encode(b"poison").decode()}
    stream_record["dynamodb"]["NewImage"]["events"] = events


def test_stream_is_published_in_order(bus: Bus) -> None:
    pump = StreamPump(reader(bus))
    pump.run(rows(250))
    assert bus.event_ids == [event(1, f"ord_{n}").id for n in range(250)]
    assert (pump.calls, pump.dead_letters) == (3, [])


def test_successive_changes_publish_new_events_only(bus: Bus) -> None:
    first, second = image(event(1)), image(event(2))
    StreamPump(reader(bus)).run(
        [
            record(1, "ORDER#ord_1", None, first),
            record(2, "ORDER#ord_1", first, second),
            record(3, "ORDER#ord_1", second, second),
            record(4, "ORDER#ord_1", second, None),
        ]
    )
    assert bus.event_ids == [event(1).id, event(2).id]


@pytest.mark.parametrize("position", [0, 1, 57, 99, 100, 249])
def test_poisoned_record_alone_goes_to_the_dead_letter_queue(bus: Bus, position: int) -> None:
    poisoned = rows(250)
    poison(poisoned[position])
    pump = StreamPump(reader(bus))
    pump.run(poisoned)
    assert pump.dead_letters == [[f"{position:021d}"]]
    assert set(bus.event_ids) == {event(1, f"ord_{n}").id for n in range(250) if n != position}


@pytest.mark.parametrize("broken", [{"Q": "x"}, {}, {"S": "a", "N": "1"}, {"N": None}, {"B": "%"}])
def test_unreadable_image_alone_goes_to_the_dead_letter_queue(bus: Bus, broken: Any) -> None:
    poisoned = rows(30)
    poisoned[11]["dynamodb"]["NewImage"]["events"] = broken
    pump = StreamPump(reader(bus))
    pump.run(poisoned)
    assert pump.dead_letters == [[f"{11:021d}"]]
    assert len(set(bus.event_ids)) == 29


def test_ten_poisoned_of_1000_records_leave_990_published(bus: Bus) -> None:
    poisoned = rows(1000)
    positions = [3, 4, 5, 99, 100, 101, 500, 777, 998, 999]
    for position in positions:
        poisoned[position]["dynamodb"]["NewImage"]["events"] = {"B": ""}
    pump = StreamPump(reader(bus))
    pump.run(poisoned)
    assert sorted(pump.dead_letters) == [[f"{position:021d}"] for position in positions]
    assert len(set(bus.event_ids)) == 990


def test_outage_of_the_bus_loses_no_event(bus: Bus) -> None:
    bus.down = 7
    pump = StreamPump(reader(bus))
    pump.run(rows(100))
    assert pump.dead_letters == []
    assert sorted(set(bus.event_ids)) == sorted(event(1, f"ord_{n}").id for n in range(100))


def test_only_events_after_a_failed_one_are_published_twice(bus: Bus) -> None:
    bus.rejections = {event(1, "ord_5").id: 4}
    StreamPump(reader(bus)).run(rows(20))
    duplicates = {name for name, times in Counter(bus.event_ids).items() if times > 1}
    assert set(bus.event_ids) == {event(1, f"ord_{n}").id for n in range(20)}
    assert duplicates <= {event(1, f"ord_{n}").id for n in range(6, 10)}


def test_reporting_the_first_record_as_partial_failure_loses_records(bus: Bus) -> None:
    """The counterexample that explains why the stream decorator raises for the first record."""
    publisher = EventPublisher(bus, "shop")

    def naive(batch: dict[str, Any]) -> dict[str, Any]:
        for each in batch["Records"]:
            images = each["dynamodb"]
            raw = base64.b64decode(images["NewImage"]["events"]["B"])
            if publisher.publish([("x", None, {"events": raw})]):
                return {"batchItemFailures": [{"itemIdentifier": images["SequenceNumber"]}]}
        return {"batchItemFailures": []}

    poisoned = rows(10)
    poison(poisoned[4])
    pump = StreamPump(naive)
    pump.run(poisoned)
    assert len(pump.dead_letters[0]) == 6
    assert len(bus.event_ids) == 4
