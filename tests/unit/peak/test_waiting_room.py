"""Waiting rooms: in order, at a pace, and only for whom the ticket was drawn."""

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
    queue_position,
    require_admission,
    sign_admission,
    ticket,
    verify_admission,
    waiting_room_for,
)
from shop.peak.ports import TicketCounter, WaitingRoomRepository
from shop.pricing.model.targeting import Selection
from tests.doubles.peak import FixedKeys, MemoryTicketCounter, MemoryWaitingRooms
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
CHK = "chk_" + "a" * 26
OTHER = "chk_" + "b" * 26


def after(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


class Hall:
    """A room with its desk, where people come and ask."""

    def __init__(self, room: WaitingRoom = ROOM) -> None:
        self.rooms = MemoryWaitingRooms((room,))
        self.counter = MemoryTicketCounter()
        self.desk = TicketDispenser(self.counter)
        self.keys = FixedKeys()

    def join(self, at: datetime, holder: str = CHK) -> IssuedTicket:
        return create_ticket(
            "friday",
            holder,
            waiting_rooms=self.rooms,
            desk=self.desk,
            admission_keys=self.keys,
            at=at,
        )

    def turn(self, text: str, at: datetime) -> str | None:
        return check_turn(
            "friday", text, waiting_rooms=self.rooms, admission_keys=self.keys, at=at
        ).admission

    def held(self, admission: str | None, at: datetime, holder: str = CHK) -> WaitingRoom | None:
        return blocking_room(
            holder, ["mug.1"], admission, waiting_rooms=self.rooms, admission_keys=self.keys, at=at
        )


# ------------------------------------------------------------------------------ the pace


def test_who_comes_to_an_empty_room_is_let_in_at_once() -> None:
    joined = Hall().join(after(100))
    assert joined.place.admission is not None


@pytest.mark.slow
def test_a_crowd_is_let_in_one_after_the_other_at_the_rooms_pace() -> None:
    hall = Hall()
    tickets = [hall.join(after(100 + n / 1000)).ticket for n in range(200)]
    let_in = [
        next(tenth for tenth in range(400) if hall.turn(text, after(100 + tenth / 10)))
        for text in tickets
    ]
    assert let_in == sorted(let_in)  # who came first is let in first
    for second in range(1, 19):
        within = sum(1 for tenth in let_in if second * 10 <= tenth < (second + 1) * 10)
        assert within == 10
    assert let_in[-1] in range(180, 200)  # 200 people, ten a second, ten of them at once


def test_an_idle_hour_is_not_saved_up_for_a_crowd() -> None:
    hall = Hall()
    at_once = sum(1 for _ in range(100) if hall.join(after(3600)).place.admission)
    assert at_once <= 11


def test_a_place_says_how_many_are_ahead_and_how_long_it_takes() -> None:
    hall = Hall()
    for _ in range(110):
        hall.join(after(100))
    last = hall.join(after(100)).place
    assert (last.ahead, last.seconds) == (100, 10)


def test_a_new_pace_holds_for_those_who_wait_and_takes_nobody_their_turn() -> None:
    hall = Hall()
    tickets = [hall.join(after(100)).ticket for _ in range(110)]
    hall.rooms.now = (ROOM.with_pace(50, after(105)),)
    assert hall.turn(tickets[59], after(105)) is not None
    assert hall.turn(tickets[109], after(105.9)) is None
    assert hall.turn(tickets[109], after(106.1)) is not None
    hall.rooms.now = (ROOM.with_pace(0, after(105)),)
    assert hall.turn(tickets[109], after(10_000)) is None
    stopped = check_turn(
        "friday", tickets[109], waiting_rooms=hall.rooms, admission_keys=hall.keys, at=after(106)
    )
    assert (stopped.seconds, stopped.admission) == (None, None)


# ------------------------------------------------------------------------------ the numbers


def test_a_number_is_drawn_once_and_never_below_what_was_let_in(counter: TicketCounter) -> None:
    drawn = [counter.draw("a", 3, 0), counter.draw("a", 1, 0), counter.draw("b", 5, 7)]
    assert drawn == [0, 3, 7]
    assert counter.draw("a", 2, 50) == 50
    assert counter.draw("a", 2, 10) == 52


@pytest.mark.slow
def test_ten_thousand_joins_a_second_cost_a_few_hundred_writes_and_keep_their_order() -> None:
    """200 Lambdas, each with 50 joins in each of five seconds, in any order within a second."""
    counter, chance = MemoryTicketCounter(), random.Random(2026)
    room = replace(ROOM, admissions_per_second=1000)
    desks = [TicketDispenser(counter) for _ in range(200)]
    seconds: list[list[int]] = []
    writes = []
    for second in range(5):
        before = counter.writes
        turns = [desk for desk in desks for _ in range(50)]
        chance.shuffle(turns)
        moments = sorted(chance.uniform(second, second + 1) for _ in turns)
        seconds.append(
            [desk.next_number(room, after(at)) for desk, at in zip(turns, moments, strict=True)]
        )
        writes.append(counter.writes - before)
    numbers = [number for those in seconds for number in those]
    assert len(set(numbers)) == 50_000
    for earlier, later in itertools.pairwise(seconds):
        assert max(earlier) < min(later)
    assert max(writes) < 1500  # the first second, before they know what a crowd it is
    assert max(writes[1:]) < 600  # of the 1,000 that a partition takes
    wasted = 1 - 50_000 / (max(numbers) + 1)
    assert wasted < 0.15


# ------------------------------------------------------------------------------ what is signed


def test_an_admission_opens_its_own_checkout_and_no_other() -> None:
    hall = Hall()
    admission = hall.join(NOON).place.admission
    assert admission is not None
    assert hall.held(None, NOON) == ROOM
    assert hall.held(admission, after(1)) is None
    with pytest.raises(Forbidden) as refused:
        hall.held(admission, after(1), holder=OTHER)
    assert refused.value.code == "admission_foreign"
    with pytest.raises(Conflict) as late:
        hall.held(admission, after(61))
    assert late.value.code == "admission_expired"


def test_a_turn_that_is_not_taken_passes_and_asking_again_does_not_prolong_it() -> None:
    hall = Hall()
    text = [hall.join(NOON).ticket for _ in range(50)][-1]
    first = hall.turn(text, after(10))
    assert first == hall.turn(text, after(40))
    with pytest.raises(Conflict) as missed:
        hall.turn(text, after(70))
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
        sign_admission(Admission("ticket", "friday.1", 0, CHK, after(60)), b"another key"),
        sign_admission(Admission("ticket", "friday.1", 0, CHK, after(60)), KEY) + "A",
        sign_admission(Admission("ticket", "friday.1", 0, CHK, after(60)), KEY)[:-2],
        sign_admission(Admission("admission", "friday.1", 0, CHK, after(60)), KEY),
    ],
)
def test_what_we_did_not_sign_is_no_ticket(text: str) -> None:
    with pytest.raises(Forbidden) as refused:
        verify_admission(text, "ticket", [KEY])
    assert refused.value.code == "ticket_forged"


