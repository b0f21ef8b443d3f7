"""`make demo`: one purchase, from search to delivery, in the running shop.

Every step is a plain HTTP request that any client could send. At the end the demo reads the
workflow's states, the emails and the payment, and fails if one is missing.
"""

import argparse
import json
import urllib.request
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from local.cloud import CLOUD_HOME, Cloud
from local.http_actors import (
    CARRIER,
    Carrier,
    HttpClient,
    is_allocated,
    sign_in,
    sign_up,
    wait_until,
)
from local.processes import CloudError
from shop.kernel.money import Money

STAFF = "demo.staff@doorbuster.example"
PASSWORD = "Doorbuster-demo-1"  # noqa: S105  of a user on this laptop only

EMAILS = 3
"""The confirmation, the shipment and the arrival."""

ADDRESS = {
    "first_name": "Jane",
    "last_name": "Doe",
    "street_address": "123 Main St",
    "address_locality": "Springfield",
    "address_region": "IL",
    "postal_code": "62701",
    "address_country": "US",
}

console = Console(highlight=False)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m local.demo", description=__doc__)
    parser.add_argument("--query", default="backpack", help="text to search for")
    parser.add_argument("--home", default=str(CLOUD_HOME))
    args = parser.parse_args()
    cloud = Cloud(Path(args.home))
    if not cloud.is_up():
        console.print("[red]✗[/red] The shop does not run. Start it with: make up")
        raise SystemExit(1)
    try:
        order_id = buy(cloud, args.query)
        sign_up(cloud, STAFF, PASSWORD, "staff")
        staff = HttpClient(cloud.url, sign_in(cloud, STAFF, PASSWORD, staff=True))
        ship_and_deliver(cloud, staff, order_id)
        show_summary(cloud, staff, order_id)
    except (RuntimeError, TimeoutError, CloudError) as failure:
        console.print(f"[red]✗[/red] {failure}", markup=True, soft_wrap=True)
        raise SystemExit(1) from None


def buy(cloud: Cloud, query: str) -> str:
    """Search, fill a cart, check out and pay. Returns the order's id."""
    guest = HttpClient(cloud.url)
    profile = guest.get("/.well-known/ucp")
    print_step(f"GET /.well-known/ucp: the shop speaks UCP {profile['ucp']['version']}")

    found = guest.post("/catalog/search", {"query": query, "pagination": {"limit": 5}})
    if not found["products"]:
        raise RuntimeError(f"no product matches {query!r}; make up imports the sample products")
    product = found["products"][0]
    variant = product["variants"][0]
    print_step(
        f"POST /catalog/search {query!r}: {product['title']}, {money(variant['price'])}"
        f" (first of {len(found['products'])})"
    )

    line = {"item": {"id": variant["id"]}, "quantity": 2}
    cart = guest.post("/carts", {"line_items": [line]})
    print_step(f"POST /carts: {cart['id']}, total {total(cart)}")

    checkout = guest.post(
        "/checkout-sessions",
        {"cart_id": cart["id"], "buyer": {"email": "jane@example.com", "first_name": "Jane"}},
    )
    print_step(
        f"POST /checkout-sessions: {checkout['id']}, {checkout['status']}: the address is missing"
    )
    path = f"/checkout-sessions/{checkout['id']}"
    update = {
        "line_items": checkout["line_items"],
        "buyer": checkout["buyer"],
        "fulfillment": {"methods": [{"type": "shipping", "destinations": [ADDRESS]}]},
    }
    checkout = guest.put(path, update)
    group = checkout["fulfillment"]["methods"][0]["groups"][0]
    offered = ", ".join(option["title"] for option in group["options"])
    print_step(f"PUT {path}: {checkout['status']}, total {total(checkout)}, shipping by {offered}")

    done = guest.post(f"{path}/complete", payment_body("tok_success"))
    if done["status"] != "completed":
        raise RuntimeError(f"the checkout is {done['status']}: {done.get('messages')}")
    order_id: str = done["order"]["id"]
    print_step(f"POST {path}/complete: {done['status']}, order {order_id}")
    return order_id


