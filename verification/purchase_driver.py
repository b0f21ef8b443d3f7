"""One buyer at the shop, and all that anybody does about what they bought."""

import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any
from unittest.mock import patch

from functions.checkout import cancel_checkout, complete_checkout
from functions.sandbox import answer_challenge
from functions.scheduled import allocate_backorders, expire_unpaid_orders
from functions.staff_orders import cancel_order, create_return, create_shipment
from functions.staff_stock import create_stock_movement
from functions.webhooks import receive_carrier_event
from functions.workflows import compensate_payment, compensate_shipment
from shop.entrypoints.webhook import decode_signing_key, sign
from shop.inventory.actions import AuditInfo, write_off_stock
from shop.inventory.model import MAIN_LOCATION
from shop.inventory.store import DynamoStockRepository
from shop.kernel.errors import NotFound
from shop.kernel.ids import derived_id
from shop.kernel.usage import UsageReservation
from shop.orders.store import DynamoOrderRepository
from tests.kit.faults import undisturbed
from tests.kit.invariants import told_truly
from tests.kit.products import payment_body
from tests.kit.shop import ApiResponse, Context, call
from verification.simulated_aws import WEBHOOK_SECRET, Clock

STAFF: Mapping[str, Any] = {
    "sub": "staff",
    "username": "staff",
    "iss": "http://issuer.test",
    "token_use": "access",
    "client_id": "shop-client",
    "cognito:groups": "[staff fulfilment catalogue]",
}
SENT_BACK = "it does not pour"


class Failed(Exception):
    """An answer that says: try again."""


Handler = Callable[[dict[str, Any], Any], dict[str, Any]]


