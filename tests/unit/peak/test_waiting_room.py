"""Waiting rooms: admission in order, at a rate, and for one checkout only."""

import itertools
import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from shop.kernel.errors import (
    Conflict,
    Forbidden,
    InvalidRequest,
    NotFound,
    ShopError,
    Unavailable,
    VersionConflict,
)
from shop.peak.actions.queue_turns import (
    IssuedTicket,
    TicketDispenser,
    blocking_room,
    check_turn,
    create_ticket,
)
from shop.peak.actions.waiting_rooms import delete_waiting_room, set_waiting_room
from shop.peak.model.waiting_room import (
    Admission,
    OutagePolicy,
    WaitingRoom,
    WaitingRoomSettings,
    new_ticket,
    queue_position,
    require_admission,
    sign_admission,
    verify_admission,
    waiting_room_for,
)
from shop.peak.ports import TicketCounter, WaitingRoomRepository
from shop.pricing.model.targeting import Selection
from tests.doubles.peak import FixedAdmissionKeys, MemoryTicketCounter, MemoryWaitingRooms
from tests.doubles.pricing import MemoryPromotions
from tests.unit.peak.test_capacity import sale

NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)
KEY = b"a key of the tests"
ROOM = WaitingRoom(
    "friday",
    "friday.1",
    admissions_per_second=10,
    since=NOON,
    variants=("mug.1",),
    purchase_window_seconds=60,
)
CHECKOUT = "chk_" + "a" * 26
OTHER_CHECKOUT = "chk_" + "b" * 26


