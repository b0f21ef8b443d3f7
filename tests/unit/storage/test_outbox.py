"""Every event that a row carries leaves once it is new, in order, whatever the bus does."""

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
    """EventBridge: takes entries, refuses some for a while or for good, is down when told so."""

    def __init__(self) -> None:
        self.entries: list[dict[str, Any]] = []
        self.sizes: list[int] = []
        self.refuses: dict[str, int] = {}
        self.down = 0

    def put_events(self, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803
        assert 1 <= len(Entries) <= MAX_ENTRIES_PER_CALL
        size = sum(14 + len(e["Detail"]) + len(e["DetailType"]) + len(e["Source"]) for e in Entries)
        assert size <= MAX_BYTES_PER_CALL or len(Entries) == 1
        self.sizes.append(len(Entries))
        if self.down:
            self.down -= 1
            raise ConnectionError("no bus")
        results: list[dict[str, str]] = []
        for entry in Entries:
            name = json.loads(entry["Detail"])["id"]
            if self.refuses.get(name, 0):
                self.refuses[name] -= 1
                results.append({"ErrorCode": "ThrottlingException", "ErrorMessage": "slow down"})
            else:
                self.entries.append(entry)
                results.append({"EventId": name})
        return {"Entries": results, "FailedEntryCount": 0}

    @property
    def told(self) -> list[str]:
        return [json.loads(entry["Detail"])["id"] for entry in self.entries]


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "PAUSE", 0)


@pytest.fixture
def bus() -> Bus:
    return Bus()


def publish(bus: Bus, *changes: tuple[str, Any, Any]) -> str | None:
    return EventPublisher(bus, "shop").publish(changes)


# What is new


def test_events_of_a_new_row_are_new() -> None:
    assert new_events(None, image(event(1), event(2))) == (event(1), event(2))


def test_events_that_the_row_held_before_are_not_told_again() -> None:
    assert new_events(image(event(1)), image(event(1))) == ()
    assert new_events(image(event(1)), image(event(2))) == (event(2),)


@pytest.mark.parametrize("new", [None, {}, {"PK": "ORDER#1", "token": "t"}, image()])
def test_rows_without_events_tell_nothing(new: Any) -> None:
    assert new_events(None, new) == ()
    assert new_events(image(event(1)), new) == ()


def test_events_read_as_they_were_written() -> None:
    told = (event(1, note="Ø ✓", deep={"a": [1, None]}), event(2))
    raw = EventsAttribute().serialize(told)
    assert EventsAttribute().deserialize(raw) == told
    assert EventsAttribute().deserialize(EventsAttribute().serialize(())) == ()


# On the bus


def test_an_event_arrives_whole(bus: Bus) -> None:
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


def test_nothing_new_asks_nothing_of_the_bus(bus: Bus) -> None:
    assert publish(bus, ("1", image(event(1)), image(event(1))), ("2", None, None)) is None
    assert bus.sizes == []


def test_ten_at_once_and_not_one_more(bus: Bus) -> None:
    assert publish(bus, *((str(n), None, image(event(n))) for n in range(23))) is None
    assert bus.sizes == [10, 10, 3]
    assert bus.told == [event(n).id for n in range(23)]


def test_large_events_travel_in_fewer(bus: Bus) -> None:
    big = "x" * 100_000
    assert publish(bus, *((str(n), None, image(event(n, big=big))) for n in range(5))) is None
    assert bus.sizes == [2, 2, 1]


def test_what_the_bus_refuses_for_the_moment_is_sent_again(bus: Bus) -> None:
    bus.refuses = {event(1).id: 1, event(3).id: 2}
    assert publish(bus, *((str(n), None, image(event(n))) for n in range(4))) is None
    assert sorted(bus.told) == [event(n).id for n in range(4)]
    assert bus.sizes == [4, 2, 1]


def test_what_the_bus_keeps_refusing_is_the_first_that_failed(bus: Bus) -> None:
    bus.refuses = {event(12).id: 99, event(11).id: 99}
    assert publish(bus, *((f"s{n}", None, image(event(n))) for n in range(30))) == "s11"
    assert event(20).id not in bus.told


def test_a_row_whose_events_cannot_be_read_stops_there(bus: Bus) -> None:
    bad = {"events": b"rubbish"}
    assert (
        publish(bus, ("1", None, image(event(1))), ("2", None, bad), ("3", None, image(event(3))))
        == "2"
    )
    assert bus.told == [event(1).id]


@pytest.mark.parametrize("events", [[["id", "type"]], [[1, 2, 3, 4, 5]], {"a": 1}, 7, None])
def test_events_of_another_shape_stop_there_too(bus: Bus, events: Any) -> None:
    assert publish(bus, ("1", None, {"events": compress_json(events)})) == "1"


