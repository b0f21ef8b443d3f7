"""What people do at the checkout: begin, change, look, buy, leave.

Buying is two steps that may be cut apart anywhere. First one transaction writes the order, takes
its stock and its uses of limited coupons and sales, marks the session and keeps the key. Then the
provider is asked for the money, under a key derived from the order, and what it says is written to
the order alone. Whoever asks again under the same key goes on where the first was cut off; whoever
never asks again leaves an order that expires at its deadline and gives back what it took.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from shop.cart.actions import NOTHING, Shelf
from shop.cart.model import (
    Line,
    Message,
    counted_as,
    facts_of,
    numbered,
    priced,
    shortage_messages,
    unknown_items,
    until,
)
from shop.cart.ports import Carts
from shop.checkout.model import (
    MOST_ROWS,
    OPEN_FOR,
    Offer,
    Phase,
    Session,
    not_placed,
    offer_lines,
    order_from,
    phase_of,
    place_of,
    placed,
    was_bought,
)
from shop.checkout.ports import Sessions
from shop.inventory.model import Shortage
from shop.inventory.ports import Holds, Stock
from shop.kernel.counts import Count
from shop.kernel.errors import Conflict, Invalid, NotFound, Unavailable
from shop.kernel.idempotency import Ask, Keys, answer_kept
from shop.kernel.ids import new_id
from shop.kernel.money import Money
from shop.kernel.transactions import Change, Clash, Ledger
from shop.orders.actions import cancel_order, record_payment
from shop.orders.actions.batches import give_up_placing, place_in_batches
from shop.orders.model import GUEST, Order
from shop.orders.model import Status as OrderStatus
from shop.orders.ports import Orders, Uses
from shop.payments.model import Credential, PaymentStatus, Report
from shop.payments.ports import PaymentProvider
from shop.pricing.actions.coupons import tried
from shop.pricing.actions.credits import Instrument, Part, counts_for, paying
from shop.pricing.model import Destination, counts_of, group_of
from shop.pricing.ports import Guesses, Ledgers, Tallies
from shop.shipping.actions import options
from shop.shipping.model import Consignment, ShippingOption
from shop.shipping.model import Item as Packed

TRIES = 4
ROWS_OF_A_CREDIT = 2
"""An account's head and its newest entry."""
BESIDE = 3
"""Rows that an order writes beside its stock and its uses: itself, the session, the key."""
_UNPAID = (OrderStatus.PLACING, OrderStatus.PLACED)


@dataclass(frozen=True)
class Wish:
    """What somebody asks a checkout to be. ``None`` lines mean: those of the cart.

    ``destination`` is a UCP postal address; ``option_id`` the way of shipping chosen, if any.
    """

    lines: Sequence[tuple[str | None, str, int]] | None
    buyer: Mapping[str, Any] = field(default_factory=dict)
    country: str | None = None
    region: str | None = None
    postal_code: str | None = None
    destination: Mapping[str, Any] | None = None
    option_id: str | None = None
    attribution: Mapping[str, Any] = field(default_factory=dict)
    cart_id: str | None = None
    codes: tuple[str, ...] | None = None
    """Discount codes in place of those before; ``None`` leaves them."""
    currency: str | None = None
    """What prices are asked in; ``None``: as before, or as the goods are priced."""
    channel: str = "web"


@dataclass(frozen=True)
class Held:
    """Why a checkout that lacks nothing may not be bought yet, and where its buyer goes first."""

    message: Message
    continue_url: str


Gate = Callable[[Session], Held | None]
"""Whether a checkout that is ready has to wait before it is bought. Asked before anything is
written; may refuse."""


@dataclass(frozen=True)
class Shown:
    """A session with the order placed from it, if any, and what only this answer has to say."""

    session: Session
    order: Order | None = None
    also: tuple[Message, ...] = ()
    continue_url: str | None = None
    """Where the buyer of a checkout that is held goes first."""

    @property
    def phase(self) -> Phase:
        phase = phase_of(self.session, self.order)
        if self.continue_url is not None and phase is Phase.READY:
            return Phase.REQUIRES_ESCALATION
        hindered = any(message.type == "error" for message in self.also)
        return Phase.INCOMPLETE if phase is Phase.READY and hindered else phase


