"""How staff find orders: the terms of an order, and the conditions of a search.

A *term* is a text under which an order is listed: the buyer's email address, the end of a phone
number, the beginning of a name, or a SKU. An order never changes its terms, so an index of terms
needs no update when the order's status changes.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from shop.kernel.contacts import mailbox_of
from shop.kernel.frozen import frozen
from shop.kernel.text_folding import clean, fold
from shop.orders.model.order import Order
from shop.orders.model.order_state import OrderStatus

MIN_PREFIX, MAX_PREFIX = 3, 8
"""Letters of the beginnings of a name under which an order is listed. A shorter text finds whole
words only; of a longer one, the rest is compared with the order."""
PHONE_TAIL = 7
"""Last digits of a phone number under which an order is listed; the rest is compared with it. They
are the same with the country's code and without it."""
MAX_NAME_WORDS = 12
"""Words of an order's names under which it is listed."""

_WORD = re.compile(r"[^\W_]+")
_APOSTROPHES = re.compile("['\u2019\u02bc]")
_PHONE_CHARACTERS = frozenset("0123456789+-/().x ")
_PHONE_FRAME = re.compile(r"^\s*tel:|[\s;]*(?:x|ext\.?)[\s=]*[0-9]{1,6}\s*$", re.IGNORECASE)
"""What surrounds a number: the scheme of a link, and an extension."""
_DIALLED_ZERO = re.compile(r"\(\s*0\s*\)")
_INTERNATIONAL = re.compile(r"[\s(]*(?:\+|00)")
_CALLING_CODE = re.compile(
    r"[17]|2[07]|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58]|[2-9][0-9]{2}"
)
"""The code of a country, or of North America (ITU-T E.164): 1 to 3 digits."""
_FIRST_CJK = "\u3005"
"""Han, kana and hangul follow this character. Their names are short, so one character is enough."""


class TermKind(StrEnum):
    """The kinds of terms, the most selective one first."""

    EMAIL = "email"
    PHONE = "phone"
    NAME = "name"
    SKU = "sku"


PERSONAL_TERMS = frozenset({TermKind.EMAIL, TermKind.PHONE, TermKind.NAME})
"""Kinds whose texts are personal data. A store keeps keyed hashes of them only."""


@frozen(slots=False)
class SearchTerm:
    """A text under which orders are listed."""

    kind: TermKind
    text: str


def fold_email(text: str) -> str:
    """Return one spelling for all spellings of a mailbox; another text without case and width."""
    return mailbox_of(text) or unicodedata.normalize("NFKC", text).strip().casefold()


def fold_sku(text: str) -> str:
    """Return one spelling for all that people type or paste for a SKU: capital letters.

    Stored terms are in this form; orders that were placed before with small letters are not found.
    """
    return clean(text).upper()


def phone_digits(text: str) -> str:
    """Return the digits of a phone number without zeros for dialling; empty for too few digits.

    Those are the zeros at the beginning, in parentheses, and after the code of a country. Numbers
    of Italy have one that belongs to them: it goes too, on both sides of a comparison.
    """
    number = _DIALLED_ZERO.sub("", _PHONE_FRAME.sub("", clean(text)))
    digits = "".join(filter(str.isdigit, number)).lstrip("0")
    if _INTERNATIONAL.match(number) and (code := _CALLING_CODE.match(digits)):
        digits = code[0] + digits[code.end() :].lstrip("0")
    return digits if len(digits) >= PHONE_TAIL else ""


def is_phone(text: str) -> bool:
    """Return whether a text has the form of a phone number and enough digits."""
    number = _PHONE_FRAME.sub("", clean(text))
    return _PHONE_CHARACTERS.issuperset(number) and bool(phone_digits(text))


def name_words(text: str) -> tuple[str, ...]:
    """Return the words of a name without case and accents: ``"Anne-Marie O'Neil"`` has three."""
    return tuple(dict.fromkeys(_WORD.findall(_APOSTROPHES.sub("", fold(text)))))