# Behind a stream


def reader(bus: Bus) -> Any:
    publisher = EventPublisher(bus, "shop")

    @stream_reader
    def handler(changes: Sequence[StreamRecord]) -> str | None:
        return publisher.publish([(c.sequence, c.old, c.new_image) for c in changes])

    return lambda batch: handler(batch, Context())


def rows(count: int) -> list[dict[str, Any]]:
    return [record(n, f"ORDER#ord_{n}", None, image(event(1, f"ord_{n}"))) for n in range(count)]


def test_a_stream_is_told_in_its_order(bus: Bus) -> None:
    pump = StreamPump(reader(bus))
    pump.run(rows(250))
    assert bus.told == [event(1, f"ord_{n}").id for n in range(250)]
    assert (pump.calls, pump.dead_letters) == (3, [])


def test_a_change_of_a_change_tells_only_what_is_new(bus: Bus) -> None:
    first, second = image(event(1)), image(event(2))
    StreamPump(reader(bus)).run(
        [
            record(1, "ORDER#ord_1", None, first),
            record(2, "ORDER#ord_1", first, second),
            record(3, "ORDER#ord_1", second, second),
            record(4, "ORDER#ord_1", second, None),
        ]
    )
    assert bus.told == [event(1).id, event(2).id]


@pytest.mark.parametrize("place", [0, 1, 57, 99, 100, 249])
def test_a_poisoned_change_is_set_aside_alone_and_blocks_nothing(bus: Bus, place: int) -> None:
    poisoned = rows(250)
    poisoned[place]["dynamodb"]["NewImage"]["events"] = {"B": base64.b64encode(b"poison").decode()}
    pump = StreamPump(reader(bus))
    pump.run(poisoned)
    assert pump.dead_letters == [[f"{place:021d}"]]
    assert set(bus.told) == {event(1, f"ord_{n}").id for n in range(250) if n != place}


@pytest.mark.parametrize("broken", [{"Q": "x"}, {}, {"S": "a", "N": "1"}, {"N": None}, {"B": "%"}])
def test_an_image_that_cannot_be_read_is_set_aside_alone(bus: Bus, broken: Any) -> None:
    poisoned = rows(30)
    poisoned[11]["dynamodb"]["NewImage"]["events"] = broken
    pump = StreamPump(reader(bus))
    pump.run(poisoned)
    assert pump.dead_letters == [[f"{11:021d}"]]
    assert len(set(bus.told)) == 29


def test_ten_poisoned_of_a_thousand_leave_nine_hundred_and_ninety(bus: Bus) -> None:
    poisoned = rows(1000)
    places = [3, 4, 5, 99, 100, 101, 500, 777, 998, 999]
    for place in places:
        poisoned[place]["dynamodb"]["NewImage"]["events"] = {"B": ""}
    pump = StreamPump(reader(bus))
    pump.run(poisoned)
    assert sorted(pump.dead_letters) == [[f"{place:021d}"] for place in places]
    assert len(set(bus.told)) == 990


def test_a_bus_that_is_down_for_a_while_loses_nothing(bus: Bus) -> None:
    bus.down = 7
    pump = StreamPump(reader(bus))
    pump.run(rows(100))
    assert pump.dead_letters == []
    assert sorted(set(bus.told)) == sorted(event(1, f"ord_{n}").id for n in range(100))


def test_an_event_is_doubled_only_behind_one_that_failed(bus: Bus) -> None:
    bus.refuses = {event(1, "ord_5").id: 4}
    StreamPump(reader(bus)).run(rows(20))
    doubled = {name for name, times in Counter(bus.told).items() if times > 1}
    assert set(bus.told) == {event(1, f"ord_{n}").id for n in range(20)}
    assert doubled <= {event(1, f"ord_{n}").id for n in range(6, 10)}


def test_a_reader_that_reported_the_front_one_as_a_part_would_lose_its_neighbours(bus: Bus) -> None:
    """Why the frame raises: the pump is fed with a reader that does not."""
    publisher = EventPublisher(bus, "shop")

    def naive(batch: dict[str, Any]) -> dict[str, Any]:
        for each in batch["Records"]:
            images = each["dynamodb"]
            raw = base64.b64decode(images["NewImage"]["events"]["B"])
            if publisher.publish([("x", None, {"events": raw})]):
                return {"batchItemFailures": [{"itemIdentifier": images["SequenceNumber"]}]}
        return {"batchItemFailures": []}

    poisoned = rows(10)
    poisoned[4]["dynamodb"]["NewImage"]["events"] = {"B": base64.b64encode(b"poison").decode()}
    pump = StreamPump(naive)
    pump.run(poisoned)
    assert len(pump.dead_letters[0]) == 6
    assert len(bus.told) == 4