def after(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


class WaitingRoomFixture:
    """A waiting room with its dispenser and keys, and the calls that customers make."""

    def __init__(self, room: WaitingRoom = ROOM) -> None:
        self.rooms = MemoryWaitingRooms((room,))
        self.counter = MemoryTicketCounter()
        self.dispenser = TicketDispenser(self.counter)
        self.keys = FixedAdmissionKeys()

    def get_ticket(self, at: datetime, checkout_id: str = CHECKOUT) -> IssuedTicket:
        return create_ticket(
            "friday",
            checkout_id,
            waiting_rooms=self.rooms,
            dispenser=self.dispenser,
            admission_keys=self.keys,
            at=at,
        )

    def admission(self, text: str, at: datetime) -> str | None:
        return check_turn(
            "friday", text, waiting_rooms=self.rooms, admission_keys=self.keys, at=at
        ).admission

    def blocking(
        self, admission: str | None, at: datetime, checkout_id: str = CHECKOUT
    ) -> WaitingRoom | None:
        return blocking_room(
            checkout_id,
            ["mug.1"],
            admission,
            waiting_rooms=self.rooms,
            admission_keys=self.keys,
            at=at,
        )


# Rate


def test_empty_room_admits_at_once() -> None:
    issued = WaitingRoomFixture().get_ticket(after(100))
    assert issued.position.admission is not None


@pytest.mark.slow
def test_tickets_are_admitted_in_order_at_the_rate() -> None:
    shop = WaitingRoomFixture()
    tickets = [shop.get_ticket(after(100 + n / 1000)).ticket for n in range(200)]
    admitted_at = [
        next(tenth for tenth in range(400) if shop.admission(text, after(100 + tenth / 10)))
        for text in tickets
    ]
    assert admitted_at == sorted(admitted_at)  # in order of arrival
    for second in range(1, 19):
        within = sum(1 for tenth in admitted_at if second * 10 <= tenth < (second + 1) * 10)
        assert within == 10
    assert admitted_at[-1] in range(180, 200)  # 200 tickets, ten per second, ten of them at once


def test_admissions_of_an_idle_hour_are_not_saved_up() -> None:
    shop = WaitingRoomFixture()
    at_once = sum(1 for _ in range(100) if shop.get_ticket(after(3600)).position.admission)
    assert at_once <= 11


def test_queue_position_shows_tickets_ahead_and_waiting_time() -> None:
    shop = WaitingRoomFixture()
    for _ in range(110):
        shop.get_ticket(after(100))
    last = shop.get_ticket(after(100)).position
    assert (last.ahead, last.wait_seconds) == (100, 10)


def test_new_rate_applies_to_waiting_tickets_and_keeps_admissions() -> None:
    shop = WaitingRoomFixture()
    tickets = [shop.get_ticket(after(100)).ticket for _ in range(110)]
    shop.rooms.rooms = (ROOM.with_rate(50, after(105)),)
    assert shop.admission(tickets[59], after(105)) is not None
    assert shop.admission(tickets[109], after(105.9)) is None
    assert shop.admission(tickets[109], after(106.1)) is not None
    shop.rooms.rooms = (ROOM.with_rate(0, after(105)),)
    assert shop.admission(tickets[109], after(10_000)) is None
    stopped = check_turn(
        "friday", tickets[109], waiting_rooms=shop.rooms, admission_keys=shop.keys, at=after(106)
    )
    assert (stopped.wait_seconds, stopped.admission) == (None, None)


# Numbers


def test_number_is_drawn_once_and_not_below_the_lowest(counter: TicketCounter) -> None:
    drawn = [counter.draw("a", 3, 0), counter.draw("a", 1, 0), counter.draw("b", 5, 7)]
    assert drawn == [0, 3, 7]
    assert counter.draw("a", 2, 50) == 50
    assert counter.draw("a", 2, 10) == 52


@pytest.mark.slow
def test_10000_tickets_per_second_cost_few_writes_and_keep_order() -> None:
    """200 Lambdas issue 50 tickets each in each of five seconds, in any order within a second."""
    counter, chance = MemoryTicketCounter(), random.Random(2026)
    room = replace(ROOM, admissions_per_second=1000)
    # Given 200 processes
    dispensers = [TicketDispenser(counter) for _ in range(200)]
    seconds: list[list[int]] = []
    writes = []
    # When each issues 50 tickets in each second
    for second in range(5):
        before = counter.writes
        turns = [dispenser for dispenser in dispensers for _ in range(50)]
        chance.shuffle(turns)
        moments = sorted(chance.uniform(second, second + 1) for _ in turns)
        seconds.append(
            [
                dispenser.next_number(room, after(at))
                for dispenser, at in zip(turns, moments, strict=True)
            ]
        )
        writes.append(counter.writes - before)
    # Then numbers are unique and in order of the seconds, with few writes
    numbers = [number for drawn in seconds for number in drawn]
    assert len(set(numbers)) == 50_000
    for earlier, later in itertools.pairwise(seconds):
        assert max(earlier) < min(later)
    assert max(writes) < 1500  # the first second, before the load is known
    assert max(writes[1:]) < 600  # of the 1,000 that a partition serves
    wasted = 1 - 50_000 / (max(numbers) + 1)
    assert wasted < 0.15


# Signatures


def test_admission_is_valid_for_its_own_checkout_only() -> None:
    shop = WaitingRoomFixture()
    admission = shop.get_ticket(NOON).position.admission
    assert admission is not None
    assert shop.blocking(None, NOON) == ROOM
    assert shop.blocking(admission, after(1)) is None
    with pytest.raises(Forbidden) as error:
        shop.blocking(admission, after(1), checkout_id=OTHER_CHECKOUT)
    assert error.value.code == "admission_foreign"
    with pytest.raises(Conflict) as late:
        shop.blocking(admission, after(61))
    assert late.value.code == "admission_expired"


def test_missed_turn_expires_and_is_not_prolonged_by_polling() -> None:
    shop = WaitingRoomFixture()
    text = [shop.get_ticket(NOON).ticket for _ in range(50)][-1]
    first = shop.admission(text, after(10))
    assert first == shop.admission(text, after(40))
    with pytest.raises(Conflict) as missed:
        shop.admission(text, after(70))
    assert missed.value.code == "turn_missed"


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "x",
        "é.é",
        "W10.W10",
        "a" * 5000,
        sign_admission(Admission("ticket", "friday.1", 0, CHECKOUT, after(60)), b"another key"),
        sign_admission(Admission("ticket", "friday.1", 0, CHECKOUT, after(60)), KEY) + "A",
        sign_admission(Admission("ticket", "friday.1", 0, CHECKOUT, after(60)), KEY)[:-2],
        sign_admission(Admission("admission", "friday.1", 0, CHECKOUT, after(60)), KEY),
    ],
)
def test_text_without_valid_signature_is_no_ticket(text: str) -> None:
    with pytest.raises(Forbidden) as error:
        verify_admission(text, "ticket", [KEY])
    assert error.value.code == "ticket_forged"


def test_ticket_is_no_admission_and_cannot_be_changed() -> None:
    shop = WaitingRoomFixture()
    text = [shop.get_ticket(NOON).ticket for _ in range(50)][-1]
    with pytest.raises(Forbidden):
        shop.blocking(text, NOON)
    body, _, mac = text.partition(".")
    first = sign_admission(Admission("ticket", "friday.1", 0, CHECKOUT, after(60)), b"x").partition(
        "."
    )[0]
    with pytest.raises(Forbidden):
        shop.admission(f"{first}.{mac}", NOON)
    assert body != first


def test_admission_signed_with_the_previous_key_is_valid() -> None:
    shop = WaitingRoomFixture()
    admission = shop.get_ticket(NOON).position.admission
    shop.keys.valid = (b"a new key", KEY)
    assert shop.blocking(admission, after(1)) is None
    shop.keys.valid = (b"a new key",)
    with pytest.raises(Forbidden):
        shop.blocking(admission, after(1))