def create_checkout(
    wish: Wish,
    ask: Ask,
    *,
    sessions: Sessions,
    carts: Carts,
    shelf: Shelf,
    stock: Stock,
    guesses: Guesses,
    asker: str,
) -> Change[Shown]:
    """Begin a checkout from lines or a cart. Raises Invalid for what is not sold, NotFound."""
    buyer, country, region, postal = wish.buyer, wish.country, wish.region, wish.postal_code
    attribution, currency = wish.attribution, wish.currency
    codes = wish.codes or ()
    known: tuple[str, ...] = ()
    if wish.cart_id is not None:
        cart = carts.of(ask.owner, wish.cart_id, ask.at)
        lines = cart.lines
        buyer = {**buyer, **cart.buyer}
        if cart.country:
            country, region, postal = cart.country, cart.region, cart.postal_code
        attribution = cart.attribution or attribution
        currency = currency or cart.currency
        codes, known = cart.codes if wish.codes is None else wish.codes, cart.codes
    elif wish.lines is not None:
        lines = numbered(wish.lines)
    else:
        raise Invalid("line_items or a cart_id are needed", code="missing", path="$.line_items")
    with tried(codes, known, asker, guesses, ask.at) as judged:
        offer = _offer(
            lines,
            wish.destination,
            place_of(wish.destination, country, region, postal),
            wish.option_id,
            shelf,
            ask.at,
            stock=stock,
            codes=codes,
            owner=ask.owner,
            buyer=buyer,
            currency=currency,
            channel=wish.channel,
            strict=wish.cart_id is None,
        )
        judged(offer.quote)
    session = Session(
        id=new_id("chk"),
        owner=ask.owner,
        lines=_as_offered(lines, offer),
        offer=offer,
        created_at=ask.at,
        expires_at=until(ask.at, OPEN_FOR),
        buyer=buyer,
        destination=wish.destination,
        country=country,
        region=region,
        postal_code=postal,
        attribution=attribution,
        cart_id=wish.cart_id,
        channel=wish.channel,
        codes=codes,
    )
    return Change(Shown(session), (sessions.adding(session),))


def show_checkout(
    owner: str,
    session_id: str,
    *,
    sessions: Sessions,
    orders: Orders,
    shelf: Shelf,
    stock: Stock,
    at: datetime,
) -> Shown:
    """Look at a checkout. An offer that is no longer fresh is shown as it would be made now."""
    session = sessions.of(owner, session_id, at)
    if session.order_id is not None:
        return Shown(session, orders.of(owner, session.order_id))
    if session.canceled or (session.offer.fresh(at) and not session.offer.short):
        return Shown(session)
    return Shown(replace(session, offer=_offer_again(session, shelf, at, stock=stock)))


def update_checkout(
    session_id: str,
    wish: Wish,
    ask: Ask,
    *,
    sessions: Sessions,
    orders: Orders,
    shelf: Shelf,
    stock: Stock,
    guesses: Guesses,
    asker: str,
) -> Change[Shown]:
    """Replace what a checkout is. Raises Conflict once it is completed or canceled.

    While a payment is being confirmed nothing is changed; the answer shows the checkout and says
    so.
    """
    session = sessions.of(ask.owner, session_id, ask.at)
    session.open_or_refuse()
    order = orders.of(ask.owner, session.order_id) if session.order_id else None
    if order is not None:
        _refuse_if_bought(order)
        if order.status in _UNPAID:
            return Change(Shown(session, order, (_in_progress(),)), ())
    if wish.lines is None:
        raise Invalid("line_items are needed", code="missing", path="$.line_items")
    lines = numbered(wish.lines, session.lines)
    same_goods = [(n.id, n.variant_id, n.quantity) for n in lines] == [
        (n.id, n.variant_id, n.quantity) for n in session.lines
    ]
    codes = session.codes if wish.codes is None else wish.codes
    changed = replace(
        session,
        lines=lines,
        buyer=wish.buyer,
        destination=wish.destination,
        country=wish.country,
        region=wish.region,
        postal_code=wish.postal_code,
        attribution=wish.attribution or session.attribution,
        channel=wish.channel,
        codes=codes,
        order_id=None,
        placed_key=None,
        version=session.version + 1,
        expires_at=until(ask.at, OPEN_FOR),
    )
    with tried(codes, session.codes, asker, guesses, ask.at) as judged:
        offer = _offer(
            lines,
            wish.destination,
            place_of(wish.destination, wish.country, wish.region, wish.postal_code),
            wish.option_id,
            shelf,
            ask.at,
            stock=None if same_goods and not session.offer.short else stock,
            codes=codes,
            owner=ask.owner,
            buyer=wish.buyer,
            currency=wish.currency or session.offer.quote.currency,
            channel=wish.channel,
            strict=True,
        )
        judged(offer.quote)
    after = replace(changed, offer=offer, lines=_as_offered(lines, offer))
    return Change(Shown(after), (sessions.changing(session, after),))


