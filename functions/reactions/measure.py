"""The business in numbers: orders placed and confirmed, revenue, payments that failed."""

from shop.edge.http import setting
from shop.edge.reaction import Happening, measured, reaction
from shop.kernel.money import Money

STAGE = setting("STAGE")
COUNTED = {
    "OrderPlaced": "OrdersPlaced",
    "OrderConfirmed": "OrdersConfirmed",
    "PaymentFailed": "PaymentsFailed",
}


@reaction
def handler(event: Happening) -> None:
    measured({COUNTED[event.type]: 1}, event.at, Stage=STAGE)
    if event.type == "OrderConfirmed":
        amount = Money(event.data["total"], event.data["currency"])
        measured(
            {"Revenue": float(amount.decimal)}, event.at, Stage=STAGE, Currency=amount.currency
        )
