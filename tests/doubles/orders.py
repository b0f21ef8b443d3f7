"""The order book in memory, and what an order's life needs beside it. They run the ports' suite."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from shop.kernel.errors import Invalid, NotFound, Stale, Unavailable
from shop.kernel.events import Event
from shop.kernel.paging import Page, from_cursor, to_cursor
from shop.kernel.transactions import Part
from shop.orders.model import Batch, Order, Status
from shop.orders.ports import GIVEN_UP, Letter, Summary
from tests.doubles.inventory import MemoryLedger


class MemoryOrders:
    """See :class:`shop.orders.ports.Orders`. ``outbox`` holds every event, as a stream would."""

    def __init__(self) -> None:
        self._heads: dict[str, Order] = {}
        self._tracks: dict[str, tuple[str, str]] = {}
        self._batches: dict[str, dict[str, Batch]] = {}
        self._taking: dict[str, bool] = {}
        self.outbox: list[Event] = []

    def all(self) -> tuple[Order, ...]:
        return tuple(self._heads.values())

    def of(self, owner: str, order_id: str) -> Order:
        order = self._heads.get(order_id)
        if order is None or order.owner != owner:
            raise NotFound("there is no such order")
        return order

    def by_id(self, order_id: str) -> Order:
        if order_id not in self._heads:
            raise NotFound("there is no such order")
        return self._heads[order_id]

    def name(self, order_id: str) -> str:
        return f"ORDER#{order_id}"

    def placing(self, order: Order, events: Sequence[Event]) -> Part:
        return lambda writes: writes.add(
            self.name(order.id),
            lambda: order.id not in self._heads,
            lambda: self._put(order, events),
        )

    def changing(self, before: Order, after: Order, events: Sequence[Event]) -> Part:
        saved = replace(after, version=before.version + 1)
        return lambda writes: writes.add(
            self.name(before.id),
            lambda: self._is(before),
            lambda: self._put(saved, events),
        )

    def save(self, before: Order, after: Order, events: Sequence[Event]) -> Order:
        with MemoryLedger._one_at_a_time:
            if not self._is(before):
                raise Stale("somebody else changed this order meanwhile")
            saved = replace(after, version=before.version + 1)
            self._put(saved, events)
            return saved

    def _is(self, before: Order) -> bool:
        now = self._heads.get(before.id)
        return now is not None and now.owner == before.owner and now.version == before.version

    def _put(self, order: Order, events: Sequence[Event]) -> None:
        self._heads[order.id] = order
        self.outbox += events

    def awaiting(self) -> Sequence[str]:
        late = [order for order in self.all() if order.awaits]
        return [order.id for order in sorted(late, key=lambda one: (one.placed_at, one.id))]

    def batches(self, order_id: str) -> tuple[bool | None, Sequence[Batch]]:
        there = self._batches.get(order_id, {})
        return self._taking.get(order_id), [there[name] for name in sorted(there)]

    def opening(self, order_id: str) -> Part:
        return self._if(
            order_id,
            lambda: order_id not in self._taking,
            lambda: self._taking.update({order_id: True}),
        )

    def turning(self, order_id: str) -> Part:
        return self._if(
            order_id,
            lambda: self._taking.get(order_id) is True,
            lambda: self._taking.update({order_id: False}),
        )

    def closing(self, order_id: str, *, taking: bool) -> Part:
        return self._if(
            order_id,
            lambda: self._taking.get(order_id) is taking,
            lambda: self._taking.pop(order_id),
        )

    def taking(self, order_id: str, batch: Batch) -> Part:
        return self._noting(order_id, batch, lambda: self._taking.get(order_id) is True)

    def owing(self, order_id: str, batch: Batch) -> Part:
        return self._noting(order_id, batch, lambda: True)

    def _noting(self, order_id: str, batch: Batch, may: Callable[[], bool]) -> Part:
        there = self._batches.setdefault(order_id, {})
        return self._if(
            order_id,
            lambda: may() and batch.name not in there,
            lambda: there.update({batch.name: batch}),
        )

    def done(self, order_id: str, batch: Batch) -> Part:
        there = self._batches.setdefault(order_id, {})
        return self._if(order_id, lambda: batch.name in there, lambda: there.pop(batch.name))

    def _if(self, order_id: str, may: Callable[[], bool], do: Callable[[], object]) -> Part:
        return lambda writes: writes.add(self.name(order_id), may, do)

    def of_customer(self, customer: str, *, cursor: str | None, limit: int) -> Page[Summary]:
        theirs = [o for o in self.all() if o.owner == customer and not o.never_placed]
        return self._page(theirs, cursor, limit)

    def placed_on(
        self, day: str, *, status: Status | None, cursor: str | None, limit: int
    ) -> Page[Summary]:
        found = [o for o in self.all() if f"{o.placed_at:%Y-%m-%d}" == day]
        shown = [o for o in found if o.status is not Status.PLACING or status is o.status]
        return self._page([o for o in shown if status in (None, o.status)], cursor, limit)

    def _page(self, orders: list[Order], cursor: str | None, limit: int) -> Page[Summary]:
        key = from_cursor(cursor)
        if key is not None and not isinstance(key.get("before"), list):
            raise Invalid("this cursor is not one of ours", code="cursor_invalid", path="cursor")

        def place(order: Order) -> tuple[str, str]:
            return order.placed_at.isoformat(timespec="microseconds"), order.id

        newest = sorted(orders, key=place, reverse=True)
        if key is not None:
            newest = [order for order in newest if place(order) < tuple(key["before"])]
        more = len(newest) > limit
        newest = newest[:limit]
        following = to_cursor({"before": list(place(newest[-1]))}) if more else None
        return Page(tuple(_summary(order) for order in newest), following)

    def overdue(self, at: datetime, most: int) -> Sequence[str]:
        due = int(at.timestamp())
        unpaid = [
            o
            for o in self._placed(at, Status.PLACING, Status.PLACED)
            if int(o.pay_by.timestamp()) <= due
        ]
        return [order.id for order in unpaid][:most]

    def waiting(self, before: datetime, most: int) -> Sequence[str]:
        return [order.id for order in self._placed(before, Status.PLACED)][:most]

    def _placed(self, before: datetime, *statuses: Status) -> list[Order]:
        days = {f"{before:%Y-%m-%d}", f"{before - timedelta(days=1):%Y-%m-%d}"}
        found = [
            order
            for order in self.all()
            if order.status in statuses
            and f"{order.placed_at:%Y-%m-%d}" in days
            and order.placed_at < before
        ]
        return sorted(found, key=lambda order: order.placed_at)

    def parcel(self, carrier: str, tracking_number: str) -> tuple[str, str]:
        try:
            return self._tracks[self.tracking_name(carrier, tracking_number)]
        except KeyError:
            raise NotFound("no parcel of ours has this tracking number") from None

    def tracking(self, carrier: str, tracking_number: str, order_id: str, parcel_id: str) -> Part:
        name = self.tracking_name(carrier, tracking_number)
        return lambda writes: writes.add(
            name,
            lambda: name not in self._tracks,
            lambda: self._tracks.__setitem__(name, (order_id, parcel_id)),
        )

    def tracking_name(self, carrier: str, tracking_number: str) -> str:
        return f"TRACK#{carrier.casefold()}#{tracking_number}"


def _summary(order: Order) -> Summary:
    return Summary(
        id=order.id,
        status=order.status,
        placed_at=order.placed_at,
        currency=order.currency,
        total=order.total,
        pieces=sum(line.quantity for line in order.lines),
        email=order.email,
    )


class MemoryWaits:
    """See :class:`shop.orders.ports.Waits`."""

    def __init__(self) -> None:
        self._tokens: dict[tuple[str, str], str] = {}

    def wait(self, order_id: str, step: str, token: str, at: datetime) -> None:
        self._tokens[order_id, step] = token

    def tokens(self, order_id: str, steps: Iterable[str]) -> dict[str, str]:
        known = ((step, self._tokens.get((order_id, step))) for step in steps)
        return {step: token for step, token in known if token is not None}


class MemoryLetters:
    """See :class:`shop.orders.ports.Letters`."""

    def __init__(self) -> None:
        self._taken: dict[tuple[str, str], datetime] = {}
        self._sent: set[tuple[str, str]] = set()

    def taken(self, order_id: str, kind: str, at: datetime) -> bool:
        name = (order_id, kind)
        if name in self._sent:
            return False
        before = self._taken.get(name)
        if before is not None and before > at - GIVEN_UP:
            raise Unavailable("somebody else writes this letter just now")
        self._taken[name] = at
        return True

    def sent(self, order_id: str, kind: str, at: datetime) -> None:
        self._sent.add((order_id, kind))


@dataclass
class MemoryMail:
    """See :class:`shop.orders.ports.Mail`. ``down`` makes it refuse."""

    letters: list[tuple[str, Letter]] = field(default_factory=list)
    down: bool = False

    def send(self, to: str, letter: Letter) -> None:
        if self.down:
            raise Unavailable("the mail service takes no letters just now")
        self.letters.append((to, letter))