def search_terms(order: Order) -> frozenset[SearchTerm]:
    """Return the terms of an order: its email address, its SKUs, and those of its people.

    These are the phone numbers and names of buyer and recipient.
    """
    return frozenset(
        {
            *(SearchTerm(TermKind.EMAIL, text) for text in (fold_email(order.email),) if text),
            *(SearchTerm(TermKind.PHONE, digits[-PHONE_TAIL:]) for digits in _phones_of(order)),
            *(SearchTerm(TermKind.NAME, text) for w in _words_of(order) for text in _prefixes(w)),
            *(SearchTerm(TermKind.SKU, sku) for sku in _skus_of(order)),
        }
    )


@frozen(slots=False)
class OrderSearch:
    """The conditions of a search; an order must meet all of them.

    ``number`` is an order's id. ``phone`` is the result of :func:`phone_digits`, and ``words`` are
    those of :func:`name_words`. ``placed_from`` is included, ``placed_before`` is not.
    """

    number: str | None = None
    email: str | None = None
    phone: str | None = None
    words: tuple[str, ...] = ()
    sku: str | None = None
    status: OrderStatus | None = None
    placed_from: datetime | None = None
    placed_before: datetime | None = None

    def placed_between(self, first: datetime | None, end: datetime | None) -> "OrderSearch":
        """Return the same search for orders placed from ``first`` on and before ``end``."""
        return replace(self, placed_from=first, placed_before=end)

    @property
    def term(self) -> SearchTerm | None:
        """The most selective term, under which the orders are read; ``None`` if there is none."""
        if self.email is not None:
            return SearchTerm(TermKind.EMAIL, self.email)
        if self.phone is not None:
            return SearchTerm(TermKind.PHONE, self.phone[-PHONE_TAIL:])
        if self.words:
            # The longest word is the rarest on average.
            return SearchTerm(TermKind.NAME, max(self.words, key=len)[:MAX_PREFIX])
        return None if self.sku is None else SearchTerm(TermKind.SKU, fold_sku(self.sku))

    @property
    def needs_orders(self) -> bool:
        """Whether the term alone cannot decide, so that each listed order must be read."""
        kinds = (
            self.email is not None,
            self.phone is not None,
            bool(self.words),
            self.sku is not None,
        )
        longest = max(map(len, self.words), default=0)
        return (
            sum(kinds) > 1
            or len(self.words) > 1
            or longest > MAX_PREFIX
            or self.phone is not None
            or (self.term is not None and self.status is not None)
        )

    def matches(self, order: Order) -> bool:
        """Return whether an order meets every condition."""
        return (
            (
                order.status is not OrderStatus.PLACING
                if self.status is None
                else order.status is self.status
            )
            and self.number in (None, order.id)
            and (self.placed_from is None or order.placed_at >= self.placed_from)
            and (self.placed_before is None or order.placed_at < self.placed_before)
            and (self.email is None or fold_email(order.email) == self.email)
            and self._matches_phone(order)
            and (self.sku is None or fold_sku(self.sku) in _skus_of(order))
            and self._matches_names(order)
        )

    def _matches_phone(self, order: Order) -> bool:
        wanted = self.phone
        # One of both may have the country's code, and the other the 0 in its place.
        return wanted is None or any(
            stored.endswith(wanted) or wanted.endswith(stored) for stored in _phones_of(order)
        )

    def _matches_names(self, order: Order) -> bool:
        if not self.words:
            return True
        stored = tuple(_words_of(order))
        return all(any(_is_found_by(word, each) for each in stored) for word in self.words)


class SummedOrder(Protocol):
    """The amounts of an order that sums add up, in minor units, as its summary has them."""

    @property
    def status(self) -> OrderStatus: ...
    @property
    def currency(self) -> str: ...
    @property
    def total(self) -> int: ...
    @property
    def cancelled(self) -> int: ...
    @property
    def net(self) -> int: ...
    @property
    def net_tax(self) -> int: ...
    @property
    def net_shipping(self) -> int: ...
    @property
    def active_pieces(self) -> int: ...