def cancel_checkout(
    session_id: str,
    ask: Ask,
    *,
    sessions: Sessions,
    orders: Orders,
    stock: Holds[Any],
    tallies: Uses,
    ledger: Ledger,
) -> Change[Shown]:
    """Leave a checkout. A payment that is still being confirmed is called off with it.

    Raises Conflict once it is completed (then the order is what can be cancelled) or canceled.
    """
    session = sessions.of(ask.owner, session_id, ask.at)
    session.open_or_refuse()
    order = None
    if session.order_id is not None:
        order = orders.of(ask.owner, session.order_id)
        _refuse_if_bought(order)
        order = cancel_order(
            order.id,
            "checkout_canceled",
            at=ask.at,
            who=ask.owner,
            owner=ask.owner,
            unless_paid=True,
            orders=orders,
            stock=stock,
            tallies=tallies,
            ledger=ledger,
        )
        _refuse_if_bought(order)
    after = replace(session, canceled=True, version=session.version + 1)
    return Change(Shown(after, order), (sessions.changing(session, after),))


@dataclass(frozen=True)
class Till:
    """Everything that buying takes."""

    sessions: Sessions
    orders: Orders
    stock: Holds[Any]
    tallies: Tallies
    keys: Keys
    ledger: Ledger
    provider: PaymentProvider
    shelf: Shelf
    ledgers: Ledgers
    payment_window: timedelta


@dataclass(frozen=True)
class Tender:
    """What the buyer pays with: credits first, in their order, and the rest in money.

    ``amount`` is what the platform wants to be paid in money, if it said; ``ids`` are the
    instruments' own, credits first.
    """

    credential: Credential | None
    credits: tuple[Instrument, ...] = ()
    ids: tuple[str, ...] = ()
    amount: int | None = None