def ship_and_deliver(cloud: Cloud, staff: HttpClient, order_id: str) -> None:
    """Ship the order, report its delivery as the carrier, and wait until it completes."""
    print_step("wait until the order's workflow has allocated a location", mark="…")
    wait_until(lambda: staff.get(f"/staff/orders/{order_id}"), is_allocated)
    number = f"PP{order_id[-10:].upper()}"
    staff.post(f"/staff/orders/{order_id}/parcels", {"carrier": CARRIER, "tracking_number": number})
    print_step(f"POST /staff/orders/{order_id}/parcels: handed to the sample carrier as {number}")

    carrier = Carrier(cloud)
    for status, text in (
        ("in_transit", "Arrived at the sorting centre"),
        ("out_for_delivery", "On the van"),
        ("delivered", "Delivered"),
    ):
        reply = carrier.report_status(number, status, at=datetime.now(UTC).isoformat(), text=text)
        if reply.status != 202:
            raise RuntimeError(f"the carrier's webhook returned {reply.status}: {reply.text}")
        print_step(f"POST /webhooks/carriers/{CARRIER}: {status}, signed, accepted (202)")
    print_step("wait until the workflow has captured the payment and completed the order", mark="…")
    wait_until(
        lambda: staff.get(f"/staff/orders/{order_id}"),
        lambda order: order["status"] == "completed",
    )
    print_step("The order is completed")


def show_summary(cloud: Cloud, staff: HttpClient, order_id: str) -> None:
    """Print the order as the buyer sees it, and the services that processed it."""
    order = HttpClient(cloud.url).get(f"/orders/{order_id}")
    timeline = Table(title=f"Order {order_id}", title_justify="left")
    for column in ("time (UTC)", "event", "pieces", "description"):
        timeline.add_column(column)
    for event in order["fulfillment"]["events"]:
        pieces = sum(line["quantity"] for line in event["line_items"])
        timeline.add_row(
            event["occurred_at"][:19].replace("T", " "),
            event["type"],
            str(pieces),
            event.get("description", ""),
        )
    console.print(timeline)

    trace = Table(title="Behind the API", title_justify="left", show_header=False)
    trace.add_row("Step Functions", " → ".join(workflow_states(cloud, order_id)))
    subjects = wait_until(
        lambda: sent_email_subjects(cloud, order_id), lambda found: len(found) == EMAILS
    )
    trace.add_row("Streams → EventBridge → SES", "\n".join(subjects))
    trace.add_row("Payment", captured_amount(staff, order_id))
    console.print(trace)


def captured_amount(staff: HttpClient, order_id: str) -> str:
    """Return what the payment provider captured. Raises RuntimeError if that is not the total."""
    order = staff.get(f"/staff/orders/{order_id}")
    captured = sum(
        entry["amount"] for entry in order["payment"]["entries"] if entry["kind"] == "captured"
    )
    amount = money({"amount": captured, "currency": order["currency"]})
    if captured != order["total"]:
        raise RuntimeError(f"Of order {order_id}, {amount} was captured: not its total.")
    return f"{amount} captured after shipment"


def workflow_states(cloud: Cloud, order_id: str) -> list[str]:
    """Return the states that the order's execution entered, and its end."""
    workflows = cloud.client("stepfunctions")
    machine = next(
        m["stateMachineArn"]
        for m in workflows.list_state_machines()["stateMachines"]
        if m["name"] == f"doorbuster-{cloud.stage}-order"
    )
    execution = machine.replace(":stateMachine:", ":execution:") + f":{order_id}"
    wait_until(
        lambda: workflows.describe_execution(executionArn=execution)["status"],
        lambda status: status != "RUNNING",
    )
    history = workflows.get_execution_history(executionArn=execution, maxResults=1000)["events"]
    entered = [
        event["stateEnteredEventDetails"]["name"]
        for event in history
        if "stateEnteredEventDetails" in event
    ]
    if history[-1]["type"] != "ExecutionSucceeded":
        raise RuntimeError(f"The workflow of order {order_id} ended with {history[-1]['type']}.")
    return [*entered, "succeeded"]


def sent_email_subjects(cloud: Cloud, order_id: str) -> list[str]:
    """Return the subjects of the emails that mention the order."""
    url = f"{cloud.endpoint}/_ministack/ses/messages"
    with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310  the emulator, on loopback
        args: Any = json.loads(answer.read())
    sent = [message for account in args["messages"].values() for message in account]
    return [m["Subject"] for m in sent if order_id in m["BodyText"]]


def payment_body(token: str) -> dict[str, Any]:
    """Return the body that completes a checkout with one of the sandbox's tokens."""
    credential = {"type": "token", "token": token}
    instrument = {"id": "card", "handler_id": "sandbox", "type": "token", "credential": credential}
    return {"payment": {"instruments": [{**instrument, "selected": True}]}}


def total(shown: dict[str, Any]) -> str:
    amount = next(t["amount"] for t in shown["totals"] if t["type"] == "total")
    return money({"amount": amount, "currency": shown["currency"]})


def money(price: dict[str, Any]) -> str:
    return str(Money(price["amount"], price["currency"]))


def print_step(text: str, mark: str = "[green]✓[/green]") -> None:
    console.print(f"  {mark} {text}", soft_wrap=True)


if __name__ == "__main__":
    main()