def test_a_ticket_is_no_admission_and_a_changed_number_no_ticket() -> None:
    hall = Hall()
    text = [hall.join(NOON).ticket for _ in range(50)][-1]
    with pytest.raises(Forbidden):
        hall.held(text, NOON)
    body, _, mac = text.partition(".")
    first = sign_admission(Admission("ticket", "friday.1", 0, CHK, after(60)), b"x").partition(".")[
        0
    ]
    with pytest.raises(Forbidden):
        hall.turn(f"{first}.{mac}", NOON)
    assert body != first


def test_passes_signed_before_the_key_was_replaced_are_still_good() -> None:
    hall = Hall()
    admission = hall.join(NOON).place.admission
    hall.keys.known = (b"a new key", KEY)
    assert hall.held(admission, after(1)) is None
    hall.keys.known = (b"a new key",)
    with pytest.raises(Forbidden):
        hall.held(admission, after(1))


def test_tickets_and_admissions_of_an_earlier_opening_are_worth_nothing() -> None:
    hall = Hall()
    joined = hall.join(NOON)
    hall.rooms.now = (replace(ROOM, key="friday.2"),)
    with pytest.raises(Conflict):
        hall.turn(joined.ticket, NOON)
    with pytest.raises(Forbidden):
        hall.held(joined.place.admission, NOON)
    old = ticket(ROOM, 0, CHK, NOON)
    with pytest.raises(Conflict):
        queue_position(ROOM, old, NOON + timedelta(hours=7), KEY)