@dataclass
class Purchase:
    """One buyer, one checkout session, two SKUs of their own: so what goes wrong has a name."""

    number: int
    token: str = "tok_success"  # noqa: S105  a test token of the sandbox
    door: Handler = complete_checkout.handler
    """The door that buys; a broken one takes its place to show that the proof sees it."""
    told: list[tuple[str, str, tuple[str, ...]]] = field(default_factory=list)
    """Key, status and message codes of every answer the buyer got."""
    keys: set[str] = field(default_factory=set)
    wrong: list[str] = field(default_factory=list)
    """What was found not to be as it should, once all was at rest."""
    noted: dict[str, int] = field(default_factory=dict)
    """Versions of levels that staff looked at and have had no answer for yet."""
    overdue: Callable[[str], None] = lambda order_id: None
    """Tells the workflow of an order that it has waited for the shipment long enough."""

    @property
    def session_id(self) -> str:
        return f"chk_proof{self.number:08d}"

    @property
    def skus(self) -> tuple[str, str]:
        return f"P{self.number}-RED", f"P{self.number}-BLUE"

    @property
    def kit(self) -> str:
        return f"P{self.number}-SET"

    @property
    def code(self) -> str:
        return f"P{self.number}"

    @property
    def counts(self) -> tuple[UsageReservation, ...]:
        """A coupon with one use, one for this customer, and the last units of a sale."""
        return (
            UsageReservation("code", self.code, 1, None, "tenth"),
            UsageReservation("customer", f"{self.code}#jane", 1, 1, "tenth"),
            UsageReservation("quota", self.code, 3, 3, "flash"),
        )

    def order_id(self, attempt: int = 1) -> str:
        return derived_id("ord", self.session_id, str(attempt))

    @property
    def reference(self) -> str:
        return derived_id("pay", self.order_id())

    # what people do; each raises Failed where it is to be done again

    def complete(self, key: str = "first", token: str | None = None) -> None:
        self.keys.add(key)
        answer = call(
            self.door,
            "POST /checkout-sessions/{id}/complete",
            payment_body(token or self.token) if token or self.token else {},
            key=self._key(key),
            id=self.session_id,
        )
        self._heard(key, answer)

    def leave(self) -> None:
        answer = call(
            cancel_checkout.handler,
            "POST /checkout-sessions/{id}/cancel",
            key=self._key("leave"),
            id=self.session_id,
        )
        self._heard("leave", answer)

    def approve(self, yes: bool) -> None:
        answer = call(
            answer_challenge.handler,
            "POST /sandbox/challenges/{reference}",
            {"approved": yes},
            reference=self.reference,
        )
        _final(answer)

    def ship(
        self,
        lines: Sequence[Mapping[str, Any]] | None = None,
        number: str = "A",
        location: str | None = None,
    ) -> None:
        body: dict[str, Any] = {"carrier": "acme", "tracking_number": self.tracking(number)}
        if lines is not None:
            body["lines"] = lines
        if location is not None:
            body["location"] = location
        route = "POST /staff/orders/{id}/parcels"
        with as_staff():
            _final(call(create_shipment.handler, route, body, claims=STAFF, id=self.order_id()))

    def send_back(self, pieces: int, key: str) -> None:
        """So many pieces of the first line came back, and staff take them in."""
        route = "POST /staff/orders/{id}/returns"
        body = {"lines": [{"id": "li_1", "quantity": pieces}], "reason": SENT_BACK}
        with as_staff():
            answer = call(
                create_return.handler,
                route,
                body,
                key=self._key(key),
                claims=STAFF,
                id=self.order_id(),
            )
        _final(answer)

    def receive(self, units: int) -> None:
        """A lorry brings so many of the first article; staff look at the level and enter them.

        Who gets no answer sends the same again; who is told that the level moved looks again.
        """
        sku = self.skus[0]
        with undisturbed():
            version = self.noted.setdefault(sku, DynamoStockRepository().level(sku).version)
        body = {"kind": "receive", "sku": sku, "units": units, "version": version}
        sold = replace(create_stock_movement.stock_entries, sku_directory=_Sold())
        with (
            as_staff("staff,catalogue"),
            patch.object(create_stock_movement, "stock_entries", sold),
        ):
            answer = call(
                create_stock_movement.handler,
                "POST /staff/stock-movements",
                body,
                key=self._key(f"lorry-{version}"),
                claims=STAFF,
            )
        if answer.status == 409:
            del self.noted[sku]
        _final(answer)

    def call_off(self) -> None:
        route, body = "POST /staff/orders/{id}/cancel", {"reason": "the mug is cracked"}
        with as_staff():
            _final(call(cancel_order.handler, route, body, claims=STAFF, id=self.order_id()))

    def parcel(self, status: str, number: str = "A") -> None:
        """The carrier says where a parcel is, if it was given one."""
        with undisturbed():
            try:
                DynamoOrderRepository().find_shipment("acme", self.tracking(number))
            except NotFound:
                return
        at = Clock.now()
        event = {
            "id": f"{self.number}-{number}-{status}",
            "tracking_number": self.tracking(number),
            "status": status,
            "occurred_at": at.isoformat(),
        }
        text = _json(event)
        headers = sign(decode_signing_key(WEBHOOK_SECRET), event["id"], at, text.encode())
        answer = call(
            receive_carrier_event.handler,
            "POST /webhooks/carriers/{carrier}",
            raw=text,
            headers=headers,
            key="",
            carrier="acme",
        )
        _final(answer)

    def expire(self) -> None:
        """The workflow's undo of an unpaid order, run by somebody at any moment."""
        told = {"order_id": self.order_id(), "failure": {"Error": "States.Timeout"}}
        try:
            compensate_payment.handler(told, Context())
        except NotFound:
            return

    def release(self) -> None:
        """The workflow's undo of an order that was not shipped in time."""
        try:
            compensate_shipment.handler({"order_id": self.order_id()}, Context())
        except NotFound:
            return

    def be_late(self) -> None:
        self.overdue(self.order_id())

    def sweep(self) -> None:
        """The clock finds what the workflow should have expired."""
        Clock.ahead = max(Clock.ahead, timedelta(minutes=31))
        expire_unpaid_orders.handler({}, Context())

    def share_out(self) -> None:
        """The clock gives goods that came to the orders that wait for them."""
        allocate_backorders.handler({}, Context())

    def snatch(self, location: str = MAIN_LOCATION) -> None:
        """What is left of one of the articles turns out to be broken."""
        stock = DynamoStockRepository()
        now = stock.level(self.skus[1], location)
        left = now.available
        if left > 0:
            slip = AuditInfo("staff", Clock.now(), "broken")
            write_off_stock(
                self.skus[1],
                left,
                slip,
                expected_version=now.version,
                stock_writer=stock,
                location=location,
            )

    def tracking(self, number: str) -> str:
        return f"P{self.number}-{number}"

    def _key(self, key: str) -> str:
        return f"{self.session_id}-{key}-0123456789"

    def _heard(self, key: str, answer: ApiResponse) -> None:
        said = answer.json
        codes = tuple(m["code"] for m in said.get("messages", ()) if "code" in m)
        if answer.status >= 500 or "stale" in codes:
            raise Failed(answer.text)
        self.told.append((key, said.get("status", ""), codes))

    def untrue(self, order_ids: Iterable[str]) -> list[str]:
        """What the buyer was told and is not so, now that all is at rest; with their orders."""
        orders = [DynamoOrderRepository().get_by_id(order_id) for order_id in order_ids]
        last = max(orders, key=lambda order: order.placed_at, default=None)
        wrong = (told_truly(last, status, codes) for _, status, codes in self.told)
        # A buyer who was declined under one key may have bought under the next.
        return [w for w in wrong if w and not (len(self.keys) > 1 and "failed" in w)]


class _Sold:
    """A catalogue in which some product sells every SKU."""

    def product_id_for(self, sku: str) -> str | None:
        return "mug"


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))


def _final(answer: ApiResponse) -> None:
    if answer.status >= 500 or (answer.status == 409 and answer.json.get("code") == "stale"):
        raise Failed(answer.text)


class as_staff:  # noqa: N801  reads as a phrase
    """The environment of a Lambda behind the staff's authorizer."""

    def __init__(self, groups: str = "staff,fulfilment") -> None:
        self._groups = groups

    def __enter__(self) -> None:
        self._before = {name: os.environ[name] for name in ("ACCESS", "ACCESS_GROUPS")}
        os.environ.update(ACCESS="staff", ACCESS_GROUPS=self._groups)

    def __exit__(self, *_: object) -> None:
        os.environ.update(self._before)
