"""Buy: place the order once, then ask for the money."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from shop.cart.actions import NOTHING
from shop.cart.model import Message
from shop.checkout.actions.offering import as_offered, holding, of_now, offer_again
from shop.checkout.actions.paying import go_on
from shop.checkout.actions.shown import UNPAID, Gate, Shown
from shop.checkout.actions.telling import (
    gifts_gone,
    in_progress,
    less_covered,
    price_changed,
    refuse_if_bought,
    short_of,
    used_up,
    way_gone,
)
from shop.checkout.actions.till import Tender, Till
from shop.checkout.model import (
    MOST_ROWS,
    Offer,
    Session,
    order_from,
    placed,
)
from shop.inventory.model import Hold, Shortage
from shop.inventory.model.bins import AWAITED
from shop.inventory.ports import Stock
from shop.kernel.counts import Count
from shop.kernel.errors import Conflict, Invalid, Unavailable
from shop.kernel.idempotency import Ask, answer_kept
from shop.kernel.money import Money
from shop.kernel.transactions import Clash, Crowded
from shop.orders.model import GUEST, Order
from shop.orders.model import Status as OrderStatus
from shop.pricing.actions.credits import Part, counts_for, paying
from shop.pricing.model.seen import TOTAL, Seen

TRIES = 8
"""Times that stock and uses are drawn: at the end of a rush, others are often faster."""
ROWS_OF_A_CREDIT = 2
"""An account's head and its newest entry."""
BESIDE = 3
"""Rows that an order writes beside its stock and its uses: itself, the session, the key."""


def complete_checkout(
    session_id: str,
    tender: Tender,
    ask: Ask,
    till: Till,
    render: Callable[[Shown], Mapping[str, Any]],
    gate: Gate = lambda session: None,
    *,
    asker: str,
) -> Mapping[str, Any]:
    """Buy: place the order once, then ask for the money. Returns the rendered answer.

    Short stock, a coupon or sale used up, a declined payment or a price that changed meanwhile are
    answers, not errors: the checkout as it stands, with messages. Raises Unavailable where the
    provider cannot be reached: the same request again goes on from there. Raises KeyReused,
    NotFound, and Conflict once the checkout is completed under another key or canceled.
    """
    credential = tender.credential
    if credential is not None:
        till.provider.check(credential)
    covered: tuple[int, Sequence[Part | None]] | None = None
    for _ in range(TRIES):
        session = till.sessions.of(ask.owner, session_id, ask.at)
        till = till.towards(session.destination)
        if session.order_id is not None or session.canceled:
            kept = answer_kept(ask, till.keys)
            if kept is not None:
                return kept
        session.open_or_refuse()
        if session.order_id is not None:
            order = till.orders.of(ask.owner, session.order_id)
            if session.placed_key == ask.key:
                return go_on(session, order, credential, ask, till, render)
            refuse_if_bought(order)
            if order.status in UNPAID:
                return render(Shown(session, order, (in_progress(),)))
        rules = till.shelf.book.rules(ask.at)
        if session.offer.short or not of_now(session.offer, rules, ask.at):
            renewed = _renewed(session, ask.at, till)
            if renewed.offer.quote.total != session.offer.quote.total:
                return render(Shown(renewed, None, (_told(session, renewed, till, ask.at),)))
            was, way = session.offer.option, renewed.offer.option
            if was is not None and way is not None and was.id != way.id:
                return render(Shown(renewed, None, (way_gone(was.title, way, "error"),)))
            session = renewed
        if not session.ready:
            return render(Shown(replace(session, order_id=None)))
        held = gate(session)
        if held is not None:
            waiting = replace(session, order_id=None)
            return render(Shown(waiting, None, (held.message,), held.continue_url))
        if not tender.ids and session.offer.quote.total.minor:
            why = f"{session.offer.quote.total} are to be paid, and nothing to pay with was sent"
            raise Invalid(why, code="missing", path="$.payment.instruments")
        parts = paying(
            session.offer.quote.total.minor,
            session.offer.quote.currency,
            tender.credits,
            None if ask.owner == GUEST else ask.owner,
            asker=asker,
            ledgers=till.ledgers,
            guesses=till.guesses,
            at=ask.at,
        )
        if covered is not None and covered[0] == session.offer.quote.total.minor:
            place = less_covered(covered[1], parts)
            if place is not None:
                why = "somebody else used it at this moment; look at what it has left"
                where = f"$.payment.instruments[{place}]"
                raise Invalid(why, code="payment_failed", path=where)
        covered = (session.offer.quote.total.minor, parts)
        if refusal := _not_covered(session, tender, parts):
            return render(Shown(replace(session, order_id=None), None, (refusal,)))
        try:
            session, order = _place(session, ask, till, tender, parts)
        except _Ahead:
            # It would ship later than anybody said: the buyer is told first, where it is so.
            session = _renewed(session, ask.at, till, stock=till.shelf.stock)
            if session.offer.ships_from or not session.ready:
                return render(Shown(replace(session, order_id=None)))
            continue
        except _Short as early:
            spent: Sequence[Count] = ()
            shortages = early.short
        except (Clash, Crowded) as clash:
            if {till.sessions.name(session), till.keys.name(ask)} & clash.about:
                _refuse_another_request(ask, till)
                continue
            spent = till.tallies.spent(clash, session.offer.counts)
            shortages = till.stock.shortages_after(clash, session.offer.demands())
        else:
            return go_on(session, order, credential, ask, till, render)
        short = short_of(shortages, session)
        gone = gifts_gone(shortages, session)
        if spent or gone:
            before = session
            session = _renewed(session, ask.at, till, surely=True, gone=gone)
            if gone and not spent:
                # The offer says itself which gift there is none of; it is not placed unsaid.
                return render(Shown(replace(session, order_id=None), None, short))
            if session.offer.quote.total != before.offer.quote.total:
                told = (*used_up(spent, before), _told(before, session, till, ask.at))
                return render(Shown(replace(session, order_id=None), None, (*short, *told)))
        if short:
            return render(Shown(replace(session, order_id=None), None, short))
    raise Unavailable("too many want this at the same moment; try again", code="contention")