# ------------------------------------------------------------------------------ out of reach


@pytest.mark.parametrize("blind", list(OutagePolicy))
def test_without_its_counter_a_room_is_open_or_closed_as_was_chosen(blind: OutagePolicy) -> None:
    hall = Hall(replace(ROOM, outage_policy=blind))
    hall.counter.away = True
    if blind is OutagePolicy.FAIL_OPEN:
        assert hall.join(after(5)).place.admission is not None
    else:
        with pytest.raises(Unavailable):
            hall.join(after(5))


@pytest.mark.parametrize("blind", list(OutagePolicy))
def test_without_its_key_the_till_is_open_or_closed_as_was_chosen(blind: OutagePolicy) -> None:
    hall = Hall(replace(ROOM, outage_policy=blind))
    admission = hall.join(NOON).place.admission
    hall.keys.known = ()
    if blind is OutagePolicy.FAIL_OPEN:
        assert hall.held(admission, after(1)) is None
    else:
        with pytest.raises(Unavailable):
            hall.held(admission, after(1))


# ------------------------------------------------------------------------------ which checkouts


def test_only_checkouts_with_the_promotions_goods_wait() -> None:
    mugs = replace(ROOM, products=("mug",), variants=())
    everything = replace(ROOM, products=(), variants=())
    assert waiting_room_for([ROOM], ["cup.1", "mug.2"]) is None
    assert waiting_room_for([ROOM], ["cup.1", "mug.1"]) == ROOM
    assert waiting_room_for([mugs], ["mug.2"]) == mugs
    assert waiting_room_for([everything], ["cup.1"]) == everything
    slow = replace(everything, promotion_id="all", admissions_per_second=1)
    assert waiting_room_for([ROOM, slow], ["mug.1"]) == slow
    assert waiting_room_for([], ["mug.1"]) is None


def test_staff_open_a_room_change_its_pace_and_close_it(
    room_repository: WaitingRoomRepository,
) -> None:
    promotions = MemoryPromotions({"friday": sale(), "all": sale("all", goods=Selection())})

    def opened(id_: str, pace: int, at: datetime, stay: int = 600) -> WaitingRoom:
        return set_waiting_room(
            id_,
            admissions_per_second=pace,
            purchase_window_seconds=stay,
            outage_policy=OutagePolicy.FAIL_CLOSED,
            actor="ada",
            reason="a rush",
            promotions=promotions,
            repository=room_repository,
            at=at,
        )

    first = opened("friday", 10, NOON)
    assert (first.variants, first.admitted_count(after(5))) == (("mug.1",), 50)
    second = opened("friday", 100, after(5))
    assert (second.key, second.admitted_count(after(6))) == (first.key, 150)
    assert opened("all", 1, NOON).applies_to(["cup.1"])
    assert {room.promotion_id for room in room_repository.list_rooms()[0]} == {"friday", "all"}
    assert room_repository.list_rooms()[0][0] == second
    _, version = room_repository.list_rooms()
    delete_waiting_room("friday", repository=room_repository)
    with pytest.raises(VersionConflict):
        room_repository.save([], version)
    with pytest.raises(NotFound):
        delete_waiting_room("friday", repository=room_repository)
    assert opened("friday", 10, after(60)).key != first.key
    refusals: list[tuple[type[ShopError], tuple[str, int, datetime, int]]] = [
        (NotFound, ("nobody", 10, NOON, 600)),
        (InvalidRequest, ("friday", -1, NOON, 600)),
        (InvalidRequest, ("friday", 10, NOON, 5)),
    ]
    for refusal, asked in refusals:
        with pytest.raises(refusal):
            opened(*asked)


def test_admitted_says_nothing_to_who_is_in() -> None:
    text = sign_admission(Admission("admission", ROOM.key, 1, CHK, after(10)), KEY)
    require_admission(ROOM, text, CHK, NOON, [KEY])