def test_tickets_and_admissions_of_an_earlier_opening_are_invalid() -> None:
    shop = WaitingRoomFixture()
    issued = shop.get_ticket(NOON)
    shop.rooms.rooms = (replace(ROOM, key="friday.2"),)
    with pytest.raises(Conflict):
        shop.admission(issued.ticket, NOON)
    with pytest.raises(Forbidden):
        shop.blocking(issued.position.admission, NOON)
    old = new_ticket(ROOM, 0, CHECKOUT, NOON)
    with pytest.raises(Conflict):
        queue_position(ROOM, old, NOON + timedelta(hours=7), KEY)


# Outages


@pytest.mark.parametrize("policy", list(OutagePolicy))
def test_counter_outage_follows_the_outage_policy(policy: OutagePolicy) -> None:
    shop = WaitingRoomFixture(replace(ROOM, outage_policy=policy))
    shop.counter.unreachable = True
    if policy is OutagePolicy.FAIL_OPEN:
        assert shop.get_ticket(after(5)).position.admission is not None
    else:
        with pytest.raises(Unavailable):
            shop.get_ticket(after(5))


@pytest.mark.parametrize("policy", list(OutagePolicy))
def test_key_outage_follows_the_outage_policy(policy: OutagePolicy) -> None:
    shop = WaitingRoomFixture(replace(ROOM, outage_policy=policy))
    admission = shop.get_ticket(NOON).position.admission
    shop.keys.valid = ()
    if policy is OutagePolicy.FAIL_OPEN:
        assert shop.blocking(admission, after(1)) is None
    else:
        with pytest.raises(Unavailable):
            shop.blocking(admission, after(1))


# Administration


def test_only_checkouts_with_goods_of_the_promotion_wait() -> None:
    mugs = replace(ROOM, products=("mug",), variants=())
    everything = replace(ROOM, products=(), variants=())
    assert waiting_room_for([ROOM], ["cup.1", "mug.2"]) is None
    assert waiting_room_for([ROOM], ["cup.1", "mug.1"]) == ROOM
    assert waiting_room_for([mugs], ["mug.2"]) == mugs
    assert waiting_room_for([everything], ["cup.1"]) == everything
    slow = replace(everything, promotion_id="all", admissions_per_second=1)
    assert waiting_room_for([ROOM, slow], ["mug.1"]) == slow
    assert waiting_room_for([], ["mug.1"]) is None


def test_staff_open_change_and_close_a_waiting_room(
    room_repository: WaitingRoomRepository,
) -> None:
    promotions = MemoryPromotions({"friday": sale(), "all": sale("all", goods=Selection())})

    def open_room(id_: str, rate: int, at: datetime, window: int = 600) -> WaitingRoom:
        return set_waiting_room(
            id_,
            WaitingRoomSettings(rate, window, OutagePolicy.FAIL_CLOSED),
            actor="ada",
            reason="a traffic peak",
            promotions=promotions,
            repository=room_repository,
            at=at,
        )

    # When staff open a room and change its rate, the admitted count continues
    first = open_room("friday", 10, NOON)
    assert (first.variants, first.admitted_count(after(5))) == (("mug.1",), 50)
    second = open_room("friday", 100, after(5))
    assert (second.key, second.admitted_count(after(6))) == (first.key, 150)
    assert open_room("all", 1, NOON).applies_to(["cup.1"])
    rooms, version = room_repository.list_waiting_rooms()
    assert {room.promotion_id for room in rooms} == {"friday", "all"}
    assert rooms[0] == second
    # When the room is closed, a new opening has another key
    delete_waiting_room("friday", repository=room_repository)
    with pytest.raises(VersionConflict):
        room_repository.save([], version)
    with pytest.raises(NotFound):
        delete_waiting_room("friday", repository=room_repository)
    assert open_room("friday", 10, after(60)).key != first.key
    # Then invalid settings are rejected
    rejected: list[tuple[type[ShopError], tuple[str, int, datetime, int]]] = [
        (NotFound, ("unknown", 10, NOON, 600)),
        (InvalidRequest, ("friday", -1, NOON, 600)),
        (InvalidRequest, ("friday", 10, NOON, 5)),
    ]
    for expected_error, arguments in rejected:
        with pytest.raises(expected_error):
            open_room(*arguments)


def test_valid_admission_raises_nothing() -> None:
    text = sign_admission(Admission("admission", ROOM.key, 1, CHECKOUT, after(10)), KEY)
    require_admission(ROOM, text, CHECKOUT, NOON, [KEY])