def complete_checkout(
    session_id: str,
    tender: Tender,
    ask: Ask,
    till: Till,
    render: Callable[[Shown], Mapping[str, Any]],
    gate: Gate = lambda session: None,
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
    for _ in range(TRIES):
        session = till.sessions.of(ask.owner, session_id, ask.at)
        if session.order_id is not None or session.canceled:
            kept = answer_kept(ask, till.keys)
            if kept is not None:
                return kept
        session.open_or_refuse()
        if session.order_id is not None:
            order = till.orders.of(ask.owner, session.order_id)
            if session.placed_key == ask.key:
                return _go_on(session, order, credential, ask, till, render)
            _refuse_if_bought(order)
            if order.status in _UNPAID:
                return render(Shown(session, order, (_in_progress(),)))
        if session.offer.short or not session.offer.fresh(ask.at):
            renewed = _renewed(session, ask.at, till)
            if renewed.offer.quote.total != session.offer.quote.total or not renewed.ready:
                return render(Shown(renewed, None, (_price_changed(session, renewed),)))
            session = renewed
        if not session.ready:
            return render(Shown(replace(session, order_id=None)))
        held = gate(session)
        if held is not None:
            waiting = replace(session, order_id=None)
            return render(Shown(waiting, None, (held.message,), held.continue_url))
        parts = paying(
            session.offer.quote.total.minor,
            session.offer.quote.currency,
            tender.credits,
            None if ask.owner == GUEST else ask.owner,
            ledgers=till.ledgers,
            at=ask.at,
        )
        if refusal := _not_covered(session, tender, parts):
            return render(Shown(replace(session, order_id=None), None, (refusal,)))
        try:
            session, order = _place(session, ask, till, tender, parts)
        except _Short as early:
            spent: Sequence[Count] = ()
            shortages = early.short
        except Clash as clash:
            if {till.sessions.name(session), till.keys.name(ask)} & clash.about:
                _refuse_another_request(ask, till)
                continue
            spent = till.tallies.spent(clash, session.offer.counts)
            shortages = till.stock.shortages_after(clash, session.offer.demands())
        else:
            return _go_on(session, order, credential, ask, till, render)
        short = _said(shortages, session)
        given = {gift.sku for gift in session.offer.gifts}
        gone = {one.sku: one.available for one in shortages if one.sku in given}
        if spent or gone:
            before = session
            session = _renewed(session, ask.at, till, surely=True, gone=gone)
            if gone and not spent:
                # The offer says itself which gift there is none of; it is not placed unsaid.
                return render(Shown(replace(session, order_id=None), None, short))
            if session.offer.quote.total != before.offer.quote.total:
                told = (*_spent(spent, before), _price_changed(before, session))
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
    fresh = order_from(session, till.provider.name, ask.at, ask.at + till.payment_window)
    used = [(part, id_) for part, id_ in zip(parts, tender.ids, strict=False) if part is not None]
    fresh = replace(
        fresh,
        uses=(*fresh.uses, *counts_for(fresh.id, [part for part, _ in used])),
        credits=tuple((part.account, part.amount, id_) for part, id_ in used),
    )
    if len(holds) + len(offer.counts) + ROWS_OF_A_CREDIT * len(used) + BESIDE > MOST_ROWS:
        return _begin_placing(session, fresh, ask, till)
    order, events = replace(fresh, holds=holds).placed()
    after = placed(session, order, ask.key)
    till.ledger.commit(
        till.orders.placing(order, events),
        till.sessions.changing(session, after),
        till.keys.taking(ask, None),
        lambda writes: _reserve(till, writes, holds),
        till.tallies.taking(order.uses),
    )
    return after, order


def _begin_placing(session: Session, fresh: Order, ask: Ask, till: Till) -> tuple[Session, Order]:
    """Put an order of many articles down; its stock is taken after it. Raises _Short before."""
    short = till.stock.shortages_after(_NotAsked(), session.offer.demands())
    if short:
        raise _Short(short)
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


def _go_on(
    session: Session,
    order: Order,
    credential: Credential | None,
    ask: Ask,
    till: Till,
    render: Callable[[Shown], Mapping[str, Any]],
) -> Mapping[str, Any]:
    """From where an order stands to its payment: first all its stock, then the money."""
    if order.status is not OrderStatus.PLACING:
        return _pay(session, order, credential, ask, till, render)
    books: dict[str, Any] = {"orders": till.orders, "stock": till.stock, "ledger": till.ledger}
    order, short = place_in_batches(order, **books)
    if order.status is not OrderStatus.PLACING:
        return _pay(session, order, credential, ask, till, render)
    told = _said(short, session) or (not_placed("out_of_stock"),)
    shown = Shown(replace(session, order_id=None), None, told)
    order = give_up_placing(
        order,
        "out_of_stock" if short else "given_up",
        at=ask.at,
        who=till.provider.name,
        tallies=till.tallies,
        also=lambda _: (till.keys.answering(ask, render(shown)),) if short else (),
        **books,
    )
    if order.status is OrderStatus.CANCELLED and short:
        return render(shown)
    return _pay(session, order, credential, ask, till, render)


def _reserve(till: Till, writes: Any, holds: Any) -> None:
    till.stock.reserve(writes, holds)


def _pay(
    session: Session,
    order: Order,
    credential: Credential | None,
    ask: Ask,
    till: Till,
    render: Callable[[Shown], Mapping[str, Any]],
) -> Mapping[str, Any]:
    if order.status is not OrderStatus.PLACED or order.payment.status is not PaymentStatus.CREATED:
        return render(Shown(session, order))
    try:
        if order.amount.minor and credential is not None:
            report = till.provider.authorise(order.id, order.amount, credential, key=order.id)
        elif order.amount.minor:
            why = "this checkout is being paid with another instrument; send that one again"
            raise Conflict(why, code="payment_failed", path="$.payment.instruments")
        else:
            # Credits pay all of it: they were taken with the order, and no money is to move.
            report = Report(f"credits_{order.id}", PaymentStatus.CAPTURED)
    except Invalid:
        # The provider cannot read it, so no money can move: the buyer may try another at once.
        cancel_order(
            order.id,
            "payment_invalid",
            at=ask.at,
            who=till.provider.name,
            orders=till.orders,
            stock=till.stock,
            tallies=till.tallies,
            ledger=till.ledger,
        )
        raise
    order = record_payment(
        order.id,
        report,
        at=ask.at,
        who=till.provider.name,
        orders=till.orders,
        stock=till.stock,
        tallies=till.tallies,
        ledger=till.ledger,
        read=order,
        also=lambda failed: (
            till.keys.answering(ask, render(Shown(session, _as_called_off(failed)))),
        ),
    )
    return render(Shown(session, order))


def _as_called_off(order: Order) -> Order:
    return replace(order, status=OrderStatus.CANCELLED)


def _refuse_another_request(ask: Ask, till: Till) -> None:
    taken = till.keys.taken(ask)
    if taken is not None and taken.fingerprint != ask.fingerprint:
        answer_kept(ask, till.keys)


def _spent(spent: Sequence[Count], before: Session) -> tuple[Message, ...]:
    """What was promised and is no more: a code is spoken of by the offer itself, a sale here."""
    promotions = {count.promotion_id for count in spent}
    coded = {outcome.promotion_id for outcome in before.offer.quote.codes}
    return tuple(
        Message(
            "warning",
            "discount_exhausted",
            f"{discount.title}: the limit was reached meanwhile; {line.title} costs more now",
            f"$.line_items[{index}]",
        )
        for index, line in enumerate(before.offer.lines)
        for discount in before.offer.quote.line(line.id).discounts
        if discount.promotion_id in promotions - coded
    )


def _said(short: Sequence[Shortage], session: Session) -> tuple[Message, ...]:
    wanted: dict[str, int] = {}
    for line in session.offer.lines:
        wanted[line.sku] = wanted.get(line.sku, 0) + line.quantity
    left = {one.sku: one for one in short if wanted.get(one.sku, 0) > one.available}
    return tuple(
        Message(
            "error",
            "out_of_stock",
            f"{left[line.sku].available} of {line.title} left; {wanted[line.sku]} wanted",
            f"$.line_items[{index}].quantity",
            "recoverable",
        )
        for index, line in enumerate(session.offer.lines)
        if line.sku in left
    )


class _NotAsked(Exception):
    """Nobody was refused yet: what is short is asked beforehand."""


class _Short(Exception):
    """Something is short, found out before anything was written."""

    def __init__(self, short: Sequence[Shortage]) -> None:
        super().__init__()
        self.short = short


def _refuse_if_bought(order: Order) -> None:
    if was_bought(order):
        raise Conflict("this checkout is completed", code="checkout_completed")


def _in_progress() -> Message:
    return Message(
        "error",
        "complete_in_progress",
        "a payment for this checkout is being confirmed; nothing was changed",
        severity="recoverable",
    )


def _price_changed(before: Session, after: Session) -> Message:
    return Message(
        "error",
        "price_changed",
        f"the total was {before.offer.quote.total} and is {after.offer.quote.total} now; "
        "look at it and complete again",
        "$.totals",
        "recoverable",
    )


def _renewed(
    session: Session,
    at: datetime,
    till: Till,
    *,
    surely: bool = False,
    gone: Mapping[str, int] = NOTHING,
) -> Session:
    offer = _offer_again(session, till.shelf, at, stock=None, surely=surely, gone=gone)
    after = replace(
        session, offer=offer, lines=_as_offered(session.lines, offer), version=session.version + 1
    )
    try:
        till.ledger.commit(till.sessions.changing(session, after))
    except Clash:
        raise Conflict("this checkout was changed meanwhile; look at it again") from None
    return after


def _as_offered(lines: Sequence[Line], offer: Offer) -> tuple[Line, ...]:
    shown = {line.id: line.unit_price.minor for line in offer.quote.lines}
    return tuple(replace(line, seen=shown[line.id]) for line in lines if line.id in shown)


def _offer_again(
    session: Session,
    shelf: Shelf,
    at: datetime,
    *,
    stock: Stock | None,
    surely: bool = False,
    gone: Mapping[str, int] = NOTHING,
) -> Offer:
    place = place_of(session.destination, session.country, session.region, session.postal_code)
    return _offer(
        session.lines,
        session.destination,
        place,
        session.offer.option_id,
        shelf,
        at,
        stock=stock,
        codes=session.codes,
        owner=session.owner,
        buyer=session.buyer,
        currency=session.offer.quote.currency,
        channel=session.channel,
        surely=surely,
        gone=gone,
    )


def _offer(
    lines: Sequence[Line],
    destination: Mapping[str, Any] | None,
    place: Destination | None,
    option_id: str | None,
    shelf: Shelf,
    at: datetime,
    *,
    stock: Stock | None,
    codes: tuple[str, ...],
    owner: str,
    buyer: Mapping[str, Any],
    currency: str | None,
    channel: str,
    strict: bool = False,
    surely: bool = False,
    gone: Mapping[str, int] = NOTHING,
) -> Offer:
    """Make an offer for these lines as things are now.

    ``surely`` looks at limits as they were last written: what is left after somebody took the last.

    Without a choice the cheapest way of shipping is chosen. With ``strict`` a line that is not sold
    and a way that is not offered are refused; without, they are left out and spoken of.
    """
    known = shelf.catalogue.variants([line.variant_id for line in lines])
    if strict and (refusal := unknown_items(lines, known)):
        raise refusal
    country = place.country if place else None
    rules, customer = shelf.book.rules(at), facts_of(owner)
    who = counted_as(owner, buyer)
    goods = priced(
        lines,
        known,
        rules=rules,
        at=at,
        country=country,
        destination=place,
        currency=currency,
        channel=channel,
        codes=codes,
        customer=customer,
        left=shelf.left(rules, who, at, surely=surely, gone=gone),
    )
    if not goods.items:
        raise NotFound("nothing in this checkout is sold any more", code="item_unavailable")
    ways: tuple[ShippingOption, ...] = ()
    if destination and place is not None:
        packed = tuple(Packed(i.line.quantity, i.variant.weight_g) for i in goods.items)
        value = goods.quote.subtotal - goods.quote.goods_discount
        ways = options(Consignment(packed, value), place, at=at)
    chosen = next((way for way in ways if way.id == option_id), None)
    if option_id is not None and ways and chosen is None:
        if strict:
            raise Invalid(
                f"{option_id!r} is not offered; choose one of {', '.join(w.id for w in ways)}",
                code="option_unknown",
                path="$.fulfillment.methods[0].groups[0].selected_option_id",
            )
        option_id = None
    if chosen is None and ways:
        chosen = ways[0]
    result = goods
    if chosen is not None:
        result = priced(
            [item.line for item in goods.items],
            known,
            rules=rules,
            at=at,
            country=country,
            destination=place,
            shipping=chosen.price,
            shipping_method=chosen.id,
            currency=goods.quote.currency,
            channel=channel,
            codes=codes,
            customer=customer,
            left=lambda basket: goods.standing,
        )
    messages = [*result.messages]
    if stock is not None:
        levels = stock.levels([item.variant.sku for item in goods.items])
        messages += shortage_messages(goods.items, levels, severity="recoverable")
    return Offer(
        lines=offer_lines(goods.items),
        quote=result.quote,
        options=ways,
        option_id=chosen.id if chosen else None,
        messages=tuple(messages),
        counts=counts_of(
            result.quote.uses, rules, goods.standing, who, applied=result.quote.applied
        ),
        group_buy=group_of(result.quote.uses, rules, goods.standing),
    )