@frozen(slots=False)
class CurrencySum:
    """The sums of the orders in one currency; amounts are minor units.

    ``gross`` less ``cancelled`` and ``refunded`` is ``net``. ``tax`` and ``shipping`` are parts of
    ``net``, and ``unpaid`` is the part whose payment is not certain yet. ``cancelled_count`` and
    ``returned_count`` are orders without a piece that the buyer keeps.
    """

    currency: str
    count: int = 0
    cancelled_count: int = 0
    returned_count: int = 0
    gross: int = 0
    cancelled: int = 0
    net: int = 0
    unpaid: int = 0
    tax: int = 0
    shipping: int = 0

    @property
    def refunded(self) -> int:
        """Value that was taken back after the sale, whether its payment is pending or not."""
        return self.gross - self.cancelled - self.net

    def plus(self, order: "SummedOrder") -> "CurrencySum":
        """Count one more order."""
        is_cancelled = order.status is OrderStatus.CANCELLED
        is_unpaid = order.status in (OrderStatus.PLACING, OrderStatus.PLACED)
        return CurrencySum(
            self.currency,
            self.count + 1,
            self.cancelled_count + is_cancelled,
            self.returned_count + (not is_cancelled and not order.active_pieces),
            self.gross + order.total,
            self.cancelled + order.cancelled,
            self.net + order.net,
            self.unpaid + (order.net if is_unpaid else 0),
            self.tax + order.net_tax,
            self.shipping + order.net_shipping,
        )


@frozen(slots=False)
class OrderSums:
    """The sums of a whole search, by currency.

    ``is_complete`` is False if only the newest orders are counted: the sums are lower bounds then.
    """

    sums: tuple[CurrencySum, ...]
    is_complete: bool = True

    @property
    def count(self) -> int:
        """Number of orders in all currencies."""
        return sum(each.count for each in self.sums)

    @classmethod
    def of(cls, orders: "Iterable[SummedOrder]") -> "OrderSums":
        """Add up orders by currency."""
        sums: dict[str, CurrencySum] = {}
        for order in orders:
            currency = order.currency
            sums[currency] = sums.get(currency, CurrencySum(currency)).plus(order)
        return cls(tuple(sums[currency] for currency in sorted(sums)))

    def as_lower_bound(self) -> "OrderSums":
        """Return the same sums as those of a part of the orders."""
        return replace(self, is_complete=False)


def _is_found_by(text: str, word: str) -> bool:
    return word.startswith(text) if len(text) >= _min_prefix(text) else word == text


def _min_prefix(word: str) -> int:
    return 1 if word[:1] >= _FIRST_CJK else MIN_PREFIX


def _prefixes(word: str) -> Iterator[str]:
    """Yield the beginnings under which a word is listed: itself, if it is shorter than those."""
    shortest = _min_prefix(word)
    if len(word) < shortest:
        yield word
    for length in range(shortest, min(len(word), MAX_PREFIX) + 1):
        yield word[:length]


def _words_of(order: Order) -> tuple[str, ...]:
    people = (order.buyer, order.destination)
    names = (
        name
        for person in people
        for name in (person.first_name, person.last_name, person.full_name)
        if name
    )
    return name_words(" ".join(names))[:MAX_NAME_WORDS]


def _skus_of(order: Order) -> frozenset[str]:
    """Return the SKUs that the order names, and those of the parts of its kits, in one spelling."""
    return frozenset(fold_sku(sku) for line in order.lines for sku in (line.sku, *dict(line.parts)))


def _phones_of(order: Order) -> frozenset[str]:
    """Return the phone numbers of buyer and recipient, as :func:`phone_digits` returns them."""
    numbers = (order.buyer.phone_number, order.destination.phone_number)
    return frozenset(digits for text in numbers if text and (digits := phone_digits(text)))
