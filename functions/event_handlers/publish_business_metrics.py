"""Publish business metrics: orders placed, confirmed, untaxed, revenue, failed payments."""

from shop.entrypoints.eventbridge import EventEnvelope, emit_metrics, event_handler
from shop.entrypoints.http import log, required_setting
from shop.kernel.money import Money

STAGE = required_setting("STAGE")
COUNTERS = {
    "OrderPlaced": "OrdersPlaced",
    "OrderConfirmed": "OrdersConfirmed",
    "PaymentFailed": "PaymentsFailed",
}


@event_handler
def handler(event: EventEnvelope) -> None:
    emit_metrics({COUNTERS[event.type]: 1}, event.at, Stage=STAGE)
    if place := event.data.get("untaxed_undecided"):
        # No tax was charged, and no staff user decided so (docs/rules/pricing.md §10.5b).
        log.warning("untaxed_undecided", extra={"place": place, "order_id": event.subject})
        emit_metrics({"OrdersUntaxedUndecided": 1}, event.at, Stage=STAGE)
    if event.type == "OrderConfirmed":
        amount = Money(event.data["total"], event.data["currency"])
        emit_metrics(
            {"Revenue": float(amount.decimal)}, event.at, Stage=STAGE, Currency=amount.currency
        )