def _not_covered(session: Session, tender: Tender, parts: Sequence[Part | None]) -> Message | None:
    """What is wrong with a tender that does not come to the total, or to more."""
    due = session.offer.quote.total.minor - sum(part.amount for part in parts if part)
    if tender.credential is None and due:
        why = f"the credits leave {Money(due, session.offer.quote.currency)} to pay"
    elif tender.amount is not None and tender.amount != due:
        why = f"the instruments do not come to the total; {due} is left for this one"
    else:
        return None
    where = f"$.payment.instruments[{max(0, len(tender.ids) - 1)}]"
    return Message("error", "payment_failed", why, where, "recoverable")


def _place(
    session: Session, ask: Ask, till: Till, tender: Tender, parts: Sequence[Part | None]
) -> tuple[Session, Order]:
    offer = session.offer
    holds = till.stock.draw(offer.demands())
    late = _late(holds, offer)
    fresh = order_from(session, till.provider.name, ask.at, ask.at + till.payment_window)
    used = [(part, id_) for part, id_ in zip(parts, tender.ids, strict=False) if part is not None]
    fresh = replace(
        fresh,
        uses=(*till.tallies.draw(fresh.uses), *counts_for(fresh.id, [part for part, _ in used])),
        credits=tuple((part.account, part.amount, id_) for part, id_ in used),
    )
    if (
        len(holds) + len(fresh.uses) + ROWS_OF_A_CREDIT * len(used) + BESIDE + bool(late)
        > MOST_ROWS
    ):
        return _begin_placing(session, fresh, ask, till)
    order, events = replace(fresh, holds=holds).placed()
    after = placed(session, order, ask.key)
    till.placing.commit(
        till.orders.placing(order, events),
        till.sessions.changing(session, after),
        till.keys.taking(ask, None),
        lambda writes: _reserve(till, writes, holds),
        till.tallies.taking(order.uses),
    )
    return after, order


def _late(holds: Sequence[Hold], offer: Offer) -> set[str]:
    """The SKUs that are ordered ahead. Raises _Ahead for one that the offer does not say so of."""
    late = {hold.sku for hold in holds if hold.shard == AWAITED}
    if late - set(offer.ships_from):
        raise _Ahead
    return late


def _begin_placing(session: Session, fresh: Order, ask: Ask, till: Till) -> tuple[Session, Order]:
    """Put an order of many articles down; its stock is taken after it. Raises _Short and _Ahead
    before."""
    demands = session.offer.demands()
    short = till.stock.shortages_after(_NotAsked(), demands)
    if short:
        raise _Short(short)
    _late(till.stock.draw(demands), session.offer)  # by what was seen just now
    order = replace(fresh, status=OrderStatus.PLACING)
    after = placed(session, order, ask.key)
    till.ledger.commit(
        till.orders.placing(order, ()),
        till.orders.opening(order.id),
        till.sessions.changing(session, after),
        till.keys.taking(ask, None),
        till.tallies.taking(order.uses),
    )
    return after, order


def _reserve(till: Till, writes: Any, holds: Any) -> None:
    till.stock.reserve(writes, holds)


def _told(before: Session, after: Session, till: Till, at: datetime) -> Message:
    """Why a checkout was not bought that would have cost other than it was shown at."""
    was, now = before.offer.quote, after.offer.quote
    notices = Seen.of(was).notices(now, till.shelf.book.rules(at), {})
    told = (notice.detail for notice in notices if notice.code == TOTAL)
    return price_changed(next(told, f"the total was {was.total} and is {now.total} now"))


def _refuse_another_request(ask: Ask, till: Till) -> None:
    taken = till.keys.taken(ask)
    if taken is not None and taken.fingerprint != ask.fingerprint:
        answer_kept(ask, till.keys)


def _renewed(
    session: Session,
    at: datetime,
    till: Till,
    *,
    surely: bool = False,
    gone: Mapping[str, int] = NOTHING,
    stock: Stock | None = None,
) -> Session:
    offer = offer_again(session, till.shelf, at, stock=stock, surely=surely, gone=gone)
    if not surely:
        offer = holding(session.offer, offer, at)
    if offer.quote is session.offer.quote and not session.offer.short:
        return session
    after = replace(
        session, offer=offer, lines=as_offered(session.lines, offer), version=session.version + 1
    )
    try:
        till.ledger.commit(till.sessions.changing(session, after))
    except Clash:
        raise Conflict("this checkout was changed meanwhile; look at it again") from None
    return after


class _Ahead(Exception):
    """Goods would be ordered ahead that were offered as if they were here."""


class _NotAsked(Exception):
    """Nobody was refused yet: what is short is asked beforehand."""


class _Short(Exception):
    """Something is short, found out before anything was written."""

    def __init__(self, short: Sequence[Shortage]) -> None:
        super().__init__()
        self.short = short
