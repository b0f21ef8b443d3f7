"""A buyer's requests for one purchase, and every later action on its order."""

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
from shop.kernel.errors import Contention, NotFound, VersionConflict
from shop.kernel.ids import derived_id
from shop.kernel.usage import UsageReservation
from shop.orders.store import DynamoOrderRepository
from tests.kit.faults import without_faults
from tests.kit.invariants import false_statement
from tests.kit.products import payment_body
from tests.kit.shop import ApiResponse, Context, call
from verification.simulated_aws import WEBHOOK_SECRET, Clock

STAFF: Mapping[str, Any] = {
    "sub": "staff",
    "username": "staff",
    "iss": "http://issuer.test",
    "token_use": "access",
    "client_id": "shop-client",
    "cognito:groups": "[staff fulfilment catalog]",
}
AFTER_DEADLINE = timedelta(minutes=31)
_LOST_RACE = frozenset({Contention.code, VersionConflict.code})
"""Error codes of a request that another one overtook; the buyer sends it again."""
"""A little more than the payment window."""


class RequestFailed(Exception):
    """A response that asks the client to retry."""


Handler = Callable[[dict[str, Any], Any], dict[str, Any]]


@dataclass
class Purchase:
    """One buyer with one checkout session and two SKUs that no other buyer uses.

    A violation of an invariant therefore names the purchase. Each method is one action of an actor
    and raises RequestFailed if the actor has to repeat it.
    """

    number: int
    token: str = "tok_success"  # noqa: S105  a test token of the sandbox
    handler: Handler = complete_checkout.handler
    """Handler that completes the checkout: the shop's own, or a mutant."""
    responses: list[tuple[str, str, tuple[str, ...]]] = field(default_factory=list)
    """Key, status and message codes of every response to the buyer."""
    keys: set[str] = field(default_factory=set)
    problems: list[str] = field(default_factory=list)
    """What was wrong after all work had finished."""
    read_versions: dict[str, int] = field(default_factory=dict)
    """Stock level versions that staff read and have no response for yet, by SKU."""
    time_out: Callable[[str], None] = lambda order_id: None
    """Ends the workflow's wait for the shipment of an order."""

    @property
    def session_id(self) -> str:
        return f"chk_test{self.number:08d}"

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
    def usage(self) -> tuple[UsageReservation, ...]:
        """A coupon with one use, one use of it by this customer, and a sale's last units."""
        return (
            UsageReservation("code", self.code, 1, None, "tenth"),
            UsageReservation("customer", f"{self.code}#jane", 1, 1, "tenth"),
            UsageReservation("quota", self.code, 3, 3, "flash"),
        )

    @property
    def order_id(self) -> str:
        """Id of the order of the first attempt."""
        return derived_id("ord", self.session_id, "1")

    @property
    def reference(self) -> str:
        return derived_id("pay", self.order_id)

    # ------------------------------------------------------------------ the buyer

    def complete(self, key: str = "first", token: str | None = None) -> None:
        """Complete the checkout. Without any token no payment is sent."""
        self.keys.add(key)
        answer = call(
            self.handler,
            "POST /checkout-sessions/{id}/complete",
            payment_body(token or self.token) if token or self.token else {},
            key=self._key(key),
            id=self.session_id,
        )
        self._record(key, answer)

    def cancel_checkout(self) -> None:
        answer = call(
            cancel_checkout.handler,
            "POST /checkout-sessions/{id}/cancel",
            key=self._key("cancel"),
            id=self.session_id,
        )
        self._record("cancel", answer)

    def answer_challenge(self, *, approved: bool) -> None:
        answer = call(
            answer_challenge.handler,
            "POST /sandbox/challenges/{reference}",
            {"approved": approved},
            reference=self.reference,
        )
        _raise_if_failed(answer)

    # ------------------------------------------------------------------ staff

    def ship(
        self,
        lines: Sequence[Mapping[str, Any]] | None = None,
        number: str = "A",
        location: str | None = None,
    ) -> None:
        """Ship the lines, by default everything, in the shipment with this number."""
        body: dict[str, Any] = {"carrier": "acme", "tracking_number": self.tracking_number(number)}
        if lines is not None:
            body["lines"] = lines
        if location is not None:
            body["location"] = location
        route = "POST /staff/orders/{id}/parcels"
        with as_staff():
            answer = call(create_shipment.handler, route, body, claims=STAFF, id=self.order_id)
        _raise_if_failed(answer)

    def return_goods(self, pieces: int, key: str) -> None:
        """Record the return of pieces of the first line, and put them back in stock."""
        route = "POST /staff/orders/{id}/returns"
        line = {"id": "li_1", "quantity": pieces, "restock": True}
        body = {"lines": [line], "reason": "it does not pour"}
        with as_staff():
            answer = call(
                create_return.handler,
                route,
                body,
                key=self._key(key),
                claims=STAFF,
                id=self.order_id,
            )
        _raise_if_failed(answer)

    def receive_stock(self, units: int) -> None:
        """Receive units of the first article, against the version of the level that staff read.

        Without a response staff repeat the same request. After a version conflict they read the
        level again.
        """
        sku = self.skus[0]
        with without_faults():
            version = self.read_versions.setdefault(sku, DynamoStockRepository().level(sku).version)
        body = {"kind": "receive", "sku": sku, "units": units, "version": version}
        entries = replace(create_stock_movement.stock_entries, sku_directory=_EverySku())
        with (
            as_staff("staff,catalog"),
            patch.object(create_stock_movement, "stock_entries", entries),
        ):
            answer = call(
                create_stock_movement.handler,
                "POST /staff/stock-movements",
                body,
                key=self._key(f"delivery-{version}"),
                claims=STAFF,
            )
        if answer.status == 409:
            del self.read_versions[sku]
        _raise_if_failed(answer)

    def write_off(self, location: str = MAIN_LOCATION) -> None:
        """Write off all available units of the second article."""
        stock = DynamoStockRepository()
        level = stock.level(self.skus[1], location)
        if level.available > 0:
            write_off_stock(
                self.skus[1],
                level.available,
                AuditInfo("staff", Clock.now(), "broken"),
                expected_version=level.version,
                stock_writer=stock,
                location=location,
            )

    def cancel_order(self) -> None:
        route, body = "POST /staff/orders/{id}/cancel", {"reason": "the mug is cracked"}
        with as_staff():
            answer = call(cancel_order.handler, route, body, claims=STAFF, id=self.order_id)
        _raise_if_failed(answer)

    # ------------------------------------------------------------------ carrier and schedules

    def report_shipment(self, status: str, number: str = "A") -> None:
        """Send the carrier's event of a shipment, if the shop created that shipment."""
        with without_faults():
            try:
                DynamoOrderRepository().find_shipment("acme", self.tracking_number(number))
            except NotFound:
                return
        at = Clock.now()
        event = {
            "id": f"{self.number}-{number}-{status}",
            "tracking_number": self.tracking_number(number),
            "status": status,
            "occurred_at": at.isoformat(),
        }
        text = json.dumps(event, separators=(",", ":"))
        headers = sign(decode_signing_key(WEBHOOK_SECRET), event["id"], at, text.encode())
        answer = call(
            receive_carrier_event.handler,
            "POST /webhooks/carriers/{carrier}",
            raw=text,
            headers=headers,
            key="",
            carrier="acme",
        )
        _raise_if_failed(answer)

    def expire(self) -> None:
        """Run the workflow's compensation of an unpaid order at any moment."""
        payload = {"order_id": self.order_id, "failure": {"Error": "States.Timeout"}}
        try:
            compensate_payment.handler(payload, Context())
        except NotFound:
            return  # the order was not placed yet

    def compensate_shipment(self) -> None:
        """Run the workflow's compensation of an order that was not shipped in time."""
        try:
            compensate_shipment.handler({"order_id": self.order_id}, Context())
        except NotFound:
            return  # the order was not placed yet

    def time_out_shipment(self) -> None:
        self.time_out(self.order_id)

    def sweep(self) -> None:
        """Run the scheduled job that expires overdue orders, after the deadline."""
        Clock.offset = max(Clock.offset, AFTER_DEADLINE)
        expire_unpaid_orders.handler({}, Context())

    def allocate_backorders(self) -> None:
        """Run the scheduled job that allocates received stock to waiting orders."""
        allocate_backorders.handler({}, Context())

    # ------------------------------------------------------------------ responses

    def tracking_number(self, number: str) -> str:
        return f"P{self.number}-{number}"

    def false_statements(self, order_ids: Iterable[str]) -> list[str]:
        """Return the untrue responses to the buyer, once all work has finished."""
        orders = [DynamoOrderRepository().get_by_id(order_id) for order_id in order_ids]
        last = max(orders, key=lambda order: order.placed_at, default=None)
        found = []
        for _, status, codes in self.responses:
            # A buyer whose payment failed under one key may have bought under the next.
            replaced = len(self.keys) > 1 and status != "completed" and "payment_failed" in codes
            statement = false_statement(last, status, codes)
            if statement and not replaced:
                found.append(statement)
        return found

    def _key(self, key: str) -> str:
        return f"{self.session_id}-{key}-0123456789"

    def _record(self, key: str, answer: ApiResponse) -> None:
        body = answer.json
        codes = tuple(m["code"] for m in body.get("messages", ()) if "code" in m)
        if answer.status >= 500 or _LOST_RACE.intersection(codes):
            raise RequestFailed(answer.text)
        self.responses.append((key, body.get("status", ""), codes))


class _EverySku:
    """A catalog with a product for every SKU."""

    def product_id_for(self, sku: str) -> str | None:
        return "mug"


def _raise_if_failed(answer: ApiResponse) -> None:
    lost_race = answer.status == 409 and answer.json.get("code") in _LOST_RACE
    if answer.status >= 500 or lost_race:
        raise RequestFailed(answer.text)


class as_staff:  # noqa: N801  reads as a phrase
    """The environment of a Lambda behind the staff authorizer."""

    def __init__(self, groups: str = "staff,fulfilment") -> None:
        self._groups = groups

    def __enter__(self) -> None:
        self._before = {name: os.environ[name] for name in ("ACCESS", "ACCESS_GROUPS")}
        os.environ.update(ACCESS="staff", ACCESS_GROUPS=self._groups)

    def __exit__(self, *_: object) -> None:
        os.environ.update(self._before)
